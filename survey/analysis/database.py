"""A DuckDB of our own in memory, over the tables as they lie on disk.

Nothing is fetched or loaded behind our back (no extensions), and what does not fit into memory goes
to a private folder of the data directory, never to the working directory.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from survey.errors import ConfigError
from survey.storage.files import private_folder
from survey.storage.layout import Layout
from survey.targets.ranges import RangeSet

Connection = duckdb.DuckDBPyConnection

_NO_TABLE_IN_PYTHON = "python_enable_replacements"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a database may take of the machine.

    Attributes:
        memory: Like ``1GB``; what needs more goes to ``scratch``, or fails.
        threads: At most so many; None for one per core.
        scratch: Like ``20GB``; at most so much of the disk.
    """

    memory: str
    threads: int | None = None
    scratch: str = "20GB"


def connect(layout: Layout, limits: Limits | None = None) -> Connection:
    """A fresh database; times come out in UTC.

    Raises:
        ConfigError: A limit can't be read.
    """
    bounds = {}
    if limits is not None:
        bounds = {"memory_limit": limits.memory, "max_temp_directory_size": limits.scratch}
        if limits.threads is not None:
            bounds["threads"] = str(limits.threads)
    try:
        connection = _connect(layout, bounds)
    except (duckdb.InvalidInputException, duckdb.ParserException) as error:
        raise ConfigError("limits", "memory", f"{bounds} won't do", "write it like 1GB") from error
    connection.execute("SET TimeZone = 'UTC'")
    # it would be written to stdout, into the JSON of whoever asked for that; in Jupyter without
    # ipywidgets there is none, and not even turning it off is allowed
    with contextlib.suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false")
    # of many runs' files; DuckDB looks whether a file has changed
    connection.execute("SET parquet_metadata_cache = true")
    return connection


def _connect(layout: Layout, bounds: dict[str, str]) -> Connection:
    return duckdb.connect(
        ":memory:",
        config={
            **bounds,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # a word in a query must never turn out to be a variable of the caller
            _NO_TABLE_IN_PYTHON: "false",
            "temp_directory": str(private_folder(layout.scratch)),
            "preserve_insertion_order": "false",
            # an ASOF join whose left side is thought small becomes a nested loop, and behind a
            # DISTINCT it is thought to have one row
            "asof_loop_join_threshold": "0",
        },
    )


def show_files(connection: Connection, name: str, schema: pa.Schema, files: Iterable[Path]) -> None:
    """Make ``name`` a view of some Parquet files of one schema; of none, an empty table."""
    paths = [str(path) for path in files]
    if not paths:
        hold(connection, name, schema.empty_table())
        return
    columns = ", ".join(f'"{column}"' for column in schema.names)
    # a view can't bind values: the list is quoted here, and its paths are ours
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    connection.execute(
        f"CREATE VIEW {name} AS SELECT {columns} FROM read_parquet([{listed}])"  # noqa: S608
    )


def hold(connection: Connection, name: str, table: pa.Table) -> None:
    """Make ``name`` a table with these rows."""
    connection.register("_incoming", table)
    connection.execute(f"CREATE TABLE {name} AS FROM _incoming")
    connection.unregister("_incoming")


def range_table(ranges: RangeSet) -> pa.Table:
    """The ranges as a table that an ASOF join can look up."""
    return pa.table({"range_start": ranges.starts, "range_end": ranges.ends})
