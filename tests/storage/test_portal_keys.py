"""Keys of the portal: only their hash is kept, they end, and who guesses learns nothing."""

import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.errors import ConfigError
from survey.model.portal import Scope
from survey.storage.ledger import Ledger
from survey.storage.portal_keys import PortalKeys

NOW = datetime(2026, 11, 26, 9, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def keys(url: str, tmp_path: Path) -> Iterator[PortalKeys]:
    """No key yet, in each database."""
    ledger = Ledger.open(url, tmp_path / "lock")
    yield PortalKeys(ledger)
    ledger.close()


def test_a_key_is_found_by_its_text_alone(keys: PortalKeys) -> None:
    """All of it comes back, in UTC; its id is no key."""
    key, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS, Scope.QUERY], NOW + DAY, NOW)

    assert keys.find(text) == key
    assert keys.get(key.id) == key
    assert keys.find(key.id) is None
    assert key.scopes == {Scope.FEEDS, Scope.QUERY}


def test_only_the_hash_is_kept(keys: PortalKeys) -> None:
    """Whoever reads the database has no key."""
    _, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS], NOW + DAY, NOW)
    secret = text.rpartition("_")[2]

    with keys._engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM portal_keys")).all()
    assert secret not in repr(rows)
    assert len(secret) == 52  # 256 bits in base32


def test_keys_are_random(keys: PortalKeys) -> None:
    """No two are alike in id or secret."""
    made = [keys.add("es-prueba", "x", [Scope.FEEDS], NOW + DAY, NOW) for _ in range(20)]

    assert len({key.id for key, _ in made}) == 20
    assert len({text.rpartition("_")[2] for _, text in made}) == 20


def test_a_key_opens_until_its_time(keys: PortalKeys) -> None:
    """Not at the very moment, nor after it."""
    key, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS], NOW + DAY, NOW)

    assert key.opens(NOW + DAY - timedelta(microseconds=1))
    assert not key.opens(NOW + DAY)
    assert keys.find(text) is not None


def test_a_revoked_key_opens_nothing(keys: PortalKeys) -> None:
    """From that moment on, whoever revokes it again."""
    key, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS], NOW + DAY, NOW)
    keys.revoke(key.id, NOW)
    gone = keys.revoke(key.id, NOW + DAY)

    assert gone.revoked_at == NOW
    assert not gone.opens(NOW)
    assert keys.find(text) == gone


def test_revoking_what_is_not_there_is_said(keys: PortalKeys) -> None:
    """A mistyped id must not look like success."""
    with pytest.raises(ConfigError, match="there is no key"):
        keys.revoke("abc", NOW)


def test_last_use_is_kept_to_the_minute(keys: PortalKeys) -> None:
    """Many requests are one write."""
    key, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS], NOW + DAY, NOW)
    keys.used(key, NOW)
    used = keys.find(text)
    assert used is not None
    keys.used(used, NOW + timedelta(seconds=59))
    again = keys.find(text)

    assert again is not None
    assert again.used_at == NOW
    keys.used(again, NOW + timedelta(seconds=60))
    assert keys.all("es-prueba")[0].used_at == NOW + timedelta(seconds=60)


def test_keys_are_listed_by_agency(keys: PortalKeys) -> None:
    """Oldest first."""
    first, _ = keys.add("es-prueba", "a", [Scope.FEEDS], NOW + DAY, NOW)
    other, _ = keys.add("mx-prueba", "b", [Scope.CASES], NOW + DAY, NOW + DAY)

    assert keys.all() == (first, other)
    assert keys.all("mx-prueba") == (other,)


def test_keys_that_ended_are_forgotten(keys: PortalKeys) -> None:
    """Their holders are people; expired or revoked, by when they ended."""
    old, _ = keys.add("es-prueba", "a", [Scope.FEEDS], NOW - 9 * DAY, NOW - 30 * DAY)
    gone, _ = keys.add("es-prueba", "b", [Scope.FEEDS], NOW + DAY, NOW - 30 * DAY)
    keys.revoke(gone.id, NOW - 9 * DAY)
    kept, _ = keys.add("es-prueba", "c", [Scope.FEEDS], NOW - 3 * DAY, NOW - 30 * DAY)

    assert keys.ended(NOW - 8 * DAY) == 2
    keys.forget(NOW - 8 * DAY)
    assert keys.all() == (kept,)
    assert keys.get(old.id) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("a" if text[-1] != "a" else "q"),
        lambda text: text.upper(),
        lambda text: text + "a",
        lambda text: text[:-1],
        lambda text: text.replace("osys_", "xsys_"),
        lambda text: f" {text}",
        lambda text: f"{text}\n",
        lambda text: text[:5] + "a" * 16 + text[21:],
        lambda text: text[:-2] + "\N{LATIN SMALL LETTER DOTLESS I}" + text[-1],
    ],
)
def test_what_is_almost_a_key_is_none(sqlite: str, tmp_path: Path, change: object) -> None:
    """Every letter counts, and there is one way to write it."""
    ledger = Ledger.open(sqlite, tmp_path / "lock")
    keys = PortalKeys(ledger)
    _, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS], NOW + DAY, NOW)
    assert keys.find(change(text)) is None  # type: ignore[operator]
    ledger.close()


def test_an_unknown_key_takes_the_same_steps(
    sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row is looked for, and one comparison made whose time says not where they differ."""
    ledger = Ledger.open(sqlite, tmp_path / "lock")
    keys = PortalKeys(ledger)
    _, text = keys.add("es-prueba", "SIEM", [Scope.FEEDS], NOW + DAY, NOW)
    real, steps = hmac.compare_digest, []

    def compare(one: str, other: str) -> bool:
        steps.append((len(one), len(other)))
        return real(one, other)

    sa.event.listen(
        ledger.engine, "before_cursor_execute", lambda *said: steps.append(str(said[2])[:6])
    )
    monkeypatch.setattr("survey.storage.portal_keys.hmac.compare_digest", compare)
    taken = []
    wrong = text[:22] + "a" * 52
    for shown in (text, wrong, wrong[:5] + "b" * 16 + wrong[21:]):
        steps.clear()
        keys.find(shown)
        taken.append(list(steps))
    assert taken[0] == taken[1] == taken[2] == ["SELECT", (64, 64)]
    ledger.close()


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_no_text_breaks_the_look(text: str) -> None:
    """Whatever a stranger sends is no key, and no error; what can't be one asks no database."""
    keys = PortalKeys.__new__(PortalKeys)
    assert keys.find(text) is None
