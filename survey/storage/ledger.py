"""The ledger of what was handed to whom, when, and how we know: one row a dispatch, one an event.

SQLite by default, PostgreSQL by its URL.  Every step is written down, and on the disk, before it is
made; the ledger knows no host that was tested.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from survey.errors import BusyError, ConfigError, StorageError
from survey.model.dispatch import Dispatch, DispatchState
from survey.storage.files import private_folder
from survey.storage.lock import held

_META = sa.MetaData()
_DISPATCHES = sa.Table(
    "dispatches",
    _META,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("agency", sa.String, nullable=False, index=True),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("destination", sa.String, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("part", sa.String, nullable=False),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("report", sa.String(64), nullable=False),
    sa.Column("prepared", sa.String, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("order", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("receipt", sa.String, nullable=False),
)
# whatever is done with rows above, what was done stays readable
_EVENTS = sa.Table(
    "events",
    _META,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("dispatch", sa.String(64), sa.ForeignKey("dispatches.id"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("receipt", sa.String, nullable=False),
)
_LOCK = 0x5359_5344  # of PostgreSQL's advisory locks
_RECEIPT = 1000
"""Longest word of a receiver's that is kept."""


class Ledger:
    """An open ledger; one process works on it at a time (``exclusive``)."""

    def __init__(self, engine: sa.Engine, lock: Path) -> None:
        self._engine, self._lock = engine, lock
        self._under_way = threading.local()

    @classmethod
    def open(cls, url: str, lock: Path) -> Self:
        """The ledger at a database URL, made if it is not there.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql+psycopg://...``.
            lock: A lock file, for SQLite.

        Raises:
            ConfigError: The URL is none, or its driver is not installed.
            StorageError: The database can't be opened.
        """
        try:
            address = sa.make_url(url)
            engine = sa.create_engine(address)
        except (ArgumentError, ImportError, SQLAlchemyError) as error:
            raise ConfigError(
                "ledger.url", "", f"can't be used ({error})", "write sqlite:///FILE"
            ) from error
        if address.get_backend_name() == "sqlite":
            if address.database:
                file = Path(address.database)
                private_folder(file.parent)
                file.touch(mode=0o600)
            sa.event.listen(engine, "connect", _on_disk)
        try:
            _META.create_all(engine)
        except SQLAlchemyError as error:
            raise StorageError(f"the ledger can't be opened: {error}") from error
        return cls(engine, lock)

    @property
    def engine(self) -> sa.Engine:
        """The database, for what else is written down there (``storage.cases``)."""
        return self._engine

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction of its own, or this thread's ``whole`` one that is under way."""
        under_way: sa.Connection | None = getattr(self._under_way, "connection", None)
        if under_way is not None:
            yield under_way
            return
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All that this thread writes meanwhile is written together, or nothing of it."""
        with self._engine.begin() as connection:
            self._under_way.connection = connection
            try:
                yield
            finally:
                self._under_way.connection = None

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else delivers meanwhile, so a step that is under way in a row was broken off.

        Raises:
            BusyError: Somebody else is delivering.
        """
        busy = "another delivery is under way; wait for it"
        if self._engine.dialect.name != "postgresql":
            with held(self._lock, busy):
                yield
            return
        with self._engine.connect() as connection:
            got = connection.execute(sa.select(sa.func.pg_try_advisory_lock(_LOCK))).scalar_one()
            if not got:
                raise BusyError(busy)
            connection.commit()  # the lock is the session's and outlives this
            try:
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
                connection.commit()

    def plan(self, dispatches: Sequence[Dispatch]) -> None:
        """Write down all of them, or none."""
        with self._engine.begin() as connection:
            for one in dispatches:
                connection.execute(_DISPATCHES.insert().values(**_values(one)))
                self._note(connection, one.id, one.changed_at, one.state, one.receipt)

    def dispatches(
        self, agency: str | None = None, period: str | None = None
    ) -> tuple[Dispatch, ...]:
        """All of an agency and period, in the order in which they go out."""
        wanted = sa.select(_DISPATCHES).order_by(
            _DISPATCHES.c.agency,
            _DISPATCHES.c.period,
            _DISPATCHES.c.destination,
            _DISPATCHES.c.revision,
            _DISPATCHES.c.order,
            _DISPATCHES.c.id,
        )
        if agency is not None:
            wanted = wanted.where(_DISPATCHES.c.agency == agency)
        if period is not None:
            wanted = wanted.where(_DISPATCHES.c.period == period)
        with self._engine.connect() as connection:
            return tuple(_dispatch(row) for row in connection.execute(wanted).mappings())

    def find(self, start: str) -> Dispatch:
        """The one whose id begins so.

        Raises:
            ConfigError: None does, or several do.
        """
        found = [one for one in self.dispatches() if one.id.startswith(start)]
        if len(found) != 1 or not start:
            raise ConfigError(
                "dispatch", "", f"{len(found)} begin with {start!r}", "see `survey report ledger`"
            )
        return found[0]

    def mark(
        self,
        one: Dispatch,
        state: DispatchState,
        receipt: str = "",
        *,
        now: datetime,
    ) -> Dispatch:
        """The dispatch in its next state, on the disk when this returns.

        Raises:
            StorageError: It is not in the state in which it was read: somebody else was there.
        """
        attempts = one.attempts + (state is DispatchState.SENDING)
        words = receipt[:_RECEIPT]
        change = (
            _DISPATCHES.update()
            .where(_DISPATCHES.c.id == one.id, _DISPATCHES.c.state == one.state.value)
            .values(state=state.value, attempts=attempts, changed_at=now, receipt=words)
        )
        with self._engine.begin() as connection:
            if connection.execute(change).rowcount != 1:
                raise StorageError(
                    f"dispatch {one.id[:12]}: was changed by somebody else meanwhile"
                )
            self._note(connection, one.id, now, state, words)
        return _with(one, state=state, attempts=attempts, changed_at=now, receipt=words)

    def handed_since(self, place: str, since: datetime) -> int:
        """How many dispatches to a place were handed over, or begun to be, since a moment."""
        wanted = (
            sa.select(sa.func.count())
            .select_from(_EVENTS.join(_DISPATCHES, _EVENTS.c.dispatch == _DISPATCHES.c.id))
            .where(
                _DISPATCHES.c.place == place,
                _EVENTS.c.state == DispatchState.HANDING.value,
                _EVENTS.c.at > since,
            )
        )
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def _note(
        self, connection: sa.Connection, id_: str, at: datetime, state: DispatchState, receipt: str
    ) -> None:
        connection.execute(
            _EVENTS.insert().values(dispatch=id_, at=at, state=state.value, receipt=receipt)
        )


def _on_disk(connection: Any, _record: object) -> None:
    """A commit returns when it would survive a power cut."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = EXTRA")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # what is forgotten is in no free page, either
    cursor.close()


def _values(one: Dispatch) -> dict[str, Any]:
    return asdict(one) | {"state": one.state.value}


def _dispatch(row: Any) -> Dispatch:
    said = {field.name: row[field.name] for field in fields(Dispatch)}
    at: datetime = said["changed_at"]  # SQLite keeps no zone; what we write is UTC
    said["changed_at"] = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    said["state"] = DispatchState(said["state"])
    return Dispatch(**said)


def _with(one: Dispatch, **changes: Any) -> Dispatch:
    return Dispatch(**{field.name: getattr(one, field.name) for field in fields(one)} | changes)
