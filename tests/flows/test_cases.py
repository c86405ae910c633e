"""Cases by rules: what opens, fills, splits, merges, closes and opens them again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from judged_run import BEGUN, IP
from made_cases import DAY, NOW, MadePost, Office, made_post, make_office

from survey.enrichment.snapshots import import_snapshot
from survey.flows.cases import facts_of
from survey.model.address import Range, parse_ip
from survey.model.case import CaseState, Closing, Happened
from survey.model.episode import ExposureKind
from survey.model.followup import Reason, Round, Visit
from survey.model.letter import LetterKind, LetterState
from survey.model.probe import Probe
from survey.storage.registries import SnapshotKind
from survey.storage.rounds import write_round
from survey.targets.optouts import add

FIXED = {"state": "fixed", "fixed_at": BEGUN + DAY, "confirmed_at": BEGUN + 2 * DAY}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Three addresses that may be told: a relay, a proxy, and one that is both."""
    office = make_office(tmp_path)
    yield office
    office.ledger.close()


@pytest.fixture
def post(tmp_path: Path) -> MadePost:
    """A way out that takes everything."""
    return made_post(tmp_path)


def _happened(office: Office, number: str) -> list[Happened]:
    return [one.what for one in office.desk().cases.history(number)]


def _contacts(office: Office, text: str, day: int = 24) -> None:
    """A newer contact snapshot."""
    path = office.folder / "newer" / "contacts.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    import_snapshot(
        office.judged.layout,
        SnapshotKind.CONTACT,
        path,
        licence="for tests",
        retrieved_at=BEGUN.replace(day=day),
    )


def test_one_case_per_operator_network_and_kind(office: Office) -> None:
    """Two ports of one proxy are one case; relay and proxy of one address are two."""
    office.plan()
    found = [
        (one.number, one.key.email, one.key.asn, one.key.kind.value, one.key.agency)
        for one in office.cases()
    ]
    assert found == [
        ("OSYS-2026-000001", "abuse@altamar.example", 64500, "relay", "es-prueba"),
        ("OSYS-2026-000002", "abuse@altamar.example", 64500, "proxy", "es-prueba"),
        ("OSYS-2026-000003", "abuse@cierzo.example", 64501, "relay", "xx-net"),
        ("OSYS-2026-000004", "abuse@cierzo.example", 64501, "proxy", "xx-net"),
    ]
    ports = [one.port for one in office.desk().cases.findings_of("OSYS-2026-000002")]
    assert ports == [1080, 1081]


def test_planning_again_changes_nothing(office: Office) -> None:
    """The rules bring the ledger to what is so; it is so already."""
    office.plan()
    before = [office.desk().cases.history(one.number) for one in office.cases()]
    assert not office.plan().cases
    assert [office.desk().cases.history(one.number) for one in office.cases()] == before


def test_only_reproduced_findings_open_a_case(office: Office) -> None:
    """R6 is one proof, and one proof is not told."""
    office.judge({**row, "rung": min(row["rung"], 6)} for row in office.findings())
    assert office.plan().cases == {}
    assert office.cases() == ()


def test_a_proof_of_more_than_72_hours_opens_no_case(office: Office) -> None:
    """Addresses change hands."""
    office.prove(NOW - timedelta(hours=73), ["relay"])
    plan = office.plan()
    assert plan.left_out == {"proven more than 72 hours ago": 1}
    assert parse_ip(IP["relay"]) not in {one.ip for one in office.desk().cases.findings()}


def test_nobody_to_tell_opens_no_case(office: Office) -> None:
    """A registry's mailbox, and an address without any contact."""
    office.prove(NOW - timedelta(hours=2), ["foreign", "gap"])
    assert office.plan().left_out == {"no contact": 2}


def test_what_was_found_closed_since_opens_no_case(office: Office) -> None:
    """One negative check after the proof is enough not to write."""
    office.live(relay={"closing_at": NOW - timedelta(hours=1)})
    assert office.plan().left_out == {"found closed since": 1}


def test_another_finding_comes_into_the_operators_case(office: Office) -> None:
    """As long as nothing of it is approved."""
    office.prove(NOW - timedelta(hours=2), ["relay"])
    office.judge(
        {**row, "rung": 6} if row["ip"] == parse_ip(IP["proxy"]) else row
        for row in office.findings()
    )
    office.plan()
    office.judge(
        {**row, "ip": parse_ip("192.0.2.8"), "port": 25}
        if (row["ip"], row["port"]) == (parse_ip(IP["both"]), 25)
        else row
        for row in office.findings()
    )
    office.judge({**row, "asn": 64500} for row in office.findings())
    office.plan()
    tests = office.desk().cases.findings_of("OSYS-2026-000001")
    assert [one.ip for one in tests] == [parse_ip("192.0.2.7"), parse_ip("192.0.2.8")]


