"""Cases die, too: mailboxes, addresses and marks of mail go, numbers and what happened stay."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from judged_run import IP
from made_cases import DAY, NOW, MadePost, Office, made_post, make_office

from survey.flows.purge import Purge, carry_out, plan_purge
from survey.model.address import Range, parse_ip
from survey.model.case import CaseState, Closing
from survey.model.letter import LetterKind, LetterState
from survey.model.retention import Retention, Why
from survey.model.wish import Wish, WishKind
from survey.storage.outbox import Outbox
from survey.storage.retention import note_retention
from survey.storage.wishes import Wishes
from survey.targets.ranges import RangeSet

KEEP = Retention(contacts=100, findings=200, evidence=90, registries=400, mail=90)
RELAY, PROXY = "OSYS-2026-000001", "OSYS-2026-000002"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A run whose periods are stated."""
    office = make_office(tmp_path)
    note_retention(office.judged.layout, "trial", KEEP)
    run = office.judged.layout.run("trial", "2026-W48")
    run.shard(0).unlink()  # it is only named there
    run.manifest.unlink()
    office.plan()
    yield office
    office.ledger.close()


@pytest.fixture
def post(tmp_path: Path) -> MadePost:
    """A way out that takes everything."""
    return made_post(tmp_path)


def _purge(office: Office, now: datetime, *forget: str, **changes: bool) -> Purge:
    ranges = [Range(parse_ip(ip), parse_ip(ip)) for ip in forget]
    plan = partial(
        plan_purge,
        office.judged.settings,
        forget=RangeSet.of(ranges),
        ledger=office.ledger,
        now=now,
        **changes,
    )
    return carry_out(office.judged.settings, plan, lambda _: None)


def _tables(purge: Purge) -> dict[str, int]:
    return {one.table: one.rows for one in purge.removals if one.where == "ledger"}


async def _closed(office: Office, post: MadePost) -> None:
    office.approve_all()
    await office.send(post)
    fixed = {"state": "fixed", "fixed_at": NOW + DAY, "confirmed_at": NOW + 2 * DAY}
    office.live(relay=fixed)
    office.plan(NOW + 3 * DAY)


async def test_mailbox_of_a_closed_case_goes_after_its_period(
    office: Office, post: MadePost
) -> None:
    """Open cases keep theirs, whatever their age."""
    await _closed(office, post)
    assert _tables(_purge(office, NOW + 90 * DAY)) == {}
    assert _tables(_purge(office, NOW + 110 * DAY)) == {"case contacts": 1}
    case = office.desk().cases.get(RELAY)
    assert (case.key.email, case.contact_name) == ("", "")
    letter = office.letters()[RELAY, LetterKind.FIRST_NOTICE]
    assert (letter.recipient, letter.receipt, letter.state) == ("", "", LetterState.SENT)
    assert office.desk().cases.get(PROXY).key.email == "abuse@altamar.example"
    assert _tables(_purge(office, NOW + 110 * DAY)) == {}


async def test_addresses_of_old_cases_go_and_their_history_stays(
    office: Office, post: MadePost
) -> None:
    """One that was still open is closed: nobody knows any more."""
    await _closed(office, post)
    before = [one.what for one in office.desk().cases.history(RELAY)]
    done = _purge(office, NOW + 250 * DAY)
    assert _tables(done)["case findings"] == 2 * 5
    desk = office.desk()
    assert desk.cases.findings() == ()
    assert [one.what for one in desk.cases.history(RELAY)] == before
    assert all(one.test is None for one in desk.cases.history(RELAY))
    case = desk.cases.get(PROXY)
    assert (case.state, case.closed_by) == (CaseState.CLOSED, Closing.CENSORED)
    assert case.key.email == ""


def test_marks_of_mail_go(office: Office) -> None:
    """After the period of what people wrote."""
    Outbox(office.ledger).note_read("0" * 64, "person", NOW)
    assert _tables(_purge(office, NOW + 80 * DAY)) == {}
    assert _tables(_purge(office, NOW + 95 * DAY)) == {"case mail": 1}
    assert Outbox(office.ledger).read_counts() == {}


def test_who_asks_to_be_forgotten_is_in_no_case(office: Office) -> None:
    """Nor in the bytes of the ledger's file; others are untouched."""
    done = _purge(office, NOW, IP["relay"], only_erasure=True)
    assert _tables(done) == {"case findings": 2}
    desk = office.desk()
    assert all(one.ip != parse_ip(IP["relay"]) for one in desk.cases.findings())
    assert all(one.test is None for one in desk.cases.history(RELAY))
    case = desk.cases.get(RELAY)
    assert (case.state, case.closed_by, case.key.email) == (
        CaseState.CLOSED,
        Closing.OPTED_OUT,
        "",
    )
    assert len(desk.cases.findings_of(PROXY)) == 2
    for path in (office.judged.layout.root / "letters").rglob("*.eml"):
        assert IP["relay"].encode() not in path.read_bytes()
    assert done.rows(Why.ERASED) >= 3


def test_letters_wait_while_somebody_works_on_the_ledger(office: Office) -> None:
    """It is said, and done by the next purge."""
    with office.ledger.exclusive():
        done = _purge(office, NOW, IP["relay"], only_erasure=True)
    assert [one.table for one in done.left] == ["case findings"]
    assert _purge(office, NOW, IP["relay"], only_erasure=True).left == ()


def test_wishes_of_the_site_die_too(office: Office) -> None:
    """By age, and by address."""
    wishes, ip = Wishes(office.ledger), parse_ip(IP["relay"])
    wishes.add(Wish(0, NOW, WishKind.OWN_TEST, "", ip, 25, None, "2026-W48", ""))
    wishes.add(Wish(0, NOW, WishKind.OWN_TEST, "", ip + 1, 25, None, "2026-W48", ""))
    assert _tables(_purge(office, NOW, IP["relay"], only_erasure=True))["site wishes"] == 1
    assert _tables(_purge(office, NOW + timedelta(days=95)))["site wishes"] == 1
    assert wishes.since(NOW - DAY) == ()
