"""Wishes and terms survive their files, and nothing half-written is believed."""

from dataclasses import replace
from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.model.control import Wishes
from survey.storage.control import begin_term, end_term, read_term, read_wishes, write_wishes
from survey.storage.layout import Layout, RunLayout


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
    """Epochs only grow, over restarts too, and no two terms are the same."""
    layout = Layout(tmp_path)

    assert read_term(layout) is None
    first, second = begin_term(layout, 12.0), begin_term(layout, 12.0)
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.who != second.who
    assert read_term(layout) == second


def test_term_ends_only_while_it_lasts(tmp_path: Path) -> None:
    """Who was succeeded has nothing to say about the successor."""
    layout = Layout(tmp_path)
    first = begin_term(layout, 12.0)
    second = begin_term(layout, 12.0)

    end_term(layout, first)
    assert read_term(layout) == second
    end_term(layout, second)
    assert read_term(layout) == replace(second, over=True)


def test_leases_of_all_who_crashed_are_remembered(tmp_path: Path) -> None:
    """A short term between does not shorten the wait for a long one's leases."""
    layout = Layout(tmp_path)
    begin_term(layout, 12.0)

    second = begin_term(layout, 2.0)
    assert second.lease_seconds == 12.0
    end_term(layout, second)
    assert begin_term(layout, 2.0).lease_seconds == 2.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"epoch": 1}', '{"epoch": "x"}'])
def test_damaged_term_is_an_error(tmp_path: Path, text: str) -> None:
    """A coordinator that can't know who was before it does not begin."""
    layout = Layout(tmp_path)
    layout.term.write_text(text)

    with pytest.raises(StorageError, match="coordinator"):
        begin_term(layout, 12.0)
