"""The queue of later tests: durable, without doubles, and never torn."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import made_followups
import pytest
from made_followups import IP, NOON, made_round, visit, wanted

from survey.errors import StorageError
from survey.model.followup import Reason
from survey.model.probe import Probe
from survey.storage.followups import MOST, drop_followups, queue_followups, read_queue
from survey.storage.layout import RunLayout
from survey.storage.rounds import write_round


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run's folder."""
    return RunLayout(tmp_path / "run")


def test_what_is_queued_comes_back_as_it_was(run: RunLayout) -> None:
    """Every field, in order, numbered from 1."""
    asked = [
        wanted(reason=Reason.GREYLISTED, variants=("V1", "V0"), token_attempt=0, source=IP),
        wanted(probe=Probe.SOCKS4, independent=False),
    ]
    added = queue_followups(run, asked, NOON)
    assert [one.wanted for one in added] == asked
    assert [one.number for one in added] == [1, 2]
    assert read_queue(run).entries == added
    assert read_queue(run).waiting == added
    assert run.followups.stat().st_mode & 0o777 == 0o600


def test_no_queue_is_an_empty_one(run: RunLayout) -> None:
    """Nobody queued anything yet."""
    assert read_queue(run).waiting == ()


def test_a_key_waits_once(run: RunLayout) -> None:
    """Judging again and again queues nothing twice; another reason, probe or form is another."""
    for _ in range(3):
        queue_followups(run, [wanted(), wanted(not_before=NOON + timedelta(hours=1))], NOON)
    others = [
        wanted(port=1081),
        wanted(probe=Probe.SOCKS4),
        wanted(reason=Reason.WISH),
        wanted(variants=("echo",)),
    ]
    assert len(queue_followups(run, others, NOON)) == 4
    assert len(read_queue(run).waiting) == 5


@pytest.mark.parametrize("reason", list(Reason))
def test_a_key_is_queued_so_often_in_a_run(run: RunLayout, reason: Reason) -> None:
    """A greylist is asked once; an opinion twice, the second by ourselves; a wish as often as."""
    for number in range(1, 5):
        (added,) = queue_followups(run, [wanted(reason=reason)], NOON) or (None,)
        if number > MOST.get(reason, number):
            assert added is None
            return
        assert added is not None
        assert added.wanted.independent == (number == 1)
        write_round(run, made_round(visit(number=added.number), number=number))
    assert reason not in MOST


def test_what_is_in_a_round_or_dropped_waits_no_longer(run: RunLayout) -> None:
    """Why it was dropped is kept."""
    queue_followups(run, [wanted(port=port) for port in (1, 2, 3)], NOON)
    write_round(run, made_round(visit(number=2)))
    drop_followups(run, [3], "three messages were sent", NOON)
    queue = read_queue(run)
    assert [one.number for one in queue.waiting] == [1]
    assert (queue.planned, queue.dropped) == ({2}, {3: "three messages were sent"})
    assert [one.number for one in queue_followups(run, [wanted(port=9)], NOON)] == [4]


def test_nothing_is_due_before_its_time(run: RunLayout) -> None:
    """By the clock that is handed in."""
    queue_followups(run, [wanted(), wanted(port=2, not_before=NOON + timedelta(hours=1))], NOON)
    queue = read_queue(run)
    assert queue.due(NOON - timedelta(seconds=1)) == ()
    assert [one.wanted.port for one in queue.due(NOON)] == [1080]
    assert len(queue.due(NOON + timedelta(hours=1))) == 2


def test_a_torn_line_is_nothing_and_harms_nothing(run: RunLayout) -> None:
    """Wherever a crash cut it: what was there stays, what comes next is whole."""
    queue_followups(run, [wanted(port=1)], NOON)
    whole = run.followups.read_bytes()
    queue_followups(run, [wanted(port=2)], NOON)
    longer = run.followups.read_bytes()
    for cut in range(len(whole), len(longer) - 1, 7):
        run.followups.write_bytes(longer[:cut])
        assert [one.wanted.port for one in read_queue(run).waiting] == [1]
        queue_followups(run, [wanted(port=3)], NOON)
        assert [(one.number, one.wanted.port) for one in read_queue(run).waiting] == [
            (1, 1),
            (2, 3),
        ]


def test_a_killed_writer_loses_nothing_that_it_told_of(run: RunLayout) -> None:
    """SIGKILL in the middle of appending, twice over."""
    for number in (1, 2):
        writer = subprocess.Popen(
            [sys.executable, made_followups.__file__, str(run.root)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(25)]
        writer.kill()
        told += [int(line) for line in writer.stdout.read().splitlines() if line]
        writer.wait()
        writer.stdout.close()
        numbers = [one.number for one in read_queue(run).entries]
        assert set(told) <= set(numbers)
        assert len(set(numbers)) == len(numbers)
        keys = [one.wanted.key for one in read_queue(run).waiting]
        assert len(set(keys)) == len(keys)
        waiting = read_queue(run).waiting  # put aside, so that the next writer may queue the same
        visits = [visit(number=one.number) for one in waiting]
        write_round(run, made_round(*visits, number=number))


def test_a_queue_that_can_t_be_read_is_named(run: RunLayout) -> None:
    """Nothing is guessed."""
    run.followups.mkdir(parents=True)
    with pytest.raises(StorageError, match=r"followups\.log"):
        read_queue(run)
    with pytest.raises(StorageError, match=r"followups\.log"):
        queue_followups(run, [wanted()], NOON)
