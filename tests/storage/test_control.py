"""Control, wishes and epochs survive their files, and nothing half-written is believed."""

from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.model.control import Control, Lease, Wishes
from survey.storage.control import (
    next_epoch,
    read_control,
    read_epoch,
    read_wishes,
    write_control,
    write_wishes,
)
from survey.storage.layout import Layout, RunLayout


def test_control_comes_back(tmp_path: Path) -> None:
    """Every word reaches the worker."""
    run = RunLayout(tmp_path)
    word = Control(
        3, 7, stop=False, paused=True, rate=500, leases=(Lease(0, 12, 1), Lease(1, 9, 0))
    )

    write_control(run, word)

    assert read_control(run) == word


def test_silent_coordinator_is_none(tmp_path: Path) -> None:
    """Before the first word there is none, which is no error."""
    assert read_control(RunLayout(tmp_path)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"epoch": 1}', '{"epoch": "x"}'])
def test_damaged_control_is_an_error(tmp_path: Path, text: str) -> None:
    """A worker that can't understand its coordinator stops."""
    run = RunLayout(tmp_path)
    run.control.write_text(text)

    with pytest.raises(StorageError, match=r"control\.json"):
        read_control(run)


def test_wishes_come_back_and_default_to_none(tmp_path: Path) -> None:
    """Nobody asked for anything, until somebody did."""
    run = RunLayout(tmp_path)
    assert read_wishes(run) == Wishes()

    write_wishes(run, Wishes(stop=True, paused=True, rate=20))

    assert read_wishes(run) == Wishes(stop=True, paused=True, rate=20)


def test_damaged_wishes_are_an_error(tmp_path: Path) -> None:
    """A wish that can't be understood is not taken for no wish."""
    run = RunLayout(tmp_path)
    run.wishes.write_text('{"stop": true}')

    with pytest.raises(StorageError, match="wishes"):
        read_wishes(run)


def test_each_coordinator_gets_a_new_number(tmp_path: Path) -> None:
    """Epochs only grow, over restarts too."""
    layout = Layout(tmp_path)

    assert read_epoch(layout) == 0
    assert [next_epoch(layout), next_epoch(layout)] == [1, 2]
    assert read_epoch(layout) == 2


def test_damaged_epoch_is_an_error(tmp_path: Path) -> None:
    """A coordinator without a number of its own does not begin."""
    layout = Layout(tmp_path)
    layout.epoch.write_text("many")

    with pytest.raises(StorageError, match="epoch"):
        next_epoch(layout)
