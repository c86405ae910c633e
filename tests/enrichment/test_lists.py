"""Plain lists and Shadowserver's reports are read whole, or refused at a line."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.model.address import format_ip
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind

REPORT = (
    '"timestamp","severity","ip","protocol","port","hostname","tag","asn"\r\n'
    '"2026-11-23 03:04:05","medium","192.0.2.7","tcp",3128,,"http-connect-proxy",64496\r\n'
    '"2026-11-23 03:04:06","low","192.0.2.9","tcp",1080,"two\r\nlines, one","socks",64496\r\n'
)


def imported(tmp_path: Path, type_: Format, text: str) -> list[dict]:
    """The rows of a list."""
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8", newline="")
    snapshot = import_snapshot(
        Layout(tmp_path / "data"),
        SnapshotKind.LISTING,
        path,
        source="list.example",
        written_as=type_,
    )
    return pq.read_table(snapshot.table).to_pylist()


def test_a_report_says_when_and_what(tmp_path: Path) -> None:
    """By the header, whatever the order of columns; a field in quotes may hold line ends."""
    rows = imported(tmp_path, Format.SHADOWSERVER, REPORT)

    assert [format_ip(row["range_start"]) for row in rows] == ["192.0.2.7", "192.0.2.9"]
    assert {row["listing"] for row in rows} == {"list.example"}
    assert rows[0]["since"] == datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC)
    assert rows[0]["reason"] == "http-connect-proxy, tcp/3128, medium"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("ip,port\n192.0.2.1,80\n", 1, "no timestamp and ip"),
        ("timestamp,ip\n2026-11-23 00:00:00\n", 2, "has 1 fields"),
        ("timestamp,ip\n\nyesterday,192.0.2.1\n", 3, "no time"),
        ("timestamp,ip\n2026-11-23 00:00:00,2001:db8::1\n", 2, "no IPv4 address"),
        ('timestamp,ip\n2026-11-23 00:00:00,"192.0.2.1\n', 2, "no CSV"),
    ],
)
def test_one_bad_row_refuses_the_report(tmp_path: Path, text: str, line: int, problem: str) -> None:
    """IPv6 reports are files of their own; ours are about IPv4."""
    with pytest.raises(ConfigError, match=problem) as caught:
        imported(tmp_path, Format.SHADOWSERVER, text)

    assert caught.value.key == f"line {line}"
    assert not (tmp_path / "data").exists()


def test_a_plain_list_holds_addresses_prefixes_and_ranges(tmp_path: Path) -> None:
    """With comments of both kinds."""
    text = "# list\n192.0.2.9 ; old\n198.51.100.0/24\n203.0.113.1 - 203.0.113.3 # three\n"
    rows = imported(tmp_path, Format.PLAIN, text)

    assert [(row["range_start"], row["range_end"] - row["range_start"] + 1) for row in rows] == [
        (0xC0000209, 1),
        (0xC6336400, 256),
        (0xCB007101, 3),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("192.0.2.1\nexample.com\n", "no IPv4 range"),
        ("192.0.2.1\n192.0.2.9-192.0.2.1\n", "ends before it starts"),
        ("192.0.2.1\n192.0.2.1/24\n", "bits set"),
    ],
)
def test_one_bad_line_refuses_the_list(tmp_path: Path, text: str, problem: str) -> None:
    """A list that is read in part is another list."""
    with pytest.raises(ConfigError, match=problem) as caught:
        imported(tmp_path, Format.PLAIN, text)

    assert caught.value.key == "line 2"
