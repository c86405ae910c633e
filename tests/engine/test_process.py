"""No two processes have the same mark, whatever their numbers."""

import multiprocessing
import re

from survey.engine.process import process_mark


def test_a_process_keeps_its_mark() -> None:
    """Eight hex digits, drawn once."""
    assert re.fullmatch(r"[0-9a-f]{8}", process_mark())
    assert process_mark() == process_mark()


def test_another_process_has_another() -> None:
    """A forked child, too, which has our memory."""
    mine = process_mark()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        theirs = pool.apply(process_mark)
    assert theirs != mine
