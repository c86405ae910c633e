"""Zone files of DNSBLs are read whole or refused at a line.

What they mean is asked of rbldnsd itself in ``tests/servers/test_blocklists.py``.
"""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.enrichment.zone_lines import (
    DEFAULT,
    Specials,
    Value,
    reversed_range,
    zone_name,
    zone_range,
    zone_value,
)
from survey.errors import ConfigError
from survey.model.address import MAX_IP, Range, format_ip, parse_ip
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def imported(tmp_path: Path, type_: Format, text: str) -> list[tuple[str, str, str, str]]:
    """First and last address, listing, and code of every entry."""
    path = tmp_path / "zone"
    path.write_text(text, encoding="utf-8")
    snapshot = import_snapshot(
        Layout(tmp_path / "data"),
        SnapshotKind.LISTING,
        path,
        source="bl.example",
        written_as=type_,
        retrieved_at=NOW,
    )
    return [
        (
            format_ip(row["range_start"]),
            format_ip(row["range_end"]),
            row["listing"],
            row["code"],
        )
        for row in pq.read_table(snapshot.table).to_pylist()
    ]


@pytest.mark.parametrize(
    ("text", "first", "last", "bits"),
    [
        ("192.0.2.0/24", "192.0.2.0", "192.0.2.255", 24),
        ("192.0.2", "192.0.2.0", "192.0.2.255", 24),
        ("127/24", "127.0.0.0", "127.0.0.255", 24),
        ("127.0.0.1-255", "127.0.0.1", "127.0.0.255", 32),
        ("127.16-31", "127.16.0.0", "127.31.255.255", 32),
        ("127.16.0-127.31.255", "127.16.0.0", "127.31.255.255", 32),
        ("127.16/12", "127.16.0.0", "127.31.255.255", 12),
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", 32),
        ("192.0.2.7-192.0.2.9", "192.0.2.7", "192.0.2.9", 32),
    ],
)
def test_every_way_to_write_a_range(text: str, first: str, last: str, bits: int) -> None:
    """The manual's own examples."""
    assert zone_range(text) == (Range(parse_ip(first), parse_ip(last)), bits)


@pytest.mark.parametrize(
    "text",
    [
        *("127", "192.0.2.0/33", "0/0", "192.0.2.256", "192.0.2.1/24", "192.0.2.9-192.0.2.1"),
        *("192.0-192.0.2.1", "2001:db8::/32", "example.com", "", "192.0.2.", "١٩٢.0.2.1"),
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    """Also what rbldnsd would only warn of."""
    with pytest.raises(ValueError, match="; "):
        zone_range(text)


@given(st.integers(0, MAX_IP), st.integers(0, MAX_IP))
def test_any_range_survives_being_written(one: int, other: int) -> None:
    """Both ends are kept."""
    start, end = sorted((one, other))

    assert zone_range(f"{format_ip(start)}-{format_ip(end)}")[0] == Range(start, end)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", Value("127.0.0.4", "default")),
        ("# a comment", Value("127.0.0.4", "default")),
        ("; another", Value("127.0.0.4", "default")),
        ("spam source", Value("127.0.0.4", "spam source")),
        (":5", Value("127.0.0.5", "default")),
        (":6:", Value("127.0.0.6", "")),
        (":127.0.1.2:two words", Value("127.0.1.2", "two words")),
        (":2: text : with colons", Value("127.0.0.2", "text : with colons")),
    ],
)
def test_values(text: str, value: Value) -> None:
    """Code and text, each from the default where it is not given."""
    assert zone_value(text, Value("127.0.0.4", "default")) == value


@pytest.mark.parametrize("text", [":", "::", ":x:", ":0:no", ":300:", ":1.2.3.4.5:"])
def test_what_is_no_code_is_refused(text: str) -> None:
    """A code is an address or its last number."""
    with pytest.raises(ValueError, match="return code"):
        zone_value(text, DEFAULT)


