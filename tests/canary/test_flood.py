"""Bounds on lines in the log."""

from dataclasses import replace
from datetime import UTC, datetime

from survey.canary.flood import Floodgate
from survey.model.arrival import Arrival, ArrivalKind

STRANGER = Arrival(
    at=datetime(2026, 11, 23, tzinfo=UTC),
    kind=ArrivalKind.CONNECTION,
    token="",
    nonce="",
    peer=bytes(16),
    peer_port=1,
    canary_port=25,
    complete=False,
    sender=b"",
    helo=b"",
    size=0,
)


def test_strangers_share_a_bucket() -> None:
    """After a burst, so many lines per second and no more; the rest is counted."""
    gate = Floodgate(strangers_per_second=2, strangers_burst=10)

    assert sum(gate.admits(STRANGER, 100.0) for _ in range(50)) == 10
    assert sum(gate.admits(STRANGER, 101.0) for _ in range(50)) == 2
    assert gate.take() == 40 + 48
    assert gate.take() == 0


def test_bucket_never_holds_more_than_a_burst() -> None:
    """A quiet night gives no right to a bigger flood."""
    gate = Floodgate(strangers_per_second=2, strangers_burst=10)
    gate.admits(STRANGER, 0.0)

    assert sum(gate.admits(STRANGER, 10_000.0) for _ in range(50)) == 10


def test_repeats_of_one_token_are_bounded_apart_by_kind() -> None:
    """Whoever repeats one event of a token can't hide another."""
    gate = Floodgate(repeats=3)
    callout = replace(STRANGER, kind=ArrivalKind.CALLOUT, token="t")
    message = replace(callout, kind=ArrivalKind.MESSAGE)

    assert [gate.admits(callout, 0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert gate.admits(message, 0.0)
    assert gate.admits(replace(message, complete=True), 0.0)
    assert gate.admits(replace(callout, token="u"), 0.0)
    assert gate.take() == 2


def test_memory_is_bounded_and_keeps_the_latest() -> None:
    """A token that is repeated without a pause is not forgotten for the sake of others."""
    gate = Floodgate(repeats=3, remembered=10)
    loud = replace(STRANGER, kind=ArrivalKind.TUNNEL, token="loud")

    admitted = 0
    for number in range(100):
        admitted += gate.admits(loud, 0.0)
        gate.admits(replace(loud, token=str(number)), 0.0)

    assert admitted == 3
    assert len(gate._seen) == 10
