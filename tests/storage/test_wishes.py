"""Wishes are on the disk when they are taken (in each database: ``test_ledger.py``)."""

from pathlib import Path

from made_wishes import NOON

from survey.model.wish import Wish, WishKind
from survey.storage.ledger import Ledger
from survey.storage.wishes import Wishes


def test_a_ledger_opened_again_has_them(tmp_path: Path) -> None:
    """Whoever asked is not asked again."""
    for expected in (1, 2):
        ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db", tmp_path / "lock")
        wishes = Wishes(ledger)
        wishes.add(Wish(0, NOON, WishKind.OPT_OUT, "OSYS-2026-000002"))
        assert len(wishes.of_case("OSYS-2026-000002")) == expected
        ledger.close()
