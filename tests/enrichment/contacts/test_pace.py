"""How often a server is asked."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from survey.enrichment.contacts.names import UnsureError
from survey.enrichment.contacts.pace import LEFT_ALONE, SILENCES, Pace


def test_turns_at_one_server_are_spread_whoever_asks() -> None:
    """No two threads get the same turn; another server's turns are its own."""
    slept: list[float] = []
    pace = Pace(100, lambda: 0.0, slept.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: pace.turn("rdap.a.example", 60), range(20)))

    assert sorted(slept) == [float(second) for second in range(1, 20)]
    pace.turn("rdap.b.example", 60)
    assert len(slept) == 19


def test_time_that_passed_is_not_made_up_for() -> None:
    """After a pause there is no burst."""
    now, slept = [0.0], []
    pace = Pace(100, lambda: now[0], slept.append)
    pace.turn("a.example", 60)
    now[0] = 100.0
    pace.turn("a.example", 60)
    assert slept == []
    pace.turn("a.example", 60)
    assert slept == [1.0]


def test_silence_is_forgiven_by_an_answer() -> None:
    """Only a few in a row count."""
    now = [0.0]
    pace = Pace(100, lambda: now[0], lambda _: None)
    for _ in range(SILENCES - 1):
        pace.silent("a.example")
    pace.answered("a.example")
    pace.silent("a.example")
    pace.turn("a.example", 60)
    for _ in range(SILENCES - 1):
        pace.silent("a.example")
    with pytest.raises(UnsureError, match="left alone"):
        pace.turn("a.example", 60)
    now[0] = LEFT_ALONE
    pace.turn("a.example", 60)
