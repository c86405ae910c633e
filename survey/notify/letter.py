"""The letters of a case: whole texts per language, filled with the facts of one notice."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from survey.closing.instructions import closing_for
from survey.closing.steps import steps_of
from survey.mail.message import Attachment, Mail, Mailbox
from survey.model.address import format_ip
from survey.model.experiment import Medium
from survey.model.exposure import OpenServer
from survey.model.hostile import show_text
from survey.model.letter import LetterKind
from survey.model.probe import Probe
from survey.model.site import agencies_page, closing_page
from survey.model.software import PRODUCTS
from survey.model.verdict import Rung
from survey.notify.evidence import evidence_lines, exit_text
from survey.notify.local_time import local_time
from survey.notify.markup import parse, to_html, to_text
from survey.notify.notice import Notice
from survey.notify.paper import on_paper
from survey.notify.rendered import Letter
from survey.notify.strangers import show_name

LEAST = Rung.R5
"""Below it nothing is proven, and no letter is even previewed; to be sent it takes more
(``notify.permission``)."""

MOST = 50
"""Further servers that a letter lists; whoever wants more asks for the list."""

_NAME = 50
_PROTOCOLS = {
    Probe.SMTP_RELAY: "SMTP",
    Probe.HTTP_CONNECT: "HTTP CONNECT",
    Probe.HTTP_GET: "HTTP GET",
    Probe.HTTP_POST: "HTTP POST",
    Probe.SOCKS4: "SOCKS 4",
    Probe.SOCKS4A: "SOCKS 4a",
    Probe.SOCKS5: "SOCKS 5",
    Probe.TELNET: "Telnet",
}
CLOSING_TEXTS = {
    Probe.SMTP_RELAY: "smtp_relay",
    Probe.HTTP_CONNECT: "http_connect",
    Probe.HTTP_GET: "http_connect",
    Probe.HTTP_POST: "http_connect",
    Probe.SOCKS4: "socks",
    Probe.SOCKS4A: "socks",
    Probe.SOCKS5: "socks",
    Probe.TELNET: "telnet",
}


def written(kind: LetterKind = LetterKind.FIRST_NOTICE) -> tuple[str, ...]:
    """Languages that a letter exists in, sorted (BCP 47)."""
    return tuple(sorted(path.name for path in (files(__package__) / "letters" / kind).iterdir()))


def write_letter(notice: Notice, language: str) -> Letter:
    """The letter in one of its kind's ``written()``; what it lacks is an error, never a gap."""
    assert notice.server.rung >= LEAST, notice.server
    facts = _facts(notice, language)
    folder = f"{notice.kind}/{language}"
    subject = _texts().get_template(f"{folder}/subject.txt").render(facts).strip()
    blocks = parse(_texts().get_template(f"{folder}/body.txt").render(facts))
    links = frozenset(str(facts[name]) for name in facts if name.endswith("page") and facts[name])
    html = to_html(blocks, subject, language, links)
    return Letter(subject, to_text(blocks, language), html, language, blocks, links)


def letter_pdf(notice: Notice, language: str) -> bytes:
    """The letter on the agency's paper.

    Raises:
        ConfigError: The agency's logo can't be used; what is wrong with it, and the cure.
    """
    return on_paper(write_letter(notice, language), notice)


def address_letter(letter: Letter, notice: Notice, now: datetime) -> Mail:
    """The letter as one message from the operation, in the agency's name, to the contact.

    Raises:
        ConfigError: It goes out on paper, too, and the agency's logo can't be used.
    """
    desk = notice.identity.contact
    preview = (("X-Survey-Preview", "not sent"),) if notice.preview else ()
    files: tuple[Attachment, ...] = ()
    if notice.medium is Medium.PDF:
        paper = on_paper(letter, notice)
        files = (Attachment(f"{notice.case}.pdf", "application/pdf", paper),)
    return Mail(
        sender=Mailbox(notice.agency.name, desk),
        reply_to=Mailbox("", desk),
        recipient=Mailbox(show_name(notice.contact.name, _NAME), notice.contact.email),
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        language=letter.language,
        reference=_reference(notice, letter.language),
        date=now,
        unsubscribe=(desk, f"no more letters {notice.case}"),
        marks=(("X-Survey-Case", notice.case), *preview),
        files=files,
    )


