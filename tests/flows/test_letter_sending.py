"""Letters on their way: approved word for word, checked up to the last moment, sent once."""

import email
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.policy import SMTP
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from judged_run import BEGUN, IP
from made_cases import CERT, DAY, NOW, MadePost, Office, made_post, make_office

from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.flows.letter_approval import approve
from survey.flows.letter_settling import settle
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.dkim_signature import Signature
from survey.model.address import Range, parse_ip
from survey.model.agency import Agency
from survey.model.case import CaseState, Happened
from survey.model.experiment import Draw, Group, Medium, Wording
from survey.model.followup import Reason
from survey.model.letter import LetterKind, LetterState
from survey.notify.letter_token import read_token
from survey.storage.followups import read_queue
from survey.storage.messages import note_message
from survey.storage.registries import SnapshotKind
from survey.storage.suppression_list import Cause, read_list, suppress
from survey.targets.optouts import add

FIRST = LetterKind.FIRST_NOTICE
RELAY = "OSYS-2026-000001"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One relay that may be told."""
    office = make_office(tmp_path)
    office.judge(row for row in office.findings() if row["ip"] == parse_ip(IP["relay"]))
    office.plan()
    yield office
    office.ledger.close()


@pytest.fixture
def post(tmp_path: Path) -> MadePost:
    """A way out that takes everything."""
    return made_post(tmp_path)


def _letter(office: Office, kind: LetterKind = FIRST) -> LetterState:
    return office.letters()[RELAY, kind].state


def _opt_out(office: Office) -> None:
    ip = parse_ip(IP["relay"])
    add(office.judged.optouts, (Range(ip, ip),), "owner", "by phone", NOW, NOW)


async def test_nothing_leaves_that_is_not_approved(office: Office, post: MadePost) -> None:
    """Planned is not enough."""
    assert (await office.send(post)).sent == []
    assert post.taken == []


async def test_a_rehearsal_sends_nothing_and_changes_nothing(
    office: Office, post: MadePost
) -> None:
    """Dry run is the default: the message is written as it would leave."""
    office.approve_all()
    before = office.letters(), office.desk().cases.history(RELAY)
    done = await office.send(post, really=False)
    assert done.sent == [(RELAY, FIRST)]
    assert post.taken == []
    assert (office.letters(), office.desk().cases.history(RELAY)) == before
    (path,) = (office.judged.layout.letters("trial") / "dry-run").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"Date: Wed, 25 Nov 2026 02:12:00 +0000" in path.read_bytes()


async def test_letter_goes_out_once(office: Office, post: MadePost) -> None:
    """Envelope, headers and content are what they should be, and there is no second one."""
    office.approve_all()
    assert (await office.send(post)).sent == [(RELAY, FIRST)]
    assert (await office.send(post)).sent == []
    ((sender, recipient, data),) = post.taken
    assert read_token(office.key, sender) == (RELAY, FIRST)
    assert sender.startswith("bounce+")
    assert recipient == "abuse@altamar.example"
    message = email.message_from_bytes(data, policy=SMTP)
    assert message["Reply-To"] == "desk@survey.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Survey-Preview"] is None
    assert read_token(office.key, message["Message-ID"]) == (RELAY, FIRST)
    assert RELAY in message["Subject"]
    letter = office.letters()[RELAY, FIRST]
    assert (letter.state, letter.sent_at, letter.attempts) == (LetterState.SENT, NOW, 1)
    assert letter.receipt == "250 2.0.0 taken as 1"
    assert data.partition(b"\r\n")[2] == (office.judged.layout.root / letter.content).read_bytes()


async def test_letters_are_followed_on_days_1_3_7_14_30(office: Office, post: MadePost) -> None:
    """Whether it was closed is asked by the run that found it; calling again queues nothing."""
    office.approve_all()
    await office.send(post)
    await office.send(post)
    queue = read_queue(office.judged.layout.run("trial", "2026-W48"))
    days = [
        (one.wanted.not_before - NOW).days
        for one in queue.entries
        if one.wanted.reason is Reason.LIFECYCLE
    ]
    assert days == [1, 3, 7, 14, 30]


def test_an_approval_names_content_agency_and_person(office: Office) -> None:
    """Each wrong one is refused, with the cure."""
    desk, letter = office.desk(), office.letters()[RELAY, FIRST]
    with pytest.raises(ConfigError, match="look at it again"):
        approve(desk, RELAY, "0" * 64, agency="es-prueba", by="A. Person", now=NOW)
    with pytest.raises(ConfigError, match="look at it again"):
        approve(desk, RELAY, letter.sha256[:8], agency="es-prueba", by="A. Person", now=NOW)
    with pytest.raises(ConfigError, match="it is es-prueba's"):
        approve(desk, RELAY, letter.sha256, agency="mx-prueba", by="A. Person", now=NOW)
    with pytest.raises(ConfigError, match="say who approves"):
        approve(desk, RELAY, letter.sha256, agency="es-prueba", by=" ", now=NOW)
    done = approve(desk, RELAY, letter.sha256[:16], agency="es-prueba", by="A. Person", now=NOW)
    assert (done.approved_by, done.approved_at) == ("A. Person", NOW)
    with pytest.raises(ConfigError, match="0 letters that wait"):
        approve(desk, RELAY, letter.sha256, agency="es-prueba", by="A. Person", now=NOW)
    assert office.case_of("relay").frozen_at == NOW
    assert '"who": "A. Person"' in office.judged.layout.audit.read_text(encoding="utf-8")


async def test_content_that_was_changed_after_the_approval_is_not_sent(
    office: Office, post: MadePost
) -> None:
    """Somebody's hand in the file is found out."""
    office.approve_all()
    path = office.judged.layout.root / office.letters()[RELAY, FIRST].content
    path.write_bytes(path.read_bytes().replace(b"relay", b"RELAY"))
    done = await office.send(post)
    assert "is not what was planned" in done.held[0]
    assert post.taken == []
    assert _letter(office) is LetterState.PLANNED
    office.plan()
    office.approve_all()
    assert (await office.send(post)).sent == [(RELAY, FIRST)]