def test_texts_are_filled_in() -> None:
    """Variables, the entry itself, a literal dollar, and the template around all texts."""
    specials = Specials({"1": "See https://bl.example"})
    assert specials.text("$1/?$ costs $$1, $2", "192.0.2.1") == (
        "See https://bl.example/?192.0.2.1 costs $1, $2"
    )
    framed = Specials(template="BL: $= ($)")
    assert framed.text("open relay", "192.0.2.1") == "BL: open relay (192.0.2.1)"
    assert framed.text("", "192.0.2.1") == "BL: 192.0.2.1 (192.0.2.1)"
    assert framed.text("=as it is", "192.0.2.1") == "as it is"
    assert len(Specials().text("x" * 999, "")) == 255


@pytest.mark.parametrize(
    "line",
    [
        "SOA 3600 ns.a.example admin.a.example 0 1h 10m 1w 1h",
        "NS 1w ns.a.example -ns2.a.example",
        "TTL 35m",
        "MAXRANGE4 /24",
        "MAXRANGE4 256",
        "TIMESTAMP 2026:11:23:08:59",
        "TIMESTAMP 20261122 +2d",
        "TIMESTAMP 0 2026-12-01",
        "TIMESTAMP 2026-11-23",
        "1 a text",
        "= around $=",
    ],
)
def test_special_entries_are_known(line: str) -> None:
    """Every one of the manual's."""
    Specials().obey(line, NOW)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("SOA 3600", "eight fields"),
        ("NS 1w", "no name server"),
        ("TTL soon", "no time"),
        ("MAXRANGE4 /0", "no size"),
        ("MAXRANGE4 many", "no size"),
        ("TIMESTAMP 2026-11-24", "in the future"),
        ("TIMESTAMP 2026-11-01 +2d", "ended at"),
        ("TIMESTAMP 2026-13-01", "no time"),
        ("TIMESTAMP 0 +2d", "no usable end"),
        ("1", "holds nothing"),
        ("DATASET ip4set @", "no special entry"),
        ("INCLUDE other", "no special entry"),
    ],
)
def test_special_entries_that_cant_be_are_refused(line: str, problem: str) -> None:
    """Old data, data from the future, and words that nobody knows."""
    with pytest.raises(ValueError, match=problem):
        Specials().obey(line, NOW)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Example.COM", ("example.com", True, False)),
        ("example.com.", ("example.com", True, False)),
        (".example.com", ("example.com", True, True)),
        ("*.example.com", ("example.com", False, True)),
        ("_spf.example.com", ("_spf.example.com", True, False)),
    ],
)
def test_names(text: str, meant: tuple[str, bool, bool]) -> None:
    """Itself, what is below it, or both."""
    assert zone_name(text) == meant


@pytest.mark.parametrize("text", ["", ".", "*.", "a..b", "a b", "-a.example", "x" * 64, "*", "a/b"])
def test_what_is_no_name_is_refused(text: str) -> None:
    """Nothing that could not be asked for."""
    with pytest.raises(ValueError, match="no domain name"):
        zone_name(text)


def test_reversed_names_are_addresses() -> None:
    """A dnset may be used instead of an ip4set."""
    assert reversed_range("10.2.0.10", below=False) == Range(0x0A00020A, 0x0A00020A)
    assert reversed_range("2.0.192", below=True) == Range(0xC0000200, 0xC00002FF)
    assert reversed_range("10", below=True) == Range(0x0A000000, 0x0AFFFFFF)
    for name, below in (("2.0.192", False), ("10.2.0.10", True), ("300.2.0.192", False)):
        assert reversed_range(name, below=below) is None
    assert reversed_range("007.2.0.192", below=False) is None
    assert reversed_range("x.2.0.192", below=False) is None


