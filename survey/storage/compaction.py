"""A done scan's observations in one file, sorted by address: what readers read.

Shards are the format to write: small, many, each sorted in itself.  Sorted together they are a
third smaller, and a question about one network reads only the parts that hold it.  The shards stay,
since their receipts are in them, and the compacted file can be made again at any time.
"""

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.storage.files import replacing
from survey.storage.layout import RunLayout
from survey.storage.manifest import Manifest, read_manifest
from survey.storage.rewriting import Change, count_changes, rewrite
from survey.storage.rounds import rounds_of
from survey.storage.schemas import OBSERVATIONS
from survey.storage.shard_file import KEY

_SHARDS = b"survey.shards"
_BATCH_ROWS = 122_880
"""Rows of one row group, DuckDB's own: what one thread scans at once, or passes over."""
_ORDER = [(name, "ascending") for name in KEY]


def observation_files(run: RunLayout) -> tuple[Path, ...]:
    """What holds the run's committed observations, its rounds of follow-ups included.

    The scan's are in the compacted file, else in its shards; rounds are small and stay as they are.

    Raises:
        StorageError: A manifest is damaged.
    """
    manifest = read_manifest(run)
    scanned = (run.observations,) if _is_current(run, manifest) else manifest.files()
    later = (path for paths in rounds_of(run) for path in read_manifest(paths).files())
    return (*scanned, *later)


def compact(run: RunLayout) -> bool:
    """Make the compacted file of a done run; whether there was anything to do.

    May be run any number of times, also by two at once: the file appears whole.

    Raises:
        StorageError: The run is not done, a shard is damaged, or there is no room.
    """
    if not run.done.exists():
        raise StorageError(f"{run.root}: is not done; finish it with `survey scan`")
    manifest = read_manifest(run)
    if _is_current(run, manifest):
        return False
    schema = OBSERVATIONS.with_metadata(
        {**(OBSERVATIONS.metadata or {}), _SHARDS: _made_of(manifest)}
    )
    try:
        with (
            tempfile.TemporaryDirectory(prefix="scratch-", dir=run.root) as scratch,
            replacing(run.observations) as part,
            pq.ParquetWriter(
                part,
                schema,
                compression="zstd",
                sorting_columns=pq.SortingColumn.from_ordering(schema, _ORDER),
            ) as writer,
        ):
            rows = 0
            for batch in _sorted(manifest, scratch):
                writer.write_batch(
                    batch.cast(OBSERVATIONS).replace_schema_metadata(schema.metadata)
                )
                rows += batch.num_rows
            _check(run, manifest, rows)
    except (OSError, duckdb.Error) as error:
        reason = str(error).partition("\n")[0]
        raise StorageError(f"{run.observations}: can't be made: {reason}") from error
    return True


def purge_compacted(run: RunLayout, change: Change) -> None:
    """Make in the compacted file the change that was made in every shard; nothing if there is none.

    Raises:
        StorageError: It is damaged, or there is no room; it stays as it was.
    """
    manifest = read_manifest(run)
    if run.observations.is_file() and (
        any(count_changes(run.observations, change)) or not _is_current(run, manifest)
    ):
        rewrite(run.observations, change, {_SHARDS: _made_of(manifest)})


def _is_current(run: RunLayout, manifest: Manifest) -> bool:
    """Whether the compacted file holds every committed shard."""
    try:
        metadata = pq.read_metadata(run.observations).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return metadata.get(_SHARDS) == _made_of(manifest)


def _made_of(manifest: Manifest) -> bytes:
    """What the file was made of: how many shards, and what was purged from them by then."""
    receipts = manifest.receipts()
    purged, bare = sum(one.purged for one in receipts), sum(not one.evidence for one in receipts)
    return f"{len(receipts)} {purged} {bare}".removesuffix(" 0 0").encode()


def _check(run: RunLayout, manifest: Manifest, rows: int) -> None:
    wanted = sum(receipt.kept for receipt in manifest.receipts())
    if rows != wanted:
        raise StorageError(
            f"{run.shards}: the shards hold {rows} observations and their receipts say {wanted}; "
            "restore the shards from your copy"
        )


def _sorted(manifest: Manifest, scratch: str) -> pa.RecordBatchReader:
    """All observations in key order; what does not fit into memory goes to ``scratch``."""
    files = [str(path) for path in manifest.files()]
    if not files:
        return pa.RecordBatchReader.from_batches(OBSERVATIONS, [])
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": scratch,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    # it would be written to stdout, into the JSON of whoever asked for that
    connection.execute("SET enable_progress_bar = false")
    return (
        connection.read_parquet(files)
        .project(", ".join(OBSERVATIONS.names))
        .order(", ".join(KEY))
        .to_arrow_reader(_BATCH_ROWS)
    )