async def test_letter_that_would_tell_something_else_needs_another_approval(
    office: Office, post: MadePost
) -> None:
    """A second test of the port joined the case since."""
    office.approve_all()
    rows = office.findings()
    office.judge([*rows, {**rows[0], "port": 25, "probe": "smtp_relay", "ip": rows[0]["ip"] + 1}])
    office.plan()
    assert _letter(office) is LetterState.APPROVED  # the new one is another case
    office.judge(row for row in office.findings() if row["ip"] != parse_ip(IP["relay"]))
    done = await office.send(post)
    assert post.taken == []
    assert _letter(office) is LetterState.PLANNED
    assert "approve it again" in done.held[0]


async def test_an_opt_out_after_the_approval_wins(office: Office, post: MadePost) -> None:
    """Nothing is sent about who opted out."""
    office.approve_all()
    _opt_out(office)
    assert (await office.send(post)).sent == []
    office.plan()
    assert _letter(office) is LetterState.SUPPRESSED
    assert (await office.send(post)).sent == []
    assert post.taken == []


async def test_an_opt_out_wins_after_the_recipient_was_named(
    office: Office, post: MadePost
) -> None:
    """The last question is asked right before the message."""
    office.approve_all()
    post.before_data = lambda: _opt_out(office)
    assert (await office.send(post)).sent == []
    assert post.taken == []
    assert _letter(office) is LetterState.PLANNED


async def test_a_suppression_wins_after_the_recipient_was_named(
    office: Office, post: MadePost
) -> None:
    """The same for a mailbox, and for ever."""
    office.approve_all()
    path = office.contacts.with_name("suppressed.log")
    post.before_data = lambda: suppress(
        path, "altamar.example", Cause.ASKED, "desk", "they asked", NOW
    )
    done = await office.send(post)
    assert post.taken == []
    assert "they asked" in done.suppressed[0]
    assert _letter(office) is LetterState.SUPPRESSED


async def test_nothing_is_sent_without_a_proof_of_the_last_24_hours(
    office: Office, post: MadePost
) -> None:
    """A test is queued instead; with it the letter goes out as it was approved."""
    office.approve_all()
    later = NOW + timedelta(hours=30)
    done = await office.send(post, later)
    assert "survey retest --due" in done.held[0]
    queue = read_queue(office.judged.layout.run("trial", "2026-W48"))
    assert [one.wanted.reason for one in queue.waiting] == [Reason.REVERIFICATION]
    office.prove(later - timedelta(hours=1), ["relay"])
    assert (await office.send(post, later)).sent == [(RELAY, FIRST)]


async def test_what_was_found_closed_is_not_told(office: Office, post: MadePost) -> None:
    """One negative check since the approval."""
    office.approve_all()
    office.live(relay={"closing_at": NOW - timedelta(minutes=5)})
    assert (await office.send(post)).sent == []
    assert post.taken == []


