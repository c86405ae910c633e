"""A worker that does not hear from its coordinator stops, by its own clock (law 5)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from made_leases import MadeCoordinator
from made_scan import MadeScan, make_scan

from survey.engine import lease as module
from survey.engine.lease import LeaseWatch
from survey.engine.watchdog import boottime
from survey.errors import StoppedError
from survey.model.control import Word
from survey.storage.certificates import make_certificates, worker_tls

SECONDS = 2.4

Lead = Callable[[MadeScan], MadeCoordinator]


class Guard:
    """Notes when the process would be ended."""

    def __init__(self) -> None:
        self.until: float | None = None

    def arm(self, until: float) -> None:
        """At this moment."""
        self.until = until

    def disarm(self) -> None:
        """Not any more."""
        self.until = None


@pytest.fixture
def made(tmp_path: Path) -> MadeScan:
    """A plan whose leases are short."""
    return make_scan(tmp_path, lease_seconds=SECONDS)


@pytest.fixture
def chief(made: MadeScan, lead: Lead) -> MadeCoordinator:
    """Its coordinator."""
    return lead(made)


def watch_of(chief: MadeCoordinator, guard: Guard | None = None) -> LeaseWatch:
    """The worker's end of shard 0."""
    tls = worker_tls(chief.made.settings.keys)
    return LeaseWatch(chief.made.assignment(0, 0, 0, chief.address), tls, SECONDS, guard=guard)


async def test_nothing_may_be_sent_before_the_coordinator_has_spoken(
    chief: MadeCoordinator,
) -> None:
    """A lease begins with an answer."""
    chief.grant()
    watch = watch_of(chief)

    assert not watch.alive()
    with pytest.raises(StoppedError):
        watch.assure()
    word = await watch.begin()
    assert watch.assure()
    assert (word.granted, word.stop, word.rate) == (True, False, 20_000)
    watch.end()
    assert not watch.alive()


async def test_lease_counts_from_the_question_and_ends_a_little_early(
    chief: MadeCoordinator,
) -> None:
    """So it is over here before the coordinator can think so, with time to break off."""
    chief.grant()
    guard = Guard()
    watch = watch_of(chief, guard)
    before = boottime()
    await watch.begin()

    assert guard.until is not None
    assert before + SECONDS <= guard.until <= boottime() + SECONDS
    assert chief.give_up() >= guard.until  # both clocks are one machine's
    watch.end()
    assert guard.until is None


async def test_lease_lives_as_long_as_it_is_renewed(chief: MadeCoordinator) -> None:
    """Each answer gives the whole time anew, and each word is obeyed."""
    chief.grant()
    watch = watch_of(chief)
    await watch.begin()
    words: list[Word] = []

    def obey(word: Word) -> int:
        words.append(word)
        return word.optouts

    keeping = asyncio.create_task(watch.keep(obey))
    await asyncio.sleep(SECONDS * 1.2)

    assert watch.alive()
    assert not keeping.done()
    assert len(words) >= 5
    keeping.cancel()
    watch.end()


async def test_silence_ends_it_in_time(chief: MadeCoordinator) -> None:
    """By its own clock, before the watchdog has to."""
    chief.grant()
    guard = Guard()
    watch = watch_of(chief, guard)
    await watch.begin()
    chief.beating = False

    with pytest.raises(StoppedError, match=f"nothing was heard from the coordinator for {SECONDS}"):
        await watch.keep(lambda _: 0)

    assert not watch.alive()
    assert guard.until is not None
    assert boottime() < guard.until


async def test_coordinator_that_is_gone_is_told_with_the_reason(made: MadeScan) -> None:
    """Nothing listens there."""
    tls = worker_tls(made.settings.keys)
    watch = LeaseWatch(made.assignment(), tls, 0.6)

    with pytest.raises(StoppedError, match=r"nothing was heard .*Connect"):
        await watch.begin()


