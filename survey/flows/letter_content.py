"""From a case to the content of one of its letters; nothing is decided or sent here."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from survey.enrichment.lookup import listings_of
from survey.errors import MessageError
from survey.flows.case_contacts import plain_mailbox
from survey.flows.case_facts import Facts
from survey.flows.cases import CaseDesk
from survey.mail.letter_message import letter_content
from survey.mail.message import Mail
from survey.model.case import Case, CaseFinding, Closing, OutboxLetter
from survey.model.contact import Contact
from survey.model.experiment import OPERATORS, Medium, Wording
from survey.model.exposure import OpenServer
from survey.model.language import choose_language
from survey.model.letter import LetterKind, LetterState
from survey.model.site import case_page
from survey.model.verdict import Rung
from survey.notify.letter import address_letter, write_letter, written
from survey.notify.letter_token import letter_token
from survey.notify.notice import Notice
from survey.notify.paper import on_paper
from survey.notify.recipient import check_recipient
from survey.notify.rendered import Letter
from survey.site.links import case_mark


@dataclass(frozen=True, slots=True)
class Content:
    """What one letter would say, to whom.

    Attributes:
        data: The whole message without date and signature.
        facts: Hash of what it tells to whom, hex: times and evidence may change, these may not.
        mail: What it was made of.
        tests: How many findings it tells of.
        letter: Its words.
        notice: What they were made of.
    """

    data: bytes
    facts: str
    mail: Mail
    tests: int
    letter: Letter
    notice: Notice

    @property
    def sha256(self) -> str:
        """What an approval names, hex."""
        return hashlib.sha256(self.data).hexdigest()

    def paper(self) -> bytes:
        """The same letter on its agency's paper, as a PDF to be posted.

        Raises:
            ConfigError: The agency's logo can't be used.
        """
        return on_paper(self.letter, self.notice)


@dataclass(frozen=True, slots=True)
class Means:
    """What letters need beside the case.

    Attributes:
        key: The secret that letters' tokens are made with.
        stop_page: Address below which a POST stops letters, or "".
        site: The secret that the addresses of cases' pages are made with; None: no site answers.
    """

    key: bytes
    stop_page: str = ""
    site: bytes | None = None


def compose(  # noqa: PLR0917 - all that a letter is made of
    desk: CaseDesk,
    facts: Facts,
    case: Case,
    findings: Sequence[CaseFinding],
    kind: LetterKind,
    letters: Mapping[LetterKind, OutboxLetter],
    means: Means,
    recipient: Contact,
    now: datetime,
) -> Content:
    """The letter of that kind as it would go out now.

    Raises:
        MessageError: Nothing is known that it could tell, its agency takes part no more, or a
            header's value would break it.
    """
    agency = desk.agency(case.key.agency)
    if agency is None:
        raise MessageError(f"{case.number}: agency {case.key.agency!r} takes part no more")
    servers = servers_of(facts, case, findings)
    if not servers:
        raise MessageError(f"{case.number}: nothing is known any more that could be told")
    first = letters.get(LetterKind.FIRST_NOTICE)
    reminder = letters.get(LetterKind.REMINDER)
    later = kind is not LetterKind.FIRST_NOTICE
    # one that bounced at once was never taken by anybody, and was sent all the same
    sent = now if first is None else first.sent_at or first.changed_at
    draw = case.draw
    plan = facts.plans.get(findings[0].run, facts.plan)
    server = servers[0]
    notice = Notice(
        case=case.number,
        preview=False,
        campaign=plan.campaign,
        run=plan.run,
        server=server,
        listings=listings_of(desk.layout, server.ip, now.date(), server.host or None),
        contact=recipient,
        agency=agency,
        identity=plan.identity,
        kind=kind,
        others=servers[1:],
        first_sent=sent if later else None,
        reminded=reminder.sent_at if reminder is not None and later else None,
        tests_since=facts.open_since((one.test for one in findings), sent) if later else 0,
        closed_at=case.closed_at if kind is LetterKind.THANKS else None,
        twice=case.closed_by is Closing.FIXED,
        written_to=case.key.email if kind is LetterKind.ESCALATION else "",
        bounced=any(one.state is LetterState.BOUNCED for one in (first, reminder) if one),
        case_page=_page(plan.identity.page, case.number, means),
        steps_first=draw is not None and draw.wording is Wording.STEPS_FIRST,
        medium=draw.medium if draw is not None else Medium.TEXT,
    )
    wishes: tuple[str, ...] = (recipient.language, *agency.languages)
    if draw is not None and draw.language != OPERATORS:
        wishes = (draw.language, *wishes)
    letter = write_letter(notice, choose_language(wishes, written(kind)))
    token = letter_token(means.key, case.number, kind)
    mail = replace(
        address_letter(letter, notice, now),
        reference=f"letter.{token}",
        unsubscribe_page=_stop_page(plan.identity.page, token, means),
    )
    told = (
        kind,
        recipient.email,
        agency.id,
        letter.language,
        notice.steps_first,
        notice.medium,
        notice.case_page,
        mail.unsubscribe_page,
        *sorted(f"{one.ip} {one.port} {one.probe}" for one in servers),
    )
    mark = hashlib.sha256("\n".join(map(str, told)).encode()).hexdigest()
    return Content(letter_content(mail), mark, mail, len(servers), letter, notice)


def recipient_of(
    desk: CaseDesk, facts: Facts, case: Case, findings: Sequence[CaseFinding], kind: LetterKind
) -> Contact:
    """Whom a letter of that kind goes to: the case's contact, or the national CERT.

    Raises:
        MessageError: No CERT is known, or it has it already.
    """
    if kind is not LetterKind.ESCALATION:
        return Contact(case.key.email, case.contact_name, case.language, "")
    servers = servers_of(facts, case, findings)
    found = desk.reach.authority(servers[0]) if servers else None
    if found is None:
        raise MessageError(f"{case.number}: no national CERT is known to escalate to")
    found = plain_mailbox(check_recipient(found))
    if found.email == case.key.email:
        raise MessageError(f"{case.number}: the national CERT has it already")
    return found


def _stop_page(page: str, token: str, means: Means) -> str:
    """Where one click stops letters: where the file says, else on the site, if it answers."""
    place = means.stop_page or (f"{page.rstrip('/')}/stop" if means.site else "")
    # RFC 8058 s3.1: it must be https
    return f"{place.rstrip('/')}/{token}" if place.startswith("https://") else ""


def _page(page: str, number: str, means: Means) -> str:
    """The address of the case's own page, if there is one."""
    return case_page(page, number, case_mark(means.site, number)) if means.site else ""


