"""From a finding to the letter its operator would get; nothing is sent here."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from survey.analysis.open_servers import Wanted, servers_for_letters
from survey.enrichment.lookup import contact_of, listings_of
from survey.errors import ConfigError, MessageError, StorageError
from survey.mail.message import build_message
from survey.model.address import format_ip, parse_ip
from survey.model.agency import Agency, closest_agency
from survey.model.exposure import OpenServer
from survey.model.language import choose_language
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.notify.letter import LEAST, address_letter, write_letter, written
from survey.notify.notice import Notice
from survey.notify.paper import on_paper
from survey.notify.permission import obstacle
from survey.notify.recipient import check_recipient
from survey.settings import Settings
from survey.storage.agencies import read_agencies
from survey.storage.audit import record
from survey.storage.files import replacing
from survey.storage.layout import Layout
from survey.storage.runs import find_run
from survey.targets.optouts import read_log
from survey.targets.plan import load_plan

_FINDING = re.compile(r"([0-9.]{7,15})(?::([0-9]{1,5}))?(?:/([a-z0-9_]+))?")
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Preview:
    """A letter as it would go out.

    Attributes:
        path: The whole message, ``.eml``.
        pdf: The letter on the agency's paper, or None.
        subject: Its subject.
        text: Its plain text.
        language: Its language (BCP 47).
        agency: In whose name it is written (agency id).
        case: Its case number.
        obstacle: Why it could not be sent now, or "".
    """

    path: Path
    pdf: Path | None
    subject: str
    text: str
    language: str
    agency: str
    case: str
    obstacle: str


def preview_letter(
    settings: Settings,
    run: str,
    *,
    campaign: str | None = None,
    finding: str | None = None,
    language: str | None = None,
    case: str | None = None,
    paper: bool = False,
    now: datetime | None = None,
) -> Preview:
    """Write the first notice about one finding as a complete message, marked as a preview.

    Args:
        settings: Where things are.
        run: Run id.
        campaign: Campaign id, if several have a run of that name.
        finding: ``ip:port/probe`` or ``ip:port`` or ``ip``; without it, the best proven finding
            that has an agency and a contact.
        language: Instead of the contact's, the agency's, or English, in this order.
        case: Its number; a preview has none of its own.
        paper: Write it on the agency's paper, too.
        now: UTC; this moment if not given.

    Raises:
        ConfigError: There is no such run, ``finding`` or ``language`` is wrong, or the agency's
            logo can't be used.
        StorageError: The run is not judged yet.
        MessageError: No open finding fits, or it has no agency or nobody to write to.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    moment = now or datetime.now(UTC)
    wanted = parse_finding(finding)
    if language and language not in written():
        known = ", ".join(written())
        raise ConfigError("--language", "", f"no letter in {language!r}", f"there are: {known}")
    layout = Layout(settings.data)
    owner = find_run(layout, run, campaign)
    paths = layout.run(owner, run)
    if not paths.findings.is_file():
        raise StorageError(f"{paths.root}: has no verdicts yet; judge the run first")
    plan = load_plan(paths.plan)
    optouts = read_log(Path(plan.optouts)).ranges
    servers = servers_for_letters(layout, owner, run, wanted, least=LEAST, optouts=optouts)
    number = case or f"OSYS-{moment:%Y}-PREVIEW"
    desk = _Desk(
        layout, plan, read_agencies(settings.agencies), number, moment.astimezone(UTC).date()
    )
    notice = _first_notice(desk, servers)
    wishes = (language,) if language else (notice.contact.language, *notice.agency.languages)
    letter = write_letter(notice, choose_language(wishes, written()))
    message = build_message(address_letter(letter, notice, moment))
    sheets = on_paper(letter, notice) if paper else b""
    path = layout.letters(owner) / _name(notice, letter.language)
    record(layout, "letter preview", f"campaign={owner} run={run} case={number}", now=moment)
    with replacing(path) as part:
        part.write_bytes(message.as_bytes())
    if sheets:
        with replacing(path.with_suffix(".pdf")) as part:
            part.write_bytes(sheets)
    return Preview(
        path=path,
        pdf=path.with_suffix(".pdf") if sheets else None,
        subject=letter.subject,
        text=letter.text,
        language=letter.language,
        agency=notice.agency.id,
        case=number,
        obstacle=obstacle(notice.server, moment),
    )


def parse_finding(text: str | None) -> Wanted:
    """What ``ip:port/probe`` asks for; port and probe may be left out.

    Raises:
        ConfigError: It is written otherwise.
    """
    if text is None:
        return Wanted()
    parts = _FINDING.fullmatch(text)
    wrong = ConfigError(
        "--finding", "", f"{text[:80]!r} won't do", "write it as 192.0.2.7:1080/socks5"
    )
    if parts is None:
        raise wrong
    ip, port, probe = parts.groups()
    if port is not None and not 1 <= int(port) <= _MAX_PORT:
        raise wrong
    try:
        return Wanted(
            parse_ip(ip),
            None if port is None else int(port),
            None if probe is None else Probe(probe),
        )
    except ValueError as error:
        raise wrong from error


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every letter of one run has in common."""

    layout: Layout
    plan: Plan
    agencies: tuple[Agency, ...]
    case: str
    day: date


def _first_notice(desk: _Desk, servers: tuple[OpenServer, ...]) -> Notice:
    """The notice about the first of the servers that somebody may be told of."""
    problem = MessageError(f"run {desk.plan.run}: no such finding is proven (rung R5 or higher)")
    for server in servers:
        try:
            return _notice(desk, server)
        except MessageError as error:
            problem = error
    raise problem


def _notice(desk: _Desk, server: OpenServer) -> Notice:
    agency = closest_agency(desk.agencies, server.ip, server.country, server.asn)
    if agency is None:
        raise MessageError("no participating agency answers for this address")
    return Notice(
        case=desk.case,
        preview=True,
        campaign=desk.plan.campaign,
        run=desk.plan.run,
        server=server,
        listings=listings_of(desk.layout, server.ip, desk.day, server.host or None),
        contact=check_recipient(contact_of(desk.layout, server.ip, desk.day)),
        agency=agency,
        identity=desk.plan.identity,
    )


def _name(notice: Notice, language: str) -> str:
    server = notice.server
    return f"{notice.run}-{format_ip(server.ip)}-{server.port}-{server.probe}.{language}.eml"
