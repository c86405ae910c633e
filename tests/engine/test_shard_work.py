"""What a worker reads is what its coordinator handed out, and what lost attempts left behind."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_followups import made_round, visit
from made_scan import FIRST, MadeScan, make_scan

from survey.engine.shard_work import read_work
from survey.errors import StorageError
from survey.model.assignment import Assignment
from survey.model.followup import Round
from survey.storage.messages import note_message
from survey.storage.rounds import round_hash, write_round


@pytest.fixture
def made(tmp_path: Path) -> MadeScan:
    """Two shards of 32 addresses, one port."""
    return make_scan(tmp_path)


@pytest.fixture
def frozen(made: MadeScan) -> Round:
    """A round of three visits in two shards."""
    one = made_round(
        visit(number=1, ip=FIRST, messages=1),
        visit(number=2, ip=FIRST, port=1081, messages=1),
        visit(number=3, ip=FIRST + 1, messages=3),
        plan_hash=made.hash,
        bounds=(0, 2, 3),
    )
    write_round(made.run, one)
    return one


def of_round(made: MadeScan, one: Round, shard: int) -> Assignment:
    """One shard of the round."""
    return replace(made.assignment(shard), round=one.number, plan_hash=round_hash(one))


def test_a_scan_s_shard_is_a_slice_of_the_plan(made: MadeScan) -> None:
    """No visits: it dials everything."""
    work = read_work(made.assignment(1))
    assert (work.paths, work.visits) == (made.run, None)
    assert (work.first, work.places, work.targets) == (32, 32, 32)


def test_a_round_s_shard_is_a_slice_of_its_visits(made: MadeScan, frozen: Round) -> None:
    """Targets are (address, port) pairs."""
    work = read_work(of_round(made, frozen, 0))
    assert work.paths == made.run.round(1)
    assert work.visits == frozen.visits[:2]
    assert (work.first, work.places, work.targets) == (0, 2, 2)
    assert read_work(of_round(made, frozen, 1)).first == 2


def test_another_plan_or_round_is_refused(made: MadeScan, frozen: Round) -> None:
    """Workers that don't share the data directory, or a list that was changed."""
    with pytest.raises(StorageError, match="is not the plan of this scan"):
        read_work(replace(made.assignment(), plan_hash="0" * 64))
    with pytest.raises(StorageError, match=r"round\.json: is not the plan of this scan"):
        read_work(replace(of_round(made, frozen, 0), plan_hash="0" * 64))
    foreign = replace(frozen, number=2, plan_hash="0" * 64)
    write_round(made.run, foreign)
    with pytest.raises(StorageError, match="is not the plan of this scan"):
        read_work(of_round(made, foreign, 0))


def test_messages_of_lost_attempts_count(made: MadeScan, frozen: Round) -> None:
    """A worker that died may have sent them; the next one knows."""
    for _ in range(2):
        read_work(made.assignment()).messages.spend(FIRST)
    again = read_work(made.assignment(attempt=1)).messages
    assert again.left(FIRST)
    again.spend(FIRST)
    assert not read_work(made.assignment(attempt=2)).messages.left(FIRST)
    assert read_work(made.assignment(1)).messages.left(FIRST)

    note_message(made.run.round(1).messages(0), FIRST)
    messages = read_work(of_round(made, frozen, 0)).messages
    messages.spend(FIRST)  # one before the round, one lost, and this
    assert not messages.left(FIRST)
    assert not read_work(of_round(made, frozen, 1)).messages.left(FIRST + 1)
