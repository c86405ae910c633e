"""What another scanner found open, by plan index: made with the plan, read by every shard."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from survey.errors import StorageError
from survey.storage.files import replacing
from survey.storage.rewriting import Change, Changed, count_changes, rewrite
from survey.storage.schemas import FOUND

Indices = NDArray[np.uint32]
Ports = NDArray[np.uint16]


def write_found(path: Path, indices: Indices, ports: Ports) -> str:
    """Write it, sorted, whole; returns its SHA-256, hex, by which the plan knows it.

    Raises:
        StorageError: It can't be written.
    """
    order = np.lexsort((ports, indices))
    columns = [pa.array(indices[order]), pa.array(ports[order])]
    try:
        with replacing(path) as part:
            pq.write_table(pa.Table.from_arrays(columns, schema=FOUND), part, compression="zstd")
            return _digest(part)
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror or error}") from error


def read_found(path: Path, digest: str, first: int, stop: int) -> tuple[Indices, Ports]:
    """Plan indices from ``first`` to before ``stop`` that have an open port, and that port.

    Raises:
        StorageError: It is missing, or not what the plan was frozen with.
    """
    try:
        status = path.stat()
        seen = _checked(path, status.st_mtime_ns, status.st_size, status.st_ino)
        if seen != digest:
            raise StorageError(f"{path}: is not what was planned; restore it from your copy")
        index = pc.field("index")
        wanted = (index >= pa.scalar(first, pa.uint64())) & (index < pa.scalar(stop, pa.uint64()))
        table = pq.read_table(path, schema=FOUND, filters=wanted)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: can't be read: {error}") from error
    return table["index"].to_numpy(), table["port"].to_numpy()


About = Callable[[Indices], NDArray[np.bool_]]
"""For some plan indices, whether each is of an address that shall be forgotten."""


def count_found(path: Path, about: About) -> int:
    """How many rows are about such an address."""
    return count_changes(path, _forgetting(about))[0]


def forget_found(path: Path, about: About) -> None:
    """Take such rows out; of a run that is done, since the file is no longer what was planned."""
    rewrite(path, _forgetting(about))


def _forgetting(about: About) -> Change:
    def change(table: pa.Table) -> Changed:
        gone = about(table["index"].to_numpy())
        return Changed(table.filter(pa.array(~gone)), int(gone.sum()), 0)

    return change


@lru_cache(maxsize=4)
def _checked(path: Path, *_signature: int) -> str:
    """The digest of a file that looks like this; a worker does many shards."""
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
