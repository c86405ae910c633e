"""Who may send, and until when surely, counted by the coordinator (law 5)."""

import pytest
from virtual_time import VirtualClock

from survey.cluster.leases import HEARTLESS, Leases
from survey.model.control import Lease, Renewal, Word

LEASE, GRACE = 12.0, 6.0
FIRST, SECOND = Lease(0, 10, 0), Lease(1, 11, 0)


@pytest.fixture
def clock() -> VirtualClock:
    """A clock at some moment."""
    return VirtualClock()


@pytest.fixture
def leases(clock: VirtualClock) -> Leases:
    """Coordinator number 4, whose heart has just beaten."""
    made = Leases(4, 1000, LEASE, clock, GRACE)
    beat(made)
    return made


def beat(leases: Leases, optouts: int = 0) -> None:
    """Live on."""
    leases.beat(paused=False, rate=500, optouts=optouts)


def ask(
    leases: Leases, lease: Lease = FIRST, holder: str = "me", optouts: int = 0, epoch: int = 4
) -> Word | None:
    """A worker's question."""
    return leases.answer(Renewal(epoch, lease, holder, optouts))


def granted(word: Word | None) -> bool:
    """Whether the answer was yes."""
    assert word is not None
    return word.granted


def test_word_says_all_that_is_wished(leases: Leases, clock: VirtualClock) -> None:
    """One channel for the cap, pause, stop and opt-outs."""
    leases.grant(FIRST)
    leases.beat(paused=True, rate=300, optouts=7)

    assert ask(leases) == Word(4, True, False, True, 300, 7, clock.now)
    leases.stop()
    word = ask(leases)
    assert word is not None
    assert word.stop
    assert (leases.stopped, leases.paused, leases.rate) == (True, True, 300)


def test_only_a_granted_lease_of_this_epoch_is_renewed(leases: Leases) -> None:
    """Not one that was never granted, nor one of a coordinator before."""
    leases.grant(FIRST)

    assert granted(ask(leases))
    assert not granted(ask(leases, SECOND))
    assert not granted(ask(leases, epoch=3))
    leases.finish(FIRST)
    assert not granted(ask(leases))


def test_lease_has_one_holder_ever(leases: Leases) -> None:
    """An assignment that is carried out twice sends once."""
    leases.grant(FIRST)

    assert granted(ask(leases, holder="one"))
    assert not granted(ask(leases, holder="other"))
    assert granted(ask(leases, holder="one"))


def test_revoked_lease_is_over_after_its_last_answer(leases: Leases, clock: VirtualClock) -> None:
    """Not counted from when the worker was found to be lost."""
    leases.grant(FIRST)
    ask(leases)
    answered = clock.now
    clock.pass_by(5)

    assert leases.revoke(FIRST) == answered + LEASE + GRACE
    beat(leases)
    assert not granted(ask(leases))
    assert not leases.over()
    clock.now = answered + LEASE + GRACE
    assert leases.over()


def test_lease_that_is_not_renewed_expires(leases: Leases, clock: VirtualClock) -> None:
    """The coordinator need not wait for the executor to notice a worker that is cut off."""
    leases.grant(FIRST)
    clock.pass_by(100)
    assert not leases.expired(FIRST)  # nobody has asked for it yet
    beat(leases)
    ask(leases)
    clock.pass_by(LEASE + GRACE - 0.01)
    assert not leases.expired(FIRST)
    clock.pass_by(0.01)
    assert leases.expired(FIRST)


def test_lease_that_was_never_asked_for_is_over_at_once(
    leases: Leases, clock: VirtualClock
) -> None:
    """Without an answer its worker never sent anything, and will get none."""
    leases.grant(FIRST)
    clock.pass_by(1)

    assert leases.revoke(FIRST) == clock.now
    assert not granted(ask(leases))
    assert leases.over()


def test_heart_that_has_stopped_renews_nothing(leases: Leases, clock: VirtualClock) -> None:
    """It could not know of a stop or an opt-out."""
    leases.grant(FIRST)
    clock.pass_by(HEARTLESS)
    assert granted(ask(leases))
    clock.pass_by(0.01)

    assert ask(leases) is None
    beat(leases)
    assert granted(ask(leases))


def test_cut_off_worker_stops_within_15_seconds_of_any_wish() -> None:
    """The last beat before the wish, answered as late as can be, and a whole lease."""
    assert HEARTLESS + LEASE <= 15


def test_stop_gives_no_new_time(leases: Leases, clock: VirtualClock) -> None:
    """The wait for old leases does not begin anew with each question."""
    leases.grant(FIRST)
    ask(leases)
    answered = clock.now
    leases.stop()
    clock.pass_by(2)
    ask(leases)

    assert leases.revoke(FIRST) == answered + LEASE + GRACE


def test_opt_outs_are_obeyed_when_the_last_possible_sender_obeys(
    leases: Leases, clock: VirtualClock
) -> None:
    """A lost worker counts until its lease is surely over."""
    leases.grant(FIRST)
    leases.grant(SECOND)
    ask(leases, FIRST)
    ask(leases, SECOND)
    beat(leases, optouts=3)
    assert leases.optouts_obeyed() == 0

    ask(leases, FIRST, optouts=3)
    assert leases.optouts_obeyed() == 0
    over_at = leases.revoke(SECOND)
    assert leases.optouts_obeyed() == 0
    clock.now = over_at
    assert leases.optouts_obeyed() == 3


def test_worker_that_begins_late_obeys_from_its_first_packet(leases: Leases) -> None:
    """It was told before it may send, so it delays nothing."""
    beat(leases, optouts=3)
    leases.grant(FIRST)
    assert leases.optouts_obeyed() == 3

    ask(leases, optouts=0)
    assert leases.optouts_obeyed() == 3
    beat(leases, optouts=4)
    assert leases.optouts_obeyed() == 3


def test_longest_silence_is_told(leases: Leases, clock: VirtualClock) -> None:
    """Of those who have asked at all."""
    assert leases.longest_silence() == 0.0
    leases.grant(FIRST)
    leases.grant(SECOND)
    assert leases.longest_silence() == 0.0
    ask(leases, FIRST)
    clock.pass_by(2)
    ask(leases, SECOND)
    assert leases.longest_silence() == 2