async def test_what_is_found_after_the_letter_is_the_next_case(
    office: Office, post: MadePost
) -> None:
    """A letter is sent once; what it doesn't tell of must not wait for ever."""
    office.plan()
    office.approve_all()
    await office.send(post)
    rows = office.findings()
    relay = next(row for row in rows if row["ip"] == parse_ip(IP["relay"]))
    office.judge([*rows, {**relay, "ip": parse_ip("192.0.2.8")}])
    office.plan()
    first, *_, newest = office.cases()
    assert newest.key == first.key
    assert [one.ip for one in office.desk().cases.findings_of(newest.number)] == [
        parse_ip("192.0.2.8")
    ]


async def test_another_test_of_a_port_that_was_told_is_no_other_case(
    office: Office, post: MadePost
) -> None:
    """One door, one letter, however many ways there are to knock."""
    office.plan()
    office.approve_all()
    await office.send(post)
    rows = office.findings()
    proxy = next(row for row in rows if row["port"] == 1081)
    office.judge([*rows, {**proxy, "probe": "socks4"}])
    office.plan()
    assert len(office.cases()) == 4
    assert Probe.SOCKS4 in {
        one.probe for one in office.desk().cases.findings_of(office.case_of("proxy").number)
    }


def test_findings_of_another_operator_are_split_off(office: Office) -> None:
    """A closer contact answers for one of two addresses."""
    rows = office.findings()
    relay = next(row for row in rows if row["ip"] == parse_ip(IP["relay"]))
    office.judge([*rows, {**relay, "ip": parse_ip("192.0.2.8")}])
    office.plan()
    _contacts(office, "192.0.2.8,192.0.2.8,noc@tenant.example,Tenant,en\n")
    plan = office.plan()
    assert plan.cases == {Happened.SPLIT: 1}
    old, new = office.case_of("relay"), office.cases()[-1]
    assert new.key.email == "noc@tenant.example"
    assert Happened.SPLIT in _happened(office, old.number)
    assert [one.ip for one in office.desk().cases.findings_of(new.number)] == [
        parse_ip("192.0.2.8")
    ]


def test_case_follows_its_contact_before_anything_is_sent(office: Office) -> None:
    """The number stays; nobody was written to yet."""
    office.plan()
    number = office.case_of("relay").number
    _contacts(office, "192.0.2.0,192.0.2.127,noc@altamar.example,Altamar,es\n")
    assert office.plan().cases[Happened.CONTACT] == 2
    assert office.case_of("relay").number == number
    assert office.case_of("relay").key.email == "noc@altamar.example"
    assert office.letters()[number, LetterKind.FIRST_NOTICE].recipient == "noc@altamar.example"


async def test_case_is_merged_into_that_of_its_new_contact(office: Office, post: MadePost) -> None:
    """Our letter went to somebody who does not answer for it; who does gets his own."""
    office.plan()
    office.approve_all()
    await office.send(post)
    old = office.case_of("relay")
    _contacts(office, "192.0.2.7,192.0.2.7,noc@altamar.example,Altamar,es\n")
    assert office.plan().cases == {Happened.MERGED: 1}
    old = office.desk().cases.get(old.number)
    assert old.state is CaseState.MERGED
    assert old.successor == office.case_of("relay").number
    assert office.letters()[old.successor, LetterKind.FIRST_NOTICE].state is LetterState.PLANNED


async def test_a_new_agency_does_not_have_the_same_operator_written_to_twice(
    office: Office, post: MadePost
) -> None:
    """After the letter only another mailbox moves a finding."""
    office.plan()
    office.approve_all()
    await office.send(post)
    path = office.judged.settings.agencies / "xx-gap.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("203.0.113.0/28", "192.0.2.0/24"), encoding="utf-8")
    assert office.plan().cases == {}


def test_case_is_closed_when_all_its_episodes_are_fixed(office: Office) -> None:
    """Not before: one of two ports still open keeps it."""
    office.plan()
    office.live(relay=FIXED, proxy=FIXED)
    path = office.judged.layout.episodes("trial")
    rows = pq.read_table(path).to_pylist()
    office.live(relay=FIXED)
    assert office.plan(NOW + 2 * DAY).cases == {Happened.CLOSED: 1}
    case = office.case_of("relay")
    assert (case.state, case.closed_by, case.closed_at) == (
        CaseState.CLOSED,
        Closing.FIXED,
        BEGUN + DAY,
    )
    assert office.case_of("proxy").state is CaseState.OPEN
    assert len(rows) == 3


def _round(office: Office, reason: Reason) -> None:
    """Round 1 tested the relay for that reason."""
    visit = Visit(
        1, parse_ip(IP["relay"]), 25, Probe.SMTP_RELAY, reason, (), 1, None, None, True, 1
    )
    run = office.judged.layout.run("trial", "2026-W48")
    write_round(run, Round("trial", "2026-W48", 1, "0" * 64, NOW, (visit,), (0, 1)))