@pytest.mark.parametrize("place", ["192.0.2.7", "[192.0.2.7]", "mail.open.example"])
async def test_never_through_the_server_under_report(
    office: Office, tmp_path: Path, place: str
) -> None:
    """Our own mail server may be it, by address or by name."""
    office.judge({**row, "host": "mail.open.example"} for row in office.findings())
    office.approve_all()
    post = made_post(tmp_path, place)
    assert "is itself what the letter is about" in (await office.send(post)).held[0]
    assert post.taken == []


async def test_never_to_a_mailbox_at_the_server_under_report(
    office: Office, post: MadePost
) -> None:
    """Its domain takes its mail at the very address; no letter is even planned for it then."""
    office.approve_all()
    (office.contacts.parent / "hosts").write_text("192.0.2.7 altamar.example\n", encoding="utf-8")
    done = await office.send(post)
    assert post.taken == []
    assert len(done.held) == 1


async def test_a_domain_that_the_way_out_does_not_have_is_not_written_to(
    office: Office, tmp_path: Path
) -> None:
    """``only`` narrows."""
    office.approve_all()
    post = made_post(tmp_path, "smtp.survey.example", "lab.example")
    assert "letters.only" in (await office.send(post)).held[0]


async def test_signature_must_be_of_the_senders_domain(office: Office, post: MadePost) -> None:
    """Else receivers take it for a forgery; a key that can't sign stops nothing else."""
    office.approve_all()
    other = Signature("other.example", "s1", b"")
    done = await office.send(post, signature=other)
    assert "mail.dkim.domain is other.example" in done.held[0]
    assert post.taken == []


async def test_limits_hold_over_calls(office: Office, post: MadePost) -> None:
    """A day's letters, all in all and to one domain; what is put off goes out later."""
    office.prove(NOW - timedelta(hours=2), ["relay"])
    rows = office.findings()
    office.judge([*rows, {**rows[0], "port": 1080, "probe": "socks5"}])
    office.plan()
    office.approve_all()
    done = await office.send(post, per_domain_per_day=1)
    assert (len(done.sent), len(done.put_off)) == (1, 1)
    done = await office.send(post, per_day=1)
    assert (len(done.sent), len(done.put_off)) == (0, 1)
    office.prove(NOW + timedelta(hours=24), ["relay"])
    done = await office.send(post, NOW + timedelta(hours=25), per_domain_per_day=1)
    assert (len(done.sent), len(done.put_off)) == (1, 0)


async def test_a_temporary_refusal_puts_off(office: Office, post: MadePost) -> None:
    """The next sending tries again."""
    office.approve_all()
    post.naming.append(NotTakenError("450 4.2.1 busy", final=False))
    assert (await office.send(post)).put_off == [f"{RELAY} first_notice: 450 4.2.1 busy"]
    assert _letter(office) is LetterState.APPROVED
    assert (await office.send(post)).sent == [(RELAY, FIRST)]
    assert office.letters()[RELAY, FIRST].attempts == 2


async def test_no_such_mailbox_is_a_bounce_and_suppresses_it(
    office: Office, post: MadePost
) -> None:
    """Our mail server knows it at once."""
    office.approve_all()
    post.naming.append(NotTakenError("550 5.1.1 no such user", final=True))
    await office.send(post)
    assert _letter(office) is LetterState.BOUNCED
    entry = read_list(office.contacts.with_name("suppressed.log")).of("abuse@altamar.example")
    assert entry is not None
    assert entry.cause is Cause.DEAD


async def test_another_final_refusal_needs_a_person(office: Office, post: MadePost) -> None:
    """Our own server's policy says nothing about the mailbox."""
    office.approve_all()
    post.naming.append(NotTakenError("554 5.7.1 not allowed", final=True))
    done = await office.send(post)
    assert done.held == [
        f"{RELAY} first_notice: our mail server will not have it: 554 5.7.1 not allowed"
    ]
    assert _letter(office) is LetterState.APPROVED


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_doubt_is_never_sent_again_by_itself(
    office: Office, post: MadePost, *, arrived: bool
) -> None:
    """A person settles it."""
    office.approve_all()
    post.handing.append(DoubtError("the connection broke before the answer"))
    await office.send(post)
    done = await office.send(post)
    assert "find out, and settle it" in done.doubts[0]
    assert post.taken == []
    settle(office.desk(), RELAY, FIRST, arrived=arrived, by="A. Person", now=NOW)
    await office.send(post)
    assert len(post.taken) == (0 if arrived else 1)
    assert _letter(office) is LetterState.SENT
    with pytest.raises(ConfigError, match="only a letter in doubt"):
        settle(office.desk(), RELAY, FIRST, arrived=True, by="A. Person", now=NOW)


async def _told(office: Office, post: MadePost) -> None:
    office.approve_all()
    await office.send(post)


