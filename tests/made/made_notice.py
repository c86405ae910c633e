"""An invented finding to write letters about."""

from datetime import UTC, datetime

from made_figures import make_agency

from survey.model.contact import Contact
from survey.model.exposure import OpenServer
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
