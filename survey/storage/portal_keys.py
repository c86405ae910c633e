"""Keys of the agencies' portal, in the ledger's database: of a secret only its hash is kept.

A secret is 256 random bits.  Nobody finds one by trying, however fast the hash; so it is SHA-256,
and not one that is slow on purpose (Argon2, bcrypt): that guards words which people choose, and
whoever wants to keep the portal busy would be glad of it (decision 0246).
"""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from survey.errors import ConfigError, StorageError
from survey.model.portal import PortalKey, Scope
from survey.storage.ledger import Ledger

_META = sa.MetaData()
_KEYS = sa.Table(
    "portal_keys",
    _META,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("agency", sa.String, nullable=False, index=True),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("scopes", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
)
_SECRET_BYTES = 32
_TEXT = re.compile(r"osys_([a-z2-7]{16})_([a-z2-7]{52})")
"""A key as it is written: a mark that scanners for leaked keys can look for, its id, its secret."""
_NOBODY = "0" * 64
"""No secret has this hash."""
_TO_THE_MINUTE = timedelta(minutes=1)


class PortalKeys:
    """All keys of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._engine = ledger.engine
        try:
            _META.create_all(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise StorageError(f"the ledger can't hold keys: {error}") from error

    def add(
        self,
        agency: str,
        holder: str,
        scopes: Iterable[Scope],
        expires_at: datetime,
        now: datetime,
    ) -> tuple[PortalKey, str]:
        """Make a key; its text is given here, and never again."""
        secret = _letters(secrets.token_bytes(_SECRET_BYTES))
        key = PortalKey(
            id=_letters(secrets.token_bytes(10)),
            agency=agency,
            holder=holder,
            scopes=frozenset(scopes),
            made_at=now,
            expires_at=expires_at,
        )
        assert key.scopes, "a key opens something"
        values = {
            "id": key.id,
            "hash": _hash(secret),
            "agency": agency,
            "holder": holder,
            "scopes": " ".join(sorted(key.scopes)),
            "made_at": now,
            "expires_at": expires_at,
        }
        with self._engine.begin() as connection:
            connection.execute(_KEYS.insert().values(values))
        return key, f"osys_{key.id}_{secret}"

    def all(self, agency: str | None = None) -> tuple[PortalKey, ...]:
        """Every key, or those of an agency, oldest first."""
        wanted = sa.select(_KEYS).order_by(_KEYS.c.made_at, _KEYS.c.id)
        if agency is not None:
            wanted = wanted.where(_KEYS.c.agency == agency)
        with self._engine.connect() as connection:
            return tuple(_key(row) for row in connection.execute(wanted).mappings())

    def get(self, id_: str) -> PortalKey | None:
        """The key of that id, whether it opens anything or not."""
        row = self._row(id_)
        return None if row is None else _key(row)

    def find(self, text: str) -> PortalKey | None:
        """The key that somebody shows, if it is one, whether it opens anything or not.

        A key that is not there takes the same steps as one whose secret is wrong.
        """
        parts = _TEXT.fullmatch(text) if text.isascii() else None
        if parts is None:
            return None
        row = self._row(parts[1])
        shown = _hash(parts[2])
        same = hmac.compare_digest(shown, _NOBODY if row is None else row["hash"])
        return _key(row) if same and row is not None else None

    def used(self, key: PortalKey, now: datetime) -> None:
        """Write down that it was used; to the minute, so that many requests are one write."""
        if key.used_at is not None and now - key.used_at < _TO_THE_MINUTE:
            return
        with self._engine.begin() as connection:
            connection.execute(_KEYS.update().where(_KEYS.c.id == key.id).values(used_at=now))

    def revoke(self, id_: str, now: datetime) -> PortalKey:
        """It opens nothing from now on; who has revoked it before stays so.

        Raises:
            ConfigError: There is no such key.
        """
        change = (
            _KEYS.update()
            .where(_KEYS.c.id == id_, _KEYS.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        with self._engine.begin() as connection:
            connection.execute(change)
        key = self.get(id_)
        if key is None:
            raise ConfigError(
                "KEY", "", f"there is no key {id_[:40]!r}", "see `survey portal keys list`"
            )
        return key

    def ended(self, before: datetime) -> int:
        """How many have opened nothing any more since before a moment."""
        wanted = sa.select(sa.func.count()).select_from(_KEYS).where(_ended(before))
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one())

    def forget(self, before: datetime) -> None:
        """Delete those; the audit log still says what they made and saw."""
        with self._engine.begin() as connection:
            connection.execute(_KEYS.delete().where(_ended(before)))

    def _row(self, id_: str) -> Any:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(_KEYS).where(_KEYS.c.id == id_)).mappings().first()


def _ended(before: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(_KEYS.c.expires_at < before, _KEYS.c.revoked_at < before)


def _letters(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _key(row: Any) -> PortalKey:
    return PortalKey(
        id=row["id"],
        agency=row["agency"],
        holder=row["holder"],
        scopes=frozenset(map(Scope, row["scopes"].split())),
        made_at=_utc(row["made_at"]),
        expires_at=_utc(row["expires_at"]),
        revoked_at=row["revoked_at"] and _utc(row["revoked_at"]),
        used_at=row["used_at"] and _utc(row["used_at"]),
    )


def _utc(at: datetime) -> datetime:
    """SQLite keeps no zone; what we write is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