async def test_a_reminder_needs_14_days_and_a_new_fact(office: Office, post: MadePost) -> None:
    """Still open by a test since; and only once."""
    await _told(office, post)
    later = NOW + 15 * DAY
    office.prove(later - timedelta(hours=1), ["relay"])
    assert office.plan(later).letters == {}
    office.live(relay={"last_open_at": later})
    office.look("relay", NOW + 14 * DAY)
    assert office.plan(NOW + 13 * DAY).letters == {}
    assert office.plan(later).letters == {LetterKind.REMINDER: 1}
    office.approve_all(later)
    assert (await office.send(post, later)).sent == [(RELAY, LetterKind.REMINDER)]
    assert office.plan(later + 30 * DAY).letters.get(LetterKind.REMINDER) is None


async def test_silence_after_the_reminder_is_escalated(office: Office, post: MadePost) -> None:
    """To the national CERT, which learns to whom we wrote."""
    await _told(office, post)
    later = NOW + 15 * DAY
    office.prove(later - timedelta(hours=1), ["relay"])
    office.live(relay={})
    office.look("relay", later)
    office.plan(later)
    office.approve_all(later)
    await office.send(post, later)
    much = later + 15 * DAY
    office.prove(much - timedelta(hours=1), ["relay"])
    office.look("relay", much)
    assert office.plan(much).letters == {LetterKind.ESCALATION: 1}
    office.approve_all(much)
    await office.send(post, much)
    _, recipient, data = post.taken[-1]
    assert recipient == CERT
    assert b"abuse@altamar.example" in data


async def test_reminder_is_not_sent_after_a_person_answered(office: Office, post: MadePost) -> None:
    """Not even an approved one; and then never."""
    await _told(office, post)
    later = NOW + 15 * DAY
    office.prove(later - timedelta(hours=1), ["relay"])
    office.live(relay={})
    office.look("relay", later)
    office.plan(later)
    office.approve_all(later)
    first = office.letters()[RELAY, FIRST]
    office.desk().outbox.mark(first, LetterState.ANSWERED, Happened.ANSWERED, later)
    done = await office.send(post, later)
    assert "it is not due any more" in done.held[0]
    plan = office.plan(later)
    assert (plan.suppressed, plan.waiting) == (1, {"a person answered": 1})
    assert _letter(office, LetterKind.REMINDER) is LetterState.SUPPRESSED
    assert len(post.taken) == 1


async def test_a_bounce_is_escalated_if_nobody_else_is_known(
    office: Office, post: MadePost
) -> None:
    """The mailbox is suppressed, so no contact is left."""
    office.approve_all()
    post.naming.append(NotTakenError("550 5.1.1 no such user", final=True))
    await office.send(post)
    later = NOW + 2 * DAY
    office.prove(later - timedelta(hours=1), ["relay"])
    office.live(relay={})
    office.look("relay", later - timedelta(hours=1))
    assert office.plan(later).letters == {LetterKind.ESCALATION: 1}
    content = office.judged.layout.root / office.letters()[RELAY, LetterKind.ESCALATION].content
    message = email.message_from_bytes(content.read_bytes(), policy=SMTP)
    text = message.get_body(("plain",)).get_content()
    assert "abuse@altamar.example (could not be delivered)" in text


async def test_thanks_go_out_once_when_it_is_closed(office: Office, post: MadePost) -> None:
    """Without any further test of it."""
    await _told(office, post)
    later = NOW + 5 * DAY
    fixed = {"state": "fixed", "fixed_at": NOW + 2 * DAY, "confirmed_at": NOW + 4 * DAY}
    office.judge({**row, "verdict": "closed", "rung": 1} for row in office.findings())
    office.live()
    rows = office.findings()
    office.judge({**row, "verdict": "open"} for row in rows)
    office.live(relay=fixed)
    office.judge(rows)
    assert office.plan(later).letters == {LetterKind.THANKS: 1}
    office.approve_all(later)
    assert (await office.send(post, later)).sent == [(RELAY, LetterKind.THANKS)]
    assert office.plan(later).letters == {}
    assert office.case_of("relay").state is CaseState.CLOSED


async def test_nobody_is_thanked_for_a_door_that_is_open_again(
    office: Office, post: MadePost
) -> None:
    """It opened between approval and sending."""
    await _told(office, post)
    later = NOW + 5 * DAY
    office.live(relay={"state": "fixed", "fixed_at": NOW + DAY, "confirmed_at": NOW + 3 * DAY})
    office.plan(later)
    office.approve_all(later)
    office.live(relay={"number": 2, "opened_at": later, "last_open_at": later})
    done = await office.send(post, later)
    assert "was found open again" in done.held[0]
    assert len(post.taken) == 1


