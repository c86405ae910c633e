"""The hand-out log tells when each shard was given to somebody."""

from datetime import UTC, datetime
from pathlib import Path

from survey.storage.handouts import Handout, add_handout, read_handouts
from survey.storage.layout import RunLayout

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_handouts_come_back_in_order(tmp_path: Path) -> None:
    """Oldest first, and private."""
    run = RunLayout(tmp_path / "run")
    handouts = (Handout(NOON, 4, 0, 1, 1), Handout(NOON, 4, 1, 0, 2))
    assert read_handouts(run) == ()

    for handout in handouts:
        add_handout(run, handout)

    assert read_handouts(run) == handouts
    assert run.handouts.stat().st_mode & 0o777 == 0o600


def test_torn_line_costs_no_other(tmp_path: Path) -> None:
    """What a crash left half-written was never handed out; the next line is whole."""
    run = RunLayout(tmp_path)
    run.handouts.write_bytes(b'{"at": "2026-11-')

    add_handout(run, Handout(NOON, 7, 0, 0, 1))

    assert read_handouts(run) == (Handout(NOON, 7, 0, 0, 1),)
