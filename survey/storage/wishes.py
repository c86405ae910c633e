"""What people asked for on the site, in the ledger's database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from survey.errors import StorageError
from survey.model.address import Range
from survey.model.probe import Probe
from survey.model.wish import Wish, WishKind
from survey.storage.ledger import Ledger

_META = sa.MetaData()

_WISHES = sa.Table(
    "site_wishes",
    _META,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("case", sa.String(24), nullable=False, index=True),
    sa.Column("ip", sa.BigInteger, nullable=True, index=True),
    sa.Column("port", sa.Integer, nullable=True),
    sa.Column("probe", sa.String, nullable=True),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
    sqlite_autoincrement=True,
)


class Wishes:
    """All wishes; each is on the disk when ``add`` returns."""

    def __init__(self, ledger: Ledger) -> None:
        self._engine = ledger.engine
        try:
            _META.create_all(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise StorageError(f"the ledger can't hold wishes: {error}") from error

    def add(self, wish: Wish) -> Wish:
        """Write one down; its number is given here, whatever it has."""
        values = asdict(wish) | {
            "kind": wish.kind.value,
            "probe": wish.probe.value if wish.probe else None,
        }
        del values["number"]
        with self._engine.begin() as connection:
            made = connection.execute(_WISHES.insert().values(values)).inserted_primary_key
        assert made is not None
        return replace(wish, number=int(made[0]))

    def get(self, number: int) -> Wish | None:
        """One of them."""
        found = self._found(_WISHES.c.number == number)
        return found[0] if found else None

    def of_case(self, case: str) -> tuple[Wish, ...]:
        """All of a case, oldest first."""
        return self._found(_WISHES.c.case == case)

    def since(self, moment: datetime) -> tuple[Wish, ...]:
        """All that were made since a moment, oldest first."""
        return self._found(_WISHES.c.at >= moment)

    def forget(self, before: datetime, addresses: Sequence[Range]) -> int:
        """Delete those made before a moment, and those about some addresses; how many."""
        parts = [
            sa.and_(_WISHES.c.ip >= part.start, _WISHES.c.ip <= part.end) for part in addresses
        ]
        with self._engine.begin() as connection:
            gone = connection.execute(_WISHES.delete().where(sa.or_(_WISHES.c.at < before, *parts)))
        return gone.rowcount

    def _found(self, wanted: sa.ColumnElement[bool]) -> tuple[Wish, ...]:
        query = sa.select(_WISHES).where(wanted).order_by(_WISHES.c.number)
        with self._engine.connect() as connection:
            return tuple(_wish(row) for row in connection.execute(query).mappings())


def _wish(row: Mapping[Any, Any]) -> Wish:
    at: datetime = row["at"]  # SQLite keeps no zone; what we write is UTC
    return Wish(
        number=row["number"],
        at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC),
        kind=WishKind(row["kind"]),
        case=row["case"],
        ip=row["ip"],
        port=row["port"],
        probe=Probe(row["probe"]) if row["probe"] else None,
        run=row["run"],
        detail=row["detail"],
    )
