"""What any database must do with wishes."""

from datetime import UTC, datetime, timedelta

from survey.model.address import Range, parse_ip
from survey.model.probe import Probe
from survey.model.wish import Wish, WishKind
from survey.storage.ledger import Ledger
from survey.storage.wishes import Wishes

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
IP = parse_ip("192.0.2.7")


def wishes_are_kept(ledger: Ledger) -> None:
    """In order, found by case, forgotten in time; a number is never used again."""
    wishes = Wishes(ledger)
    test = Wish(0, NOON, WishKind.TEST, "OSYS-2026-000001", IP, 25, Probe.SMTP_RELAY, "2026-W48")
    mine = Wish(0, NOON + timedelta(hours=1), WishKind.NOT_MINE, "OSYS-2026-000001", detail="é'\"")
    own = Wish(0, NOON + timedelta(hours=2), WishKind.OWN_TEST, ip=IP + 1, run="2026-W48")
    made = [wishes.add(one) for one in (test, mine, own)]
    first, second, third = (one.number for one in made)
    assert first < second < third
    assert wishes.of_case("OSYS-2026-000001") == tuple(made[:2])
    assert wishes.since(NOON + timedelta(minutes=30)) == tuple(made[1:])
    assert wishes.get(third) == made[2]
    assert wishes.get(999) is None
    assert wishes.forget(NOON, [Range(IP + 1, IP + 1)]) == 1
    assert wishes.forget(NOON + timedelta(minutes=1), ()) == 1
    assert [one.number for one in wishes.since(NOON)] == [second]
    assert wishes.add(own).number > third  # the address of a result names its number
