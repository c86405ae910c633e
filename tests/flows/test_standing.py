"""How a scan stands adds up from receipts and reports, whatever order they come in."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from survey.flows.optout_lag import InForce
from survey.flows.standing import Leasing, Standing, State
from survey.model.assignment import Progress, Receipt

NOON = datetime(2026, 11, 24, tzinfo=UTC)


def leasing(cap: int) -> Leasing:
    """Nothing is the matter."""
    return Leasing(cap, slots=2, resting=0, silence=0.0, optouts=InForce(), reason="")


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def receipt(shard: int) -> Receipt:
    """Of a hundred targets, three of them open."""
    counts = {"planned": 100, "sent": 100, "open": 3, "refused": 97, "packets": 140}
    rest = ("excluded", "opted_out", "silent", "unreachable", "conversations", "aborted")
    return Receipt(
        run="r",
        plan_hash="h",
        shard=shard,
        first_index=shard * 100,
        addresses=100,
        attempt=0,
        slot=0,
        epoch=1,
        worker="w:1",
        version="0",
        started_at=NOON,
        finished_at=NOON,
        observations=0,
        max_rate=0,
        **counts,
        **dict.fromkeys(rest, 0),
    )


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def progress(shard: int, done: int, packets: int, attempt: int = 0) -> Progress:
    """A report of one shard."""
    return Progress(shard, attempt, 100, done, done // 10, packets, 0, 0)


def test_receipts_and_reports_add_up(clock: Clock) -> None:
    """What is committed and what is under way, each once."""
    standing = Standing(400, 4, [receipt(0)], {}, clock)
    standing.begin(1, 0)
    standing.begin(2, 0)
    standing.note(progress(1, 50, 60))
    standing.note(progress(2, 10, 12))
    standing.commit(receipt(1))
    standing.note(progress(1, 50, 60))

    status = standing.status(State.RUNNING, leasing(1000))

    assert (status.done, status.found, status.committed, status.running) == (210, 7, 2, 1)


def test_reports_of_an_attempt_before_are_passed_over(clock: Clock) -> None:
    """A zombie's progress is nobody's."""
    standing = Standing(100, 1, [], {}, clock)
    standing.begin(0, 0)
    standing.note(progress(0, 90, 90))
    standing.lose(0)
    standing.begin(0, 1)
    standing.note(progress(0, 95, 95))
    standing.note(progress(0, 5, 5, attempt=1))

    assert standing.status(State.RUNNING, leasing(10)).done == 5


def test_rate_and_time_left_are_told_from_the_recent_pace(clock: Clock) -> None:
    """Packets per second now; seconds left from targets, which never turn negative."""
    standing = Standing(200, 2, [receipt(0)], {}, clock)
    standing.begin(1, 0)
    first = standing.status(State.RUNNING, leasing(100))
    for second in range(1, 11):
        clock.now = float(second)
        standing.note(progress(1, second * 5, second * 6))
        status = standing.status(State.RUNNING, leasing(100))

    assert (first.rate, first.eta) == (0.0, None)
    assert status.rate == pytest.approx(6.0)
    assert status.eta == pytest.approx((100 - 50) / 5)


def test_done_never_passes_planned(clock: Clock) -> None:
    """Not even by a report that comes twice."""
    standing = Standing(100, 1, [receipt(0)], {}, clock)
    standing.begin(0, 0)
    standing.note(replace(progress(0, 80, 80)))

    assert standing.status(State.RUNNING, leasing(10)).done == 100


def test_what_may_have_been_sent_twice_is_counted(clock: Clock) -> None:
    """Over restarts of the coordinator too, and never less than it was."""
    handed = {0: 2, 1: 1}  # shard 0 was lost once before it was committed, shard 1 not yet done
    standing = Standing(300, 3, [receipt(0)], handed, clock)
    before = standing.status(State.RUNNING, leasing(10))
    standing.begin(2, 0)
    standing.note(progress(2, 40, 50))
    standing.lose(2)
    after = standing.status(State.RUNNING, leasing(10))

    assert (before.retries, before.repeated) == (2, 200)
    assert after.repeated == 300


def test_what_a_lost_worker_saw_stays_in_the_samples(clock: Clock) -> None:
    """Else its loss would look as if ports had closed; results don't count it."""
    standing = Standing(200, 2, [], {}, clock)
    standing.begin(0, 0)
    seen = replace(progress(0, 50, 60), sent=50, found=20, refused=5, shortages=1)
    standing.note(seen)
    before = standing.sample()
    standing.lose(0)

    assert standing.sample() == before
    assert (before.sent, before.opened, before.answered, before.shortages) == (50, 20, 25, 1)
    assert standing.status(State.RUNNING, leasing(10)).found == 0