def test_an_exclusion_takes_out_only_what_it_covers(tmp_path: Path) -> None:
    """And nothing that is listed more narrowly."""
    text = "192.0.2.0/24\n!192.0.2.128/25\n!198.51.100.0/24\n198.51.100.7\n"

    assert imported(tmp_path, Format.IP4SET, text) == [
        ("192.0.2.0", "192.0.2.127", "bl.example", "127.0.0.2"),
        ("198.51.100.7", "198.51.100.7", "bl.example", "127.0.0.2"),
    ]


def test_entries_above_the_files_own_limit_do_not_count(tmp_path: Path) -> None:
    """The file says so itself, and its server would not list them either."""
    text = "$MAXRANGE4 /24\n192.0.2.0/24\n198.51.100.0/23\n"

    assert [row[0] for row in imported(tmp_path, Format.IP4SET, text)] == ["192.0.2.0"]


@pytest.mark.parametrize(
    ("type_", "text", "line", "problem"),
    [
        (Format.IP4SET, "192.0.2.1\n192.0.2.300\n", 2, "octet above 255"),
        (Format.IP4SET, "192.0.2.1\n\n# x\n2001:db8::1\n", 4, "octet above 255"),
        (Format.IP4SET, "192.0.2.1 :x:y\n", 1, "no return code"),
        (Format.IP4SET, "192.0.2.1\n:x:\n", 2, "no return code"),
        (Format.IP4SET, "$DATASET ip4set @\n192.0.2.1\n", 1, "no special entry"),
        (Format.IP4SET, "#$WHAT\n", 1, "no special entry"),
        (Format.IP4TRIE, "192.0.2.1-9\n", 1, "no range"),
        (Format.IP4TRIE, "192.0.2.0/24\n!192.0.2.0/24\n", 2, "stands there twice"),
        (Format.IP4TSET, "192.0.2.0/24\n", 1, "no single address"),
        (Format.IP4TSET, "!192.0.2.1\n", 1, "no single address"),
        (Format.DNSET, "example.com\nexample com\n\nexa/mple\n", 4, "no domain name"),
        (Format.DNSET, "!example..com\n", 1, "no domain name"),
        (Format.COMBINED, "192.0.2.1\n", 1, "before the first"),
        (Format.COMBINED, "$DATASET ip6trie v6\n", 1, "no dataset of IPv4"),
        (Format.COMBINED, "$DATASET combined @\n", 1, "no dataset of IPv4"),
        (Format.COMBINED, "$DATASET ip4set\n", 1, "in no subzone"),
        (Format.COMBINED, "$DATASET ip4set:x @\n192.0.2\nbad\n", 3, "no range"),
        (Format.COMBINED, "$DATASET generic @\nwww CNAME x\n", 2, "no A, TXT or MX"),
    ],
)
def test_one_bad_line_refuses_the_file(
    tmp_path: Path, type_: Format, text: str, line: int, problem: str
) -> None:
    """With file, line, and what is wrong; nothing is left behind."""
    with pytest.raises(ConfigError, match=problem) as caught:
        imported(tmp_path, type_, text)

    assert caught.value.source == str(tmp_path / "zone")
    assert caught.value.key == f"line {line}"
    assert not list((tmp_path / "data").rglob("*"))


def test_a_file_that_lists_nothing_is_refused(tmp_path: Path) -> None:
    """Only exclusions, only comments: a mistake, not an empty list."""
    with pytest.raises(ConfigError, match="no usable line"):
        imported(tmp_path, Format.IP4SET, "# nothing yet\n!192.0.2.1\n")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """A stranger's file never does anything else."""
    folder = tmp_path_factory.mktemp("zone")
    path = folder / "zone"
    path.write_bytes(data)
    for type_ in (Format.IP4SET, Format.DNSET, Format.COMBINED, Format.SHADOWSERVER, Format.PLAIN):
        try:
            import_snapshot(
                Layout(folder / type_), SnapshotKind.LISTING, path, source="x", written_as=type_
            )
        except ConfigError:
            continue