def test_case_is_closed_by_a_retest_that_was_asked_for(office: Office) -> None:
    """One negative check says so at once, and the rule of two days confirms it."""
    office.plan()
    office.live(relay={"closing_at": NOW + timedelta(hours=1)})
    office.look("relay", NOW + timedelta(hours=1), "closed", 1)
    _round(office, Reason.WISH)
    office.plan(NOW + timedelta(hours=2))
    case = office.case_of("relay")
    assert (case.state, case.closed_by) == (CaseState.CLOSED, Closing.RETEST)
    office.live(relay={**FIXED, "fixed_at": NOW + timedelta(hours=1)})
    assert office.plan(NOW + 2 * DAY).cases == {Happened.CONFIRMED: 1}
    assert office.plan(NOW + 2 * DAY).cases == {}
    assert office.case_of("relay").closed_by is Closing.RETEST


def test_one_negative_check_that_nobody_asked_for_closes_no_case(office: Office) -> None:
    """The rule of two days holds."""
    office.plan()
    office.live(relay={"closing_at": NOW + timedelta(hours=1)})
    office.look("relay", NOW + timedelta(hours=1), "closed", 1)
    _round(office, Reason.LIFECYCLE)
    assert office.plan(NOW + timedelta(hours=2)).cases == {}


def test_case_is_opened_again_within_90_days(office: Office) -> None:
    """The same number, the same history."""
    office.plan()
    number = office.case_of("relay").number
    office.live(relay=FIXED)
    office.plan(NOW + 2 * DAY)
    again = {"number": 2, "opened_at": NOW + 9 * DAY, "last_open_at": NOW + 9 * DAY}
    office.live(relay=again)
    assert office.plan(NOW + 9 * DAY).cases == {Happened.REOPENED: 1}
    assert office.case_of("relay").number == number
    assert office.case_of("relay").state is CaseState.OPEN


def test_after_90_days_it_is_another_case(office: Office) -> None:
    """What opens then is no fix that did not last."""
    office.plan()
    office.live(relay=FIXED)
    office.plan(NOW + 2 * DAY)
    later = NOW + 100 * DAY
    office.prove(later - timedelta(hours=1), ["relay"])
    office.live(relay={"number": 2, "opened_at": later, "last_open_at": later})
    office.plan(later)
    relays = [one for one in office.cases() if one.key.kind is ExposureKind.RELAY]
    assert [one.state for one in relays][-1] is CaseState.OPEN
    assert len(relays) == 3
    assert relays[0].state is CaseState.CLOSED


def test_lost_is_not_fixed(office: Office) -> None:
    """Nobody is thanked for what nobody saw closed."""
    office.plan()
    office.live(relay={"state": "lost", "lost_at": NOW + 30 * DAY, "lost_by": "silence"})
    office.plan(NOW + 31 * DAY)
    assert office.case_of("relay").closed_by is Closing.LOST


def test_opted_out_addresses_leave_their_case(office: Office) -> None:
    """And a case without any is closed, its letters with it."""
    office.plan()
    number = office.case_of("relay").number
    ip = parse_ip(IP["relay"])
    add(office.judged.optouts, (Range(ip, ip),), "owner", "by phone", NOW, NOW)
    plan = office.plan()
    assert plan.cases == {Happened.LEFT: 1, Happened.CLOSED: 1}
    case = office.desk().cases.get(number)
    assert case.closed_by is Closing.OPTED_OUT
    letter = office.letters()[number, LetterKind.FIRST_NOTICE]
    assert letter.state is LetterState.SUPPRESSED
    assert not (office.judged.layout.root / letter.content).exists()


def test_history_is_append_only_and_numbers_are_never_used_again(office: Office) -> None:
    """Each event once, in order, and a new case after all others."""
    office.plan()
    events = [event for one in office.cases() for event in office.desk().cases.history(one.number)]
    assert len({one.number for one in events}) == len(events)
    assert _happened(office, "OSYS-2026-000001") == [
        Happened.OPENED,
        Happened.FOUND,
        Happened.DRAWN,
        Happened.PLANNED,
    ]


def test_facts_are_read_once_for_all_cases(office: Office) -> None:
    """What the tables say of open and closed ports alike."""
    office.plan()
    office.live(relay=FIXED, proxy={})
    office.look("proxy", NOW, "open")
    facts = facts_of(office.desk())
    relay = (parse_ip(IP["relay"]), 25, Probe.SMTP_RELAY)
    proxy = (parse_ip(IP["proxy"]), 1080, Probe.SOCKS5)
    life = facts.life(relay)
    assert life is not None
    assert life.is_fixed
    assert facts.open_since([proxy], NOW - DAY) == 1
    assert facts.open_since([proxy], NOW) == 0
