"""One Parquet file per shard: its observations, and its receipt in the footer.

The file is the commit.  It appears under its name whole or not at all, and never twice, so
"this shard is done" and "these are its rows" can't disagree (law 6, decision 0030).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.model.assignment import Receipt
from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.probe import Probe
from survey.storage.files import creating
from survey.storage.receipt_text import receipt_from_content, receipt_to_content
from survey.storage.rewriting import Change, count_changes, rewrite
from survey.storage.schemas import OBSERVATIONS

RECEIPT = b"survey.receipt"
"""Name of the receipt in the footer's key-value metadata."""

KEY = ("ip", "port", "probe", "variant", "canary_port", "tls", "attempt")
"""What tells the rows of one shard apart, and their order in the file."""


_OWN = ("run", "round", "shard", "process")
"""Columns that an observation does not carry itself."""


def rows(
    run: str,
    shard: int,
    observations: Iterable[Observation],
    *,
    round_: int = 0,
    process: str = "",
) -> pa.Table:
    """The observations as a table in key order."""
    own: dict[str, str | int] = {
        "run": run,
        "round": round_,
        "shard": shard,
        "process": process,
    }
    table = pa.Table.from_batches(_batches(own, observations), schema=OBSERVATIONS)
    return table.sort_by([(name, "ascending") for name in KEY])


def _batches(
    own: dict[str, str | int], observations: Iterable[Observation]
) -> Iterator[pa.RecordBatch]:
    names = [name for name in OBSERVATIONS.names if name not in own]
    source = iter(observations)
    while some := list(islice(source, 4096)):
        columns = {name: [getattr(one, name) for one in some] for name in names}
        columns |= {name: [value] * len(some) for name, value in own.items()}
        yield pa.RecordBatch.from_pydict(columns, schema=OBSERVATIONS)


def write_shard(path: Path, table: pa.Table, receipt: Receipt) -> Receipt:
    """Commit a shard; whoever comes second gets the first one's receipt, and its rows count.

    Raises:
        StorageError: The file can't be written.
    """
    assert table.schema.equals(OBSERVATIONS), table.schema
    assert table.num_rows == receipt.observations, (table.num_rows, receipt.observations)
    assert _distinct(table) == table.num_rows, "an observation key twice in one shard"
    footer = dict(OBSERVATIONS.metadata) | {
        RECEIPT: json.dumps(receipt_to_content(receipt)).encode()
    }
    try:
        with creating(path) as part:
            pq.write_table(table.replace_schema_metadata(footer), part, compression="zstd")
    except FileExistsError:
        return read_receipt(path)
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror or error}") from error
    return receipt


def _distinct(table: pa.Table) -> int:
    return int(table.group_by(list(KEY)).aggregate([]).num_rows)


def read_receipt(path: Path) -> Receipt:
    """The receipt of a committed shard, from the footer alone.

    Raises:
        StorageError: The file is missing, damaged, or no shard of ours.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: is not a whole shard file: {error}") from error
    if RECEIPT not in metadata:
        raise StorageError(f"{path}: has no receipt; it is not a shard of ours")
    try:
        content = json.loads(metadata[RECEIPT])
    except ValueError as error:
        raise StorageError(f"{path}: its receipt is damaged") from error
    return receipt_from_content(content, path)


def read_address(path: Path, ip: int) -> tuple[Observation, ...]:
    """The observations of one address in a committed shard.

    Raises:
        StorageError: The file is missing or damaged.
    """
    try:
        # not read_table: that would import pandas, and whoever asks waits for it
        table = pq.ParquetFile(path).read()
        table = table.filter(pc.equal(table["ip"], pa.scalar(ip, pa.uint32())))
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{path}: can't be read: {error}") from error
    return tuple(_observation(row) for row in table.drop_columns(list(_OWN)).to_pylist())


def _observation(row: dict[str, Any]) -> Observation:
    for name, word in (
        ("probe", Probe),
        ("step", Step),
        ("failure", Failure),
        ("protocol", Protocol),
        ("client", Client),
    ):
        row[name] = None if row[name] is None else word(row[name])
    return Observation(**row)


def purge_shard(path: Path, change: Change, *, evidence: bool = True) -> Receipt:
    """Write a committed shard again with rows taken out or altered; its receipt says how many.

    What was sent and seen stays counted as it was, so the sums of law 6 hold.

    Args:
        path: The shard's file.
        change: What happens to its rows.
        evidence: False if it takes the bytes of strangers out.

    Raises:
        StorageError: The file is missing or damaged, or there is no room; it stays as it was.
    """
    before = read_receipt(path)
    gone, altered = count_changes(path, change)
    after = replace(before, purged=before.purged + gone, evidence=before.evidence and evidence)
    if gone or altered or after != before:
        rewrite(path, change, {RECEIPT: json.dumps(receipt_to_content(after)).encode()})
    return after
