"""What was imported is read by slices of the plan, and only as it was frozen."""

from pathlib import Path

import numpy as np
import pytest

from survey.errors import StorageError
from survey.storage.found import read_found, write_found


def columns(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Plan indices and ports."""
    return (
        np.array([index for index, _ in pairs], dtype=np.uint32),
        np.array([port for _, port in pairs], dtype=np.uint16),
    )


def test_slices_are_those_of_the_plan(tmp_path: Path) -> None:
    """From first to before stop, sorted, each port of an address."""
    path = tmp_path / "run" / "found.parquet"
    digest = write_found(path, *columns((7, 25), (3, 1080), (2**32 - 1, 1), (7, 80), (0, 9)))

    def read(first: int, stop: int) -> list[tuple[int, int]]:
        indices, ports = read_found(path, digest, first, stop)
        return list(zip(indices.tolist(), ports.tolist(), strict=True))

    assert read(0, 4) == [(0, 9), (3, 1080)]
    assert read(4, 8) == [(7, 25), (7, 80)]
    assert read(8, 2**32) == [(2**32 - 1, 1)]
    assert read(1, 3) == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_table_is_refused(tmp_path: Path) -> None:
    """One that was changed, cut or lost after planning stops the shard."""
    path = tmp_path / "found.parquet"
    digest = write_found(path, *columns((1, 25)))
    write_found(path, *columns((2, 25)))

    with pytest.raises(StorageError, match="is not what was planned"):
        read_found(path, digest, 0, 9)
    path.unlink()
    with pytest.raises(StorageError, match="can't be read"):
        read_found(path, digest, 0, 9)


def test_nothing_found_is_a_table_too(tmp_path: Path) -> None:
    """A list may be empty."""
    path = tmp_path / "found.parquet"
    digest = write_found(path, *columns())

    assert len(read_found(path, digest, 0, 9)[0]) == 0
