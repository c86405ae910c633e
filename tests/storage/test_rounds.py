"""Rounds of follow-ups: frozen once, found in their order, and as they were."""

from pathlib import Path

import pytest
from made_followups import IP, made_round, visit

from survey.errors import StorageError
from survey.model.followup import Reason
from survey.storage.layout import RunLayout
from survey.storage.rounds import (
    load_round,
    planned_numbers,
    round_hash,
    round_to_json,
    rounds_of,
    write_round,
)

ROUND = made_round(
    visit(number=1),
    visit(number=4, reason=Reason.GREYLISTED, variants=("V1",), token_attempt=0, source=IP),
    bounds=(0, 1, 2),
)


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run's folder."""
    return RunLayout(tmp_path / "run")


def test_a_round_comes_back_as_it_was_frozen(run: RunLayout) -> None:
    """Byte for byte, and its hash names it."""
    paths = write_round(run, ROUND)
    assert load_round(paths.plan) == ROUND
    assert paths.plan.read_bytes() == round_to_json(ROUND)
    assert round_hash(ROUND) == round_hash(load_round(paths.plan))
    assert round_hash(ROUND) != round_hash(made_round(visit(number=1)))
    assert paths.plan.stat().st_mode & 0o777 == 0o600


def test_a_round_is_cut_into_its_shards() -> None:
    """By its bounds, in order."""
    assert (ROUND.shards, ROUND.targets) == (2, 1)
    assert [ROUND.shard(index) for index in range(2)] == [ROUND.visits[:1], ROUND.visits[1:]]


def test_a_round_is_frozen_once(run: RunLayout) -> None:
    """Two that want the same number: the second is told."""
    write_round(run, ROUND)
    with pytest.raises(StorageError, match="is there already"):
        write_round(run, made_round(visit(number=9)))
    assert planned_numbers(run) == {1, 4}


def test_rounds_are_found_in_their_order(run: RunLayout) -> None:
    """One that was begun and never frozen is none."""
    for number in (2, 1, 1000):
        write_round(run, made_round(visit(number=number), number=number))
    (run.rounds / "003").mkdir()
    (run.rounds / "notes").mkdir()
    assert [load_round(paths.plan).number for paths in rounds_of(run)] == [1, 2, 1000]
    assert rounds_of(RunLayout(run.root / "elsewhere")) == ()


def test_a_round_that_was_changed_is_refused(run: RunLayout) -> None:
    """It says what is sent, so it must be what was frozen."""
    paths = write_round(run, ROUND)
    text = paths.plan.read_text()
    paths.plan.write_text(text.replace(":1080,", ": 1080,"))
    with pytest.raises(StorageError, match="not as it was frozen"):
        load_round(paths.plan)
    paths.plan.write_text("{}")
    with pytest.raises(StorageError, match="is no round"):
        load_round(paths.plan)
    paths.plan.unlink()
    with pytest.raises(StorageError, match="can't be read"):
        load_round(paths.plan)


def test_who_stops_the_run_stops_its_rounds(run: RunLayout) -> None:
    """The wishes are the run's; all else is the round's own."""
    paths = run.round(1)
    assert paths.wishes == run.wishes
    assert paths.shard(0).is_relative_to(run.rounds / "001")
    assert paths.plan != run.plan