def open_since(
    facts: Facts, findings: Sequence[CaseFinding], letters: Mapping[LetterKind, OutboxLetter]
) -> dict[LetterKind, int]:
    """How many tests since each letter that went out found one of the ports open."""
    found = {}
    for kind, letter in letters.items():
        if letter.sent_at is not None or letter.state is LetterState.BOUNCED:
            since = letter.sent_at or letter.changed_at
            found[kind] = facts.open_since((one.test for one in findings), since)
    return found


def servers_of(facts: Facts, case: Case, findings: Sequence[CaseFinding]) -> tuple[OpenServer, ...]:
    """What a case's findings are known of, the best proven first.

    Those that were found closed since are only in a case that is closed.
    """
    found = []
    for one in findings:
        life, proven = facts.life(one.test), facts.proven.get(one.test)
        if case.closed_at is None and life is not None and life.closed_at is not None:
            continue
        if proven is not None:
            server = proven.server
        elif case.closed_at is not None:
            server = _remembered(case, one)
        else:
            continue
        if life is not None:
            last = max(server.last_seen, life.last_open_at)
            first = min(server.first_seen, life.opened_at)
            server = replace(server, first_seen=first, last_seen=last)
        found.append(server)
    return tuple(
        sorted(found, key=lambda one: (-one.rung, not one.probe.is_relay, one.ip, one.port))
    )


def _remembered(case: Case, one: CaseFinding) -> OpenServer:
    """What remains of a finding that is open no more."""
    return OpenServer(
        ip=one.ip,
        port=one.port,
        probe=one.probe,
        rung=Rung.R7,
        rule="",
        exit_ip=None,
        first_seen=one.proven_at,
        last_seen=one.proven_at,
        country="",
        asn=case.key.asn,
        network=case.network,
        banner=b"",
        reply=b"",
        proven_at=one.proven_at,
    )