def test_an_approval_has_it_proven_again(office: Office) -> None:
    """Not the plan, which may wait for days: a relay can be asked three times in a run."""
    run = office.judged.layout.run("trial", "2026-W48")
    later = NOW + timedelta(hours=30)
    office.plan(later)
    assert read_queue(run).waiting == ()
    office.approve_all(later)
    assert [one.wanted.reason for one in read_queue(run).waiting] == [Reason.REVERIFICATION]


async def test_relay_that_can_be_asked_no_more_is_told_of(office: Office, post: MadePost) -> None:
    """Its messages are used up; only the next run can prove it again."""
    office.approve_all()
    run = office.judged.layout.run("trial", "2026-W48")
    for _ in range(3):
        note_message(run.messages(0), parse_ip(IP["relay"]))
    done = await office.send(post, NOW + timedelta(hours=30))
    assert (done.spent, len(done.held)) == (1, 1)


async def test_suppressed_mailbox_leaves_room_for_the_next_contact(
    office: Office, post: MadePost
) -> None:
    """One kind of letter per case for ever: who answers now gets a case of his own."""
    office.approve_all()
    suppress(
        office.contacts.with_name("suppressed.log"),
        "abuse@altamar.example",
        Cause.DEAD,
        "desk",
        "bounced",
        NOW,
    )
    await office.send(post)
    assert _letter(office) is LetterState.SUPPRESSED
    path = office.folder / "newer" / "contacts.csv"
    path.parent.mkdir()
    path.write_text("192.0.2.7,192.0.2.7,noc@altamar.example,Altamar,es\n", encoding="utf-8")
    import_snapshot(
        office.judged.layout, SnapshotKind.CONTACT, path, licence="for tests", retrieved_at=BEGUN
    )
    office.plan()
    case = office.case_of("relay")
    assert (case.number, case.key.email) == ("OSYS-2026-000002", "noc@altamar.example")
    assert office.letters()[case.number, FIRST].state is LetterState.PLANNED


async def test_case_that_is_held_out_waits_and_then_is_told(tmp_path: Path, post: MadePost) -> None:
    """The lot is drawn once and on the disk before anything is sent; the arms are kept."""
    office = make_office(tmp_path / "held")
    until = NOW + 5 * DAY
    drawn: list[str] = []

    def lot(_agency: Agency, _campaign: str, number: str, now: datetime) -> Draw:
        drawn.append(number)
        return Draw("e", now, Group.HELD_OUT, until, "de", Medium.TEXT, Wording.STEPS_FIRST)

    plan = office.plan(lot=lot)
    assert (plan.letters, plan.waiting) == ({}, {"held out by lot": 4})
    case = office.case_of("relay")
    assert case.frozen_at == NOW
    assert case.draw is not None
    assert case.draw.until == until
    office.prove(until - timedelta(hours=1))
    assert office.plan(until - timedelta(minutes=1), lot).letters == {}
    assert office.plan(until, lot).letters == {FIRST: 4}
    assert len(drawn) == len(set(drawn)) == 4
    assert office.letters()[case.number, FIRST].language == "de"
    office.approve_all(until)
    assert len((await office.send(post, until)).sent) == 4
    told = pq.read_table(office.judged.layout.campaign("trial") / "told.parquet").to_pylist()
    assert {one["label"] for one in told} == {"held_out"}
    assert {one["started_at"] for one in told} == {NOW}
    assert {one["sent_at"] for one in told} == {until}
    office.ledger.close()


async def test_who_was_never_told_is_not_thanked(office: Office) -> None:
    """It was closed before anything was sent; the letter waits for good."""
    fixed = {"state": "fixed", "fixed_at": BEGUN + DAY, "confirmed_at": NOW}
    office.live(relay=fixed)
    assert office.plan(NOW + DAY).letters == {}
    assert _letter(office) is LetterState.PLANNED


async def test_who_wants_no_letters_gets_none(office: Office, post: MadePost) -> None:
    """Not even what is approved already."""
    office.approve_all()
    desk = office.desk()
    desk.cases.stop(desk.cases.get(RELAY), NOW, "one click")
    done = await office.send(post)
    assert done.suppressed == [f"{RELAY} first_notice: the operator wants no letters"]
    assert office.plan().letters == {}
    assert Happened.STOPPED in {one.what for one in desk.cases.history(RELAY)}


async def test_files_of_letters_are_private(office: Office) -> None:
    """0600 in 0700."""
    path = office.judged.layout.root / office.letters()[RELAY, FIRST].content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(office.judged.layout.ledger.stat().st_mode) == 0o600
