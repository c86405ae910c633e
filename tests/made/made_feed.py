"""Made rows of every kind for the feeds, with strangers' words in them."""

from datetime import UTC, datetime

from survey.model.agency import Agency, Jurisdiction
from survey.model.delivery import Audience, Format
from survey.model.exposure import OpenServer
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.reports.feeds.about import About
from survey.reports.feeds.row import Row, make_rows

FEEDS = tuple(format_ for format_ in Format if format_.names_hosts and format_ is not Format.CSV)
PAGE = "https://survey.example/"

_HTTP = (
    b"HTTP/1.1 200 OK\r\nServer: =cmd()|squid\r\nVia: 1.1 proxy.example (squid/5.7)\r\n"
    b"Content-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n"
    b"Date: Tue, 24 Nov 2026 06:12:09 GMT\r\n\r\nNOOP"
)


def made_server(number: int = 0, **other: object) -> OpenServer:
    """The n-th of eight servers, one per probe; each field can be set."""
    probe = tuple(Probe)[number % len(Probe)]
    banner = _HTTP if probe.is_http else b'220 "mail", \x1b[2J=cmd()\r\n'
    said: dict[str, object] = {
        "ip": 0xC0000200 + number,
        "port": 25 if probe.is_relay else 1080 + number,
        "probe": probe,
        "rung": (Rung.R6, Rung.R5, Rung.R7)[number % 3],
        "rule": "test.rule",
        "exit_ip": bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 200]) if number % 2 else None,
        "first_seen": datetime(2026, 11, 24, 6, 12, number % 60, tzinfo=UTC),
        "last_seen": datetime(2026, 11, 24, 9, 30, number % 60, tzinfo=UTC),
        "country": "ES" if number % 4 else "",
        "asn": 64500 if number % 3 else None,
        "network": 'Cierzo, "Hosting"; <b>\u202e' if number % 3 else "",
        "banner": banner,
        "reply": banner[:8],
        "software": "squid" if number % 2 else "",
        "software_version": "5.7" if number % 2 else "",
        "host": "mail.example.com" if number % 2 else "",
    }
    return OpenServer(**(said | other))  # type: ignore[arg-type]


def made_about(tlp: str = "TLP:AMBER", formats: tuple[Format, ...] = FEEDS) -> About:
    """A report of an agency that wants every feed."""
    agency = Agency(
        id="es-prueba",
        name="Agencia de Prueba",
        country="ES",
        languages=("es",),
        jurisdiction=Jurisdiction(frozenset({"ES"}), frozenset(), (), ()),
        contact="desk@es-prueba.example",
        page="https://es-prueba.example/op",
        tlp=tlp,
        audiences=(Audience.TECHNICAL,),
        formats=formats,
    )
    return About(
        agency=agency,
        campaign="trial",
        run="2026-W48",
        operator="Measurement team",
        contact="desk@survey.example",
        page=PAGE,
        started_at=datetime(2026, 11, 24, 6, 12, tzinfo=UTC),
        finished_at=datetime(2026, 11, 24, 9, 45, tzinfo=UTC),
        generated_at=datetime(2026, 11, 26, 8, 30, tzinfo=UTC),
    )


def made_rows(count: int = 16) -> tuple[Row, ...]:
    """Rows of every probe."""
    return make_rows(map(made_server, range(count)), "trial", "2026-W48", PAGE)
