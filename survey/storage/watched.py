"""Targets that get a row in a run whatever they say; made with the plan, read by every shard."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from survey.errors import StorageError
from survey.model.episode import Watch, WatchedFor
from survey.storage.files import replacing
from survey.storage.schemas import WATCHED


def write_watched(path: Path, targets: Iterable[Watch]) -> None:
    """Write them, sorted, whole; each target once, for the first of its reasons.

    Raises:
        StorageError: It can't be written.
    """
    order = list(WatchedFor)
    ranked = sorted(targets, key=lambda one: order.index(one.reason), reverse=True)
    chosen = {(one.ip, one.port): one for one in ranked}
    rows = [
        {"ip": one.ip, "port": one.port, "reason": str(one.reason)}
        for one in sorted(chosen.values())
    ]
    try:
        with replacing(path) as part:
            pq.write_table(pa.Table.from_pylist(rows, WATCHED), part, compression="zstd")
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror or error}") from error


def read_watched(path: Path, ips: NDArray[np.uint32]) -> tuple[tuple[int, int], ...]:
    """The (address, port) pairs of these addresses, sorted; none if nobody is watched.

    Raises:
        StorageError: It is damaged.
    """
    if not path.exists():
        return ()
    try:
        table = pq.read_table(path, schema=WATCHED)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: can't be read: {error}") from error
    found, ports = table["ip"].to_numpy(), table["port"].to_numpy()
    mine = np.isin(found, ips)
    return tuple(zip(found[mine].tolist(), ports[mine].tolist(), strict=True))
