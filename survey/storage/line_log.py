"""Takes lines out of an append-only log, in place: others may hold it open and append meanwhile.

A line that was taken out begins with ``#``, and the rest of it is blank; for readers it is nothing.
The log keeps its length.  First each line's first byte becomes the mark, which no crash can do by
halves; then the rest is blanked, and whoever comes after a crash finishes that.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

MARK = b"#"
"""What a line that was taken out begins with."""


def lines_to_take(path: Path, gone: Callable[[bytes], bool]) -> int:
    """How many whole lines would be taken out, or are half so; 0 if there is no such log."""
    return sum(1 for _ in _chosen(path, gone))


def take_lines(path: Path, gone: Callable[[bytes], bool]) -> int:
    """Take out the whole lines for which ``gone`` is true, and say how many; durable on return.

    Raises:
        OSError: The disk does not take it; the same call finishes it another time.
    """
    chosen = list(_chosen(path, gone))
    if not chosen:
        return 0
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for start, _ in chosen:
            os.pwrite(descriptor, MARK, start)
        os.fsync(descriptor)
        for start, end in chosen:
            os.pwrite(descriptor, b" " * (end - start - 1), start + 1)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return len(chosen)


def _chosen(path: Path, gone: Callable[[bytes], bool]) -> Iterator[tuple[int, int]]:
    """First byte and line end of each line to take out, or to finish after a crash.

    What follows the last line end is somebody's who is just writing.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        start = 0
        for line in file:
            end = start + len(line)
            text = line.rstrip(b"\n")
            if line.endswith(b"\n") and text:
                marked = text.startswith(MARK)
                if text.strip() != MARK if marked else gone(text):
                    yield start, end - 1
            start = end