@cache
def _texts() -> Environment:
    """Every text, each read once."""
    return Environment(  # noqa: S701 - plain text; markup.py escapes what becomes HTML
        loader=PackageLoader("survey.notify", "letters"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # or a part and what follows it would be one block
        auto_reload=False,
        cache_size=-1,
    )


def _facts(notice: Notice, language: str) -> dict[str, object]:
    """What the texts may name; strangers' words are bounded and on one line already."""
    server = notice.server
    name = show_name(server.network, _NAME)
    number = f"AS{server.asn}" if server.asn is not None else ""
    others = sorted(set(notice.others) - {server}, key=_place)
    return {
        "language": language,
        "preview": notice.preview,
        "case": notice.case,
        "ip": format_ip(server.ip),
        "port": server.port,
        "relay": server.probe.is_relay,
        "protocol": _PROTOCOLS[server.probe],
        "kind": CLOSING_TEXTS[server.probe],
        **_closing_facts(server),
        "mail_proven": server.mail_proven,
        "first_seen": _moment(server.first_seen),
        "first_seen_local": _local(server.first_seen, server.country, language),
        "last_seen": _moment(server.last_seen),
        "last_seen_local": _local(server.last_seen, server.country, language),
        "exit": exit_text(server.exit_ip, server.ip),
        "network": f"{name} ({number})" if name and number else name or number,
        "software": _software(server),
        "listings": [
            {
                "name": show_name(one.name, _NAME),
                "since": one.known_since and f"{one.known_since:%Y-%m-%d}",
                "exact": one.since is not None,
            }
            for one in notice.listings
        ],
        "evidence": evidence_lines(server.greeting, server.reply),
        "others": _table(others[:MOST]),
        "more": len(others[MOST:]),
        "first_sent": _day(notice.first_sent),
        "reminded": _day(notice.reminded),
        "tests_since": notice.tests_since,
        "closed_at": _day(notice.closed_at),
        "twice": notice.twice,
        "written_to": show_text(notice.written_to, _NAME),
        "bounced": notice.bounced,
        "case_page": notice.case_page,
        "steps_first": notice.steps_first,
        "agency": notice.agency.name,
        "agency_page": notice.agency.page,
        "agencies_page": agencies_page(notice.identity.page, language),
        "closing_page": closing_page(notice.identity.page, server.probe, language),
        "page": notice.identity.page,
        "contact": notice.identity.contact,
        "operator": notice.identity.operator,
    }


def _closing_facts(server: OpenServer) -> dict[str, object]:
    """What the steps for the program that it says it is may name; without one, there is none."""
    program = closing_for(server.software, server.probe) if server.software_named else None
    if program is None:
        return {"program": None}
    steps = steps_of(program)
    return {
        "program": program,
        "own_network": steps.own_network,
        "change": steps.change,
        "apply": steps.apply,
        "check": steps.check,
    }


def _software(server: OpenServer) -> str:
    """What it says it is; "" if it doesn't say: a guess from its ways has no place in a letter."""
    if not server.software_named:
        return ""
    version = show_name(server.software_version, _NAME)
    return f"{PRODUCTS[server.software].name} {version}".rstrip()


def _reference(notice: Notice, language: str) -> str:
    """The same letter on the same finding gets the same Message-ID, another never does."""
    server = notice.server
    parts = (notice.campaign, notice.run, server.ip, server.port, server.probe, language)
    mark = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]
    return f"{notice.case.lower()}.{notice.kind.replace('_', '-')}.{mark}"


def _place(server: OpenServer) -> tuple[int, int, str]:
    return server.ip, server.port, server.probe


def _table(servers: list[OpenServer]) -> list[str]:
    """A line for each: address and port, the test, when it was seen open last (UTC)."""
    rows = [
        (f"{format_ip(one.ip)}:{one.port}", _PROTOCOLS[one.probe], _moment(one.last_seen))
        for one in servers
    ]
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(2)]
    return [f"{at:<{widths[0]}}  {test:<{widths[1]}}  {seen} UTC" for at, test, seen in rows]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _local(at: datetime, country: str, language: str) -> str:
    """Behind a moment in UTC, the same by the reader's clocks; "" if those aren't known."""
    there = local_time(at.astimezone(UTC), country, language)
    return f" ({there})" if there else ""


def _day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else ""
