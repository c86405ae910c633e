"""The ledger keeps every step, refuses a second hand, and says the same from either database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from made_wishes import wishes_are_kept
from sqlalchemy.exc import IntegrityError

from survey.errors import BusyError, ConfigError, StorageError
from survey.model.dispatch import Dispatch, DispatchState
from survey.storage.ledger import Ledger

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _dispatch(part: str = "one@es-prueba.example", **other: object) -> Dispatch:
    made = Dispatch(
        id=part.encode().hex()[:64],
        agency="es-prueba",
        period="2026-W48",
        destination="mail",
        revision=1,
        part=part,
        place="es-prueba.example",
        report="0" * 64,
        prepared="outgoing/mail-r1/1.eml",
        sha256="1" * 64,
        bytes=3_000_000_000,
        order=0,
        state=DispatchState.PLANNED,
        attempts=0,
        changed_at=NOW,
        receipt="",
    )
    return replace(made, **other)  # type: ignore[arg-type]


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An open, empty ledger."""
    made = Ledger.open(url, tmp_path / "deliver.lock")
    yield made
    made.close()


def test_ledger_goes_through_its_states(ledger: Ledger, url: str, tmp_path: Path) -> None:
    """Each is read back as it was written, by another reader, in UTC; a long answer is cut."""
    ledger.plan([_dispatch()])
    (row,) = ledger.dispatches()
    assert row == _dispatch()
    row = ledger.mark(row, DispatchState.SENDING, now=NOW)
    east = (NOW + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=9)))
    row = ledger.mark(row, DispatchState.HANDING, now=east)
    row = ledger.mark(row, DispatchState.DELIVERED, "250 ok" * 400, now=NOW)
    other = Ledger.open(url, tmp_path / "deliver.lock")
    (read,) = other.dispatches("es-prueba", "2026-W48")
    assert (read.state, read.attempts, read.changed_at) == (DispatchState.DELIVERED, 1, NOW)
    assert len(read.receipt) == 1000
    assert other.dispatches("es-otra") == ()
    other.close()


def test_second_hand_is_refused(ledger: Ledger) -> None:
    """Who read a row before another changed it can't go on with it."""
    ledger.plan([_dispatch()])
    (row,) = ledger.dispatches()
    ledger.mark(row, DispatchState.SENDING, now=NOW)
    with pytest.raises(StorageError, match="changed by somebody else"):
        ledger.mark(row, DispatchState.SENDING, now=NOW)


def test_plan_is_all_or_nothing(ledger: Ledger) -> None:
    """A row that is there already takes the others of its plan with it."""
    ledger.plan([_dispatch()])
    with pytest.raises(IntegrityError):
        ledger.plan([_dispatch("two@es-prueba.example"), _dispatch()])
    assert len(ledger.dispatches()) == 1


def test_what_was_handed_over_is_counted_by_place(ledger: Ledger) -> None:
    """Since a moment, per place, whatever became of it."""
    rows = [_dispatch(f"{name}@es-prueba.example") for name in ("a", "b")]
    ledger.plan([*rows, _dispatch("c@other.example", place="other.example")])
    for row, at in zip(ledger.dispatches(), (0, 40, 50), strict=True):
        row = ledger.mark(row, DispatchState.SENDING, now=NOW)  # noqa: PLW2901
        ledger.mark(row, DispatchState.HANDING, now=NOW + timedelta(minutes=at))
    assert ledger.handed_since("es-prueba.example", NOW - timedelta(minutes=1)) == 2
    assert ledger.handed_since("es-prueba.example", NOW + timedelta(minutes=1)) == 1
    assert ledger.handed_since("nowhere.example", NOW) == 0


def test_one_at_a_time(ledger: Ledger, url: str, tmp_path: Path) -> None:
    """The second one is told; when the first is done, or dead, it may."""
    other = Ledger.open(url, tmp_path / "deliver.lock")
    with ledger.exclusive(), pytest.raises(BusyError, match="another delivery"), other.exclusive():
        pytest.fail("both are in")
    with other.exclusive():
        pass
    other.close()


def test_dispatch_is_found_by_how_its_id_begins(ledger: Ledger) -> None:
    """One only."""
    ledger.plan([_dispatch("a@es-prueba.example"), _dispatch("b@es-prueba.example")])
    assert ledger.find("61").part == "a@es-prueba.example"
    for start in ("6", "x", ""):
        with pytest.raises(ConfigError, match="survey report ledger"):
            ledger.find(start)


@pytest.mark.parametrize("wrong", ["ledger.db", "nosuch://x/y", "mysql://x/y"])
def test_wrong_url_is_one_line(tmp_path: Path, wrong: str) -> None:
    """No URL, no such database, or no driver for it."""
    with pytest.raises(ConfigError, match=r"ledger\.url") as caught:
        Ledger.open(wrong, tmp_path / "lock")
    assert "\n" not in str(caught.value)


def test_wishes_are_kept(ledger: Ledger) -> None:
    """What people ask for on the site lies there, too."""
    wishes_are_kept(ledger)
