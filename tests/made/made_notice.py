"""An invented case to write letters about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from made_figures import make_agency

from survey.model.contact import Contact
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind
from survey.model.listing import Listing
from survey.model.plan import Identity
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.notify.notice import Notice

FIRST = datetime(2026, 11, 24, 6, 30, 1, tzinfo=UTC)
LAST = datetime(2026, 11, 24, 6, 30, 9, tzinfo=UTC)
OTHER_EXIT = bytes(10) + b"\xff\xff" + bytes([198, 51, 100, 9])
LISTINGS = (
    Listing("relays.lists.example", datetime(2026, 10, 1, tzinfo=UTC), "listing-1"),
    Listing("open.lists.example", None, "listing-2"),
    Listing("seen.lists.example", None, "listing-3", datetime(2026, 11, 3, tzinfo=UTC)),
)


def make_server(probe: Probe, rung: Rung = Rung.R6) -> OpenServer:
    """192.0.2.7, open on the probe's usual port, with another exit."""
    port = {Probe.SMTP_RELAY: 25, Probe.HTTP_CONNECT: 3128}.get(probe, 1080)
    banner, reply = {
        Probe.SMTP_RELAY: (
            b"220 mail.operator.example ESMTP ready\r\n",
            b"250 2.0.0 Ok: queued as 4F2A1C\r\n",
        ),
        Probe.HTTP_CONNECT: (
            b"HTTP/1.1 200 Connection established\r\nVia: 1.1 gateway\r\n\r\n",
            b"HTTP/1.1 200 Connection established\r\n",
        ),
    }.get(probe, (b"\x05\x00\x05\x00\x00\x01", b"\x05\x00\x00\x01"))
    return OpenServer(
        ip=0xC0000207,
        port=port,
        probe=probe,
        rung=rung,
        rule="tunnel.mail_reproduced" if rung is Rung.R7 else "test.rule",
        exit_ip=OTHER_EXIT,
        first_seen=FIRST,
        last_seen=LAST,
        country="ES",
        asn=64500,
        network="Altamar Broadband",
        banner=banner,
        reply=reply,
        software="postfix" if probe.is_relay else "dante",
        software_version="3.7.11" if probe.is_relay else "",
        software_named=probe.is_relay,
    )


def make_notice(
    probe: Probe = Probe.SMTP_RELAY, rung: Rung = Rung.R6, *, preview: bool = False
) -> Notice:
    """Everything a letter tells, listed in two public databases."""
    return Notice(
        case="OSYS-2026-000123",
        preview=preview,
        campaign="trial",
        run="2026-W48",
        server=make_server(probe, rung),
        listings=LISTINGS,
        contact=Contact("abuse@altamar.example", "Altamar Broadband", "es", "contact-1"),
        agency=make_agency(),
        identity=Identity(
            operator="Measurement team of the survey",
            contact="desk@survey.example",
            page="https://survey.example/",
            helo="probe.survey.example",
            source_addresses=(),
        ),
    )


def make_others(count: int, probe: Probe = Probe.SMTP_RELAY) -> tuple[OpenServer, ...]:
    """Further servers of the case, 192.0.2.20 and on, each seen a minute after the one before."""
    server = make_server(probe)
    return tuple(
        replace(server, ip=0xC0000214 + at, last_seen=LAST + timedelta(minutes=at))
        for at in range(count)
    )


def make_case(
    kind: LetterKind, probe: Probe = Probe.SMTP_RELAY, rung: Rung = Rung.R6, *, others: int = 2
) -> Notice:
    """What a letter of a kind tells of a case with further servers and a page of its own."""
    later = kind is not LetterKind.FIRST_NOTICE
    return replace(
        make_notice(probe, rung),
        kind=kind,
        others=make_others(others, probe),
        case_page="https://survey.example/case/OSYS-2026-000123",
        first_sent=datetime(2026, 11, 2, 9, 0, tzinfo=UTC) if later else None,
        reminded=datetime(2026, 11, 16, 9, 0, tzinfo=UTC) if later else None,
        tests_since=3 if later else 0,
        closed_at=datetime(2026, 11, 25, 6, 30, tzinfo=UTC) if later else None,
        written_to="abuse@altamar.example" if later else "",
    )