async def test_broken_line_is_made_anew(
    chief: MadeCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that drops a connection costs no lease."""
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    chief.grant()
    watch = watch_of(chief)
    await watch.begin()
    heard, enough = 0, asyncio.Event()

    def obey(_: Word) -> int:
        nonlocal heard
        heard += 1
        if heard < 5:
            watch._hang_up()
        elif heard > 8:
            enough.set()
        return 0

    keeping = asyncio.create_task(watch.keep(obey))
    await enough.wait()
    assert watch.alive()
    keeping.cancel()
    watch.end()


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda chief: chief.leases.stop(), "was stopped"),
        (lambda chief: chief.give_up(), "given this shard up"),
        (lambda chief: setattr(chief.leases, "_epoch", 2), "taken over"),
    ],
)
async def test_end_of_a_lease_is_obeyed_at_once(
    chief: MadeCoordinator, act: Callable[[MadeCoordinator], object], why: str
) -> None:
    """Stop, another coordinator, and being given up for lost."""
    chief.grant()
    watch = watch_of(chief)
    await watch.begin()
    act(chief)

    with pytest.raises(StoppedError, match=why):
        await watch.keep(lambda _: 0)
    assert not watch.alive()


async def test_other_attempt_of_the_same_shard_is_another_lease(chief: MadeCoordinator) -> None:
    """A shard handed out again does not revive the first worker."""
    chief.grant(attempt=1, slot=1)

    with pytest.raises(StoppedError, match="given this shard up"):
        await watch_of(chief).begin()


async def test_second_worker_on_one_lease_is_refused(chief: MadeCoordinator) -> None:
    """If an executor carries an assignment out twice, only the first may send."""
    chief.grant()
    first, second = watch_of(chief), watch_of(chief)
    await first.begin()

    with pytest.raises(StoppedError, match="given this shard up"):
        await second.begin()
    assert first.alive()
    first.end()


async def test_stranger_gets_no_lease(chief: MadeCoordinator, tmp_path: Path) -> None:
    """Certificates of another installation are worth nothing, on either side."""
    make_certificates(tmp_path / "strange")
    chief.grant()
    assignment = chief.made.assignment(0, 0, 0, chief.address)
    watch = LeaseWatch(assignment, worker_tls(tmp_path / "strange"), 0.6)

    with pytest.raises(StoppedError, match=r"CERTIFICATE|certificate"):
        await watch.begin()


async def test_workers_share_the_coordinators_clock(chief: MadeCoordinator) -> None:
    """Turns in a /24 are taken by it, so no worker's own clock matters."""
    chief.grant()
    chief.grant(shard=1, slot=1)
    tls = worker_tls(chief.made.settings.keys)
    here = watch_of(chief)
    behind = LeaseWatch(
        chief.made.assignment(1, 0, 1, chief.address),
        tls,
        SECONDS,
        clock=lambda: boottime() - 5000,
    )
    await here.begin()
    await behind.begin()

    assert abs(here.common_clock() - behind.common_clock()) < 0.5
    here.end()
    behind.end()


async def test_obeyed_opt_outs_are_told_at_once(
    chief: MadeCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coordinator knows when the last worker has them."""
    monkeypatch.setattr(chief, "beat", lambda: None)
    chief.grant()
    chief.leases.beat(paused=False, rate=1, optouts=0)
    watch = watch_of(chief)
    await watch.begin()
    chief.leases.beat(paused=False, rate=1, optouts=3)
    assert chief.leases.optouts_obeyed() == 0
    monkeypatch.setattr(chief.leases, "_heartless", 60.0)

    keeping = asyncio.create_task(watch.keep(lambda word: word.optouts))
    async with asyncio.timeout(20):
        while chief.leases.optouts_obeyed() < 3:  # noqa: ASYNC110 - in another thread
            await asyncio.sleep(0.01)
    keeping.cancel()
    watch.end()
