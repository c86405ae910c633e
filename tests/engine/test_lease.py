"""A worker that does not hear from its coordinator stops, by its own clock (law 5)."""

from pathlib import Path
from typing import Any

import pytest
from made_scan import MadeScan, make_scan

from survey.engine.lease import LeaseWatch
from survey.errors import StoppedError


@pytest.fixture
def made(tmp_path: Path) -> MadeScan:
    """A plan whose leases last 3 s."""
    return make_scan(tmp_path)


@pytest.fixture
def watch(made: MadeScan, clock: Any) -> LeaseWatch:
    """The worker's end of shard 0."""
    return LeaseWatch(made.run, made.assignment(), 3.0, clock)


def test_nothing_may_be_sent_before_the_coordinator_has_spoken(watch: LeaseWatch) -> None:
    """A missing control file is no permission."""
    assert not watch.alive()
    with pytest.raises(StoppedError):
        watch.hear()


def test_lease_lives_as_long_as_new_beats_are_heard(
    made: MadeScan, watch: LeaseWatch, clock: Any
) -> None:
    """Each new beat gives the whole time anew."""
    for beat in range(5):
        made.say(made.assignment(), beat=beat)
        watch.hear()
        clock.pass_by(2.9)
        assert watch.assure()


def test_old_beat_gives_no_new_time(made: MadeScan, watch: LeaseWatch, clock: Any) -> None:
    """A coordinator that died leaves its last word behind; it counts once."""
    made.say(made.assignment())
    watch.hear()
    clock.pass_by(2)
    watch.hear()
    clock.pass_by(1)

    assert not watch.alive()
    with pytest.raises(StoppedError, match="nothing new"):
        watch.assure()
    with pytest.raises(StoppedError, match="nothing new"):
        watch.hear()


def test_fresh_word_revives_a_lease_that_was_not_given_up(
    made: MadeScan, watch: LeaseWatch, clock: Any
) -> None:
    """A frozen worker sends nothing until it has heard that its slot is still its own."""
    made.say(made.assignment())
    watch.hear()
    clock.pass_by(60)
    assert not watch.alive()

    made.say(made.assignment(), beat=2)
    watch.hear()
    assert watch.alive()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ({"stop": True}, "was stopped"),
        ({"epoch": 2}, "taken over"),
        ({"leases": ()}, "given this shard up"),
    ],
)
def test_end_of_a_lease_is_obeyed_at_once(
    made: MadeScan, watch: LeaseWatch, word: dict[str, object], why: str
) -> None:
    """Stop, another coordinator, and being given up for lost."""
    made.say(made.assignment())
    watch.hear()
    made.say(made.assignment(), **{"beat": 2} | word)

    with pytest.raises(StoppedError, match=why):
        watch.hear()
    assert not watch.alive()


def test_other_attempt_of_the_same_shard_is_another_lease(
    made: MadeScan, watch: LeaseWatch
) -> None:
    """A shard handed out again does not revive the first worker."""
    made.say(made.assignment(attempt=1, slot=1))

    with pytest.raises(StoppedError, match="given this shard up"):
        watch.hear()
