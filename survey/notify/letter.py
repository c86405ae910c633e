"""The operator's letter: whole texts per language, filled with the facts of one notice."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from survey.closing.instructions import closing_for
from survey.closing.steps import steps_of
from survey.mail.message import Mail, Mailbox
from survey.model.address import format_ip
from survey.model.exposure import OpenServer
from survey.model.hostile import show_text
from survey.model.probe import Probe
from survey.model.site import agencies_page, closing_page
from survey.model.software import PRODUCTS
from survey.model.verdict import Rung
from survey.notify.evidence import evidence_lines, exit_text
from survey.notify.markup import parse, to_html, to_text
from survey.notify.notice import Notice

FIRST_NOTICE = "first_notice"
"""The letter that tells an operator for the first time."""

LEAST = Rung.R5
"""Below it nothing is proven, and no letter is even previewed; to be sent it takes more
(``notify.permission``)."""

MARKING = "TLP:AMBER"
"""Of every letter: AMBER+STRICT would forbid what we ask, to pass it on to a customer."""

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
_CLOSING = {
    Probe.SMTP_RELAY: "smtp_relay",
    Probe.HTTP_CONNECT: "http_connect",
    Probe.HTTP_GET: "http_connect",
    Probe.HTTP_POST: "http_connect",
    Probe.SOCKS4: "socks",
    Probe.SOCKS4A: "socks",
    Probe.SOCKS5: "socks",
    Probe.TELNET: "telnet",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered letter: one line of subject, plain text, and HTML of the same words."""

    subject: str
    text: str
    html: str
    language: str


def written(letter: str = FIRST_NOTICE) -> tuple[str, ...]:
    """Languages that a letter exists in, sorted (BCP 47)."""
    return tuple(sorted(path.name for path in (files(__package__) / "letters" / letter).iterdir()))


def write_letter(notice: Notice, language: str) -> Letter:
    """The first notice in one of ``written()``; what it lacks is an error, never a gap."""
    assert notice.server.rung >= LEAST, notice.server
    environment = Environment(  # noqa: S701 - plain text; markup.py escapes what becomes HTML
        loader=PackageLoader("survey.notify", "letters"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    facts = _facts(notice) | {"language": language}
    folder = f"{FIRST_NOTICE}/{language}"
    subject = environment.get_template(f"{folder}/subject.txt").render(facts).strip()
    blocks = parse(environment.get_template(f"{folder}/body.txt").render(facts))
    links = frozenset(str(facts[name]) for name in facts if name.endswith("page"))
    return Letter(subject, to_text(blocks), to_html(blocks, subject, language, links), language)


def address_letter(letter: Letter, notice: Notice, now: datetime) -> Mail:
    """The letter as one message from the operation, in the agency's name, to the contact."""
    desk = notice.identity.contact
    preview = (("X-Survey-Preview", "not sent"),) if notice.preview else ()
    return Mail(
        sender=Mailbox(notice.agency.name, desk),
        reply_to=Mailbox("", desk),
        recipient=Mailbox(show_text(notice.contact.name, _NAME), notice.contact.email),
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        language=letter.language,
        reference=_reference(notice, letter.language),
        date=now,
        unsubscribe=(desk, f"no more letters {notice.case}"),
        marks=(("X-Survey-Case", notice.case), *preview),
    )


def _facts(notice: Notice) -> dict[str, object]:
    """What the texts may name; strangers' words are bounded and on one line already."""
    server = notice.server
    name = show_text(server.network, _NAME)
    number = f"AS{server.asn}" if server.asn is not None else ""
    return {
        "preview": notice.preview,
        "case": notice.case,
        "ip": format_ip(server.ip),
        "port": server.port,
        "relay": server.probe.is_relay,
        "protocol": _PROTOCOLS[server.probe],
        "kind": _CLOSING[server.probe],
        **_closing_facts(server),
        "mail_proven": server.mail_proven,
        "first_seen": _moment(server.first_seen),
        "last_seen": _moment(server.last_seen),
        "exit": exit_text(server.exit_ip, server.ip),
        "network": f"{name} ({number})" if name and number else name or number,
        "software": _software(server),
        "listings": [
            {
                "name": show_text(one.name, _NAME),
                "since": one.known_since and f"{one.known_since:%Y-%m-%d}",
                "exact": one.since is not None,
            }
            for one in notice.listings
        ],
        "evidence": evidence_lines(server.greeting, server.reply),
        "agency": notice.agency.name,
        "agency_page": notice.agency.page,
        "agencies_page": agencies_page(notice.identity.page),
        "closing_page": closing_page(notice.identity.page, server.probe),
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
    version = show_text(server.software_version, _NAME)
    return f"{PRODUCTS[server.software].name} {version}".rstrip()


def _reference(notice: Notice, language: str) -> str:
    """The same letter on the same finding gets the same Message-ID, another never does."""
    server = notice.server
    parts = (notice.campaign, notice.run, server.ip, server.port, server.probe, language)
    mark = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]
    return f"{notice.case.lower()}.{FIRST_NOTICE.replace('_', '-')}.{mark}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
