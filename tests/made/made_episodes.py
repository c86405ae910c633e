"""Episodes without the checks behind them, in a database of their own."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from survey.analysis.database import Connection, connect, hold
from survey.analysis.queries import query
from survey.storage.layout import Layout
from survey.storage.schemas import EPISODES

FIRST = datetime(2026, 1, 5, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days after the first."""
    return FIRST + timedelta(days=number)


def episode(ip: int, opened: float, **known: object) -> dict[str, object]:
    """An episode that opened on a day; what is not known stays as if nothing had happened."""
    blank: dict[str, object] = {
        "campaign": "made",
        "ip": ip,
        "port": 1080,
        "kind": "proxy",
        "number": 1,
        "state": "persistent",
        "opened_as": "new",
        "opened_at": day(opened),
        "opened_run": "R",
        "last_open_at": day(opened),
        "last_open_run": "R",
        "checked_at": day(opened),
        "open_checks": 1,
        "closed_checks": 0,
        "unknown_checks": 0,
        "rung": 5,
        "probes": ["socks5"],
        "as_of": day(400),
    }
    return blank | known


@contextmanager
def database(rows: Sequence[dict[str, object]]) -> Iterator[Connection]:
    """A database with the view ``scope_episodes``."""
    with tempfile.TemporaryDirectory() as folder, connect(Layout(Path(folder))) as connection:
        connection.execute(query("macros"))
        hold(connection, "scope_episodes", pa.Table.from_pylist(list(rows), EPISODES))
        yield connection
