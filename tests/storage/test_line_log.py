"""Lines go from a log that somebody else has open, and nothing else moves."""

import os
from pathlib import Path

import pytest

from survey.storage.line_log import lines_to_take, take_lines


def bad(line: bytes) -> bool:
    """Which lines go."""
    return b"bad" in line


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of three lines, and one that is just being written."""
    path = tmp_path / "x.log"
    path.write_bytes(b"good 1\nbad 22\n\ngood 3\nbad and not whole")
    return path


def test_lines_are_blanked_in_place(log: Path) -> None:
    """The length stays, and whoever appends goes on at the end."""
    writer = os.open(log, os.O_WRONLY | os.O_APPEND)
    assert lines_to_take(log, bad) == 1
    assert take_lines(log, bad) == 1
    os.write(writer, b"...\ngood 4\n")
    os.close(writer)

    assert log.read_bytes() == (b"good 1\n#     \n\ngood 3\nbad and not whole...\ngood 4\n")


def test_what_a_crash_left_half_done_is_finished(log: Path) -> None:
    """The mark was written, the rest was not."""
    log.write_bytes(b"good 1\n#ad 22\ngood 3\n")

    assert lines_to_take(log, lambda _: False) == 1
    take_lines(log, lambda _: False)
    assert log.read_bytes() == b"good 1\n#     \ngood 3\n"
    assert lines_to_take(log, bad) == 0


def test_missing_log_has_no_lines(tmp_path: Path) -> None:
    """Nothing was ever written there."""
    assert take_lines(tmp_path / "none.log", bad) == 0
