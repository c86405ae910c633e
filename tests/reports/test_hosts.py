"""The list is clean for a machine, harmless in a spreadsheet, and documented."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.agency import Agency, Jurisdiction
from survey.model.exposure import Known, OpenServer
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.reports.hosts import COLUMNS, hosts_name, render_hosts


def _server(network: str = "Altamar Broadband", banner: bytes = b"\x05\x00\x00") -> OpenServer:
    return OpenServer(
        ip=0xC0000207,
        port=1080,
        probe=Probe.SOCKS5,
        rung=Rung.R6,
        rule="proxy.mail_tunnel",
        exit_ip=bytes(10) + b"\xff\xff" + bytes([198, 51, 100, 9]),
        first_seen=datetime(2026, 11, 24, 6, 30, 1, tzinfo=UTC),
        last_seen=datetime(2026, 11, 24, 8, 30, 9, tzinfo=timezone(timedelta(hours=2))),
        country="ES",
        asn=64500,
        network=network,
        banner=b"",
        reply=banner,
        software="dante",
        software_version="1.4.3",
    )


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_row_says_where_when_and_how_sure() -> None:
    """Times are UTC without an offset, addresses are text, the exit is IPv4 where it is."""
    assert _rows(render_hosts([_server()])) == [
        {
            "last_seen": "2026-11-24 06:30:09",
            "first_seen": "2026-11-24 06:30:01",
            "ip": "192.0.2.7",
            "port": "1080",
            "kind": "open_proxy",
            "probe": "socks5",
            "rung": "R6",
            "rule": "proxy.mail_tunnel",
            "exit_ip": "198.51.100.9",
            "country": "ES",
            "asn": "64500",
            "network": "Altamar Broadband",
            "banner": "\\x05\\x00\\x00",
            "software": "dante",
            "software_version": "1.4.3",
            "open_since": "",
            "days_open": "",
            "case": "",
            "listings": "",
        }
    ]


def test_row_says_how_long_which_case_and_who_lists_it() -> None:
    """Whole days from the first proof to the last; a listing's name can't be a formula."""
    server = _server()
    known = Known(
        datetime(2026, 11, 3, 6, 31, tzinfo=UTC), "OSYS-2026-000123", ("=cmd()", "open.example")
    )
    (row,) = _rows(render_hosts([server], {server.key: known}))
    assert (row["open_since"], row["days_open"]) == ("2026-11-03 06:31:00", "20")
    assert (row["case"], row["listings"]) == ("OSYS-2026-000123", "'=cmd(); open.example")


def test_empty_list_is_a_header() -> None:
    """Nothing found is a file too, so that a missing one is noticed."""
    assert render_hosts([]) == ",".join(COLUMNS) + "\r\n"


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t=", "\r=", "\n="])
def test_strangers_formula_is_not_run(lead: str) -> None:
    """A network name or banner that starts like a formula is led by an apostrophe or escaped."""
    row = _rows(render_hosts([_server(f"{lead}cmd()", f"{lead}cmd()".encode())]))[0]
    assert not row["network"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert not row["banner"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.lists(st.tuples(st.text(max_size=300), st.binary(max_size=512)), max_size=4))
def test_every_row_stays_one_row(strangers: list[tuple[str, bytes]]) -> None:
    """No name or banner adds a row or a column, or starts a formula."""
    text = render_hosts([_server(name, banner) for name, banner in strangers])
    assert text.count("\r\n") == len(strangers) + 1
    rows = _rows(text)
    assert [set(row) for row in rows] == [set(COLUMNS)] * len(strangers)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_name_carries_the_marking_without_dots_or_spaces() -> None:
    """The usual feed parsers take the name apart; TLP stands in it in letters they allow."""
    agency = Agency(
        "es-ejemplar",
        "Agencia",
        "ES",
        ("es",),
        Jurisdiction(frozenset({"ES"}), frozenset(), (), ()),
        "contacto@agencia-es.example",
        "https://agencia-es.example",
        "TLP:AMBER+STRICT",
    )
    name = hosts_name(agency, "2026-W48")
    assert name == "open_servers-es-ejemplar-2026-W48-TLP_AMBER_STRICT.csv"
    assert re.fullmatch(r"(?:\d{4}-\d{2}-\d{2}-)?(\w+)(-\w+)*\.csv", name)


def test_every_column_is_documented() -> None:
    """docs/reports.md has a line for each column, in order."""
    guide = (Path(__file__).parents[2] / "docs/reports.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)
    assert tuple(documented) == COLUMNS
