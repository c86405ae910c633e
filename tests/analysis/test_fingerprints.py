"""What holds for every fingerprint, and which program each recorded sample is told to be.

Every row of the table has at least one sample (``tests/made/made_answers.py``).
"""

import re
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from made_answers import CONNECT, NOBODY, SAMPLES, Sample
from made_data import seen

from survey.analysis.findings import Material, write_findings
from survey.analysis.fingerprint import Place, has_version
from survey.analysis.fingerprints import FINGERPRINTS, NAMED
from survey.model.observation import Protocol
from survey.model.probe import Probe
from survey.model.software import PRODUCTS
from survey.storage.layout import Layout
from survey.storage.shard_file import rows
from survey.targets.ranges import RangeSet


def told(folder: Path, samples: tuple[Sample, ...]) -> list[dict[str, object]]:
    """What is told of each sample's port, by one judgement over all of them."""
    folder.mkdir(exist_ok=True)
    observed = folder / "observations.parquet"
    ips = [f"192.0.2.{1 + place}" for place in range(len(samples))]
    seen_rows = [row for ip, one in zip(ips, samples, strict=True) for row in one.observed(ip)]
    pq.write_table(rows("run", 0, seen_rows), observed)
    layout = Layout(folder / "data")
    write_findings(layout, Material("c", "r", (observed,), (), RangeSet.of(()), 0))
    found = pq.read_table(layout.run("c", "r").findings).to_pylist()
    by_ip = {row["ip"]: row for row in found}
    return [by_ip[row] for row in sorted(by_ip)]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What is told of every sample."""
    return told(tmp_path_factory.mktemp("samples"), SAMPLES)


@pytest.mark.parametrize(
    "place", range(len(SAMPLES)), ids=[f"{one.sign}: {one.situation[:50]}" for one in SAMPLES]
)
def test_sample_is_told_by_its_row(place: int, findings: list[dict[str, object]]) -> None:
    """The row, its program and the version; no row before it takes the sample away."""
    sample, found = SAMPLES[place], findings[place]
    row = next(row for row in FINGERPRINTS if row.id == sample.sign)

    assert found["software_sign"] == sample.sign
    assert found["software"] == row.software
    assert found["software_version"] == sample.version
    assert found["software_named"] == row.named


def test_nobody_is_told_where_nothing_says_so(tmp_path: Path) -> None:
    """Our canary's words, a stranger's page and look-alikes are no sign."""
    for sample, found in zip(NOBODY, told(tmp_path, NOBODY), strict=True):
        assert found["software_sign"] is None, sample.situation
        assert found["software"] is None
        assert found["software_version"] is None
        assert found["software_named"] is None


def test_every_row_has_a_sample() -> None:
    """No row without bytes that it was written for."""
    assert {row.id for row in FINGERPRINTS} == {sample.sign for sample in SAMPLES}


def test_ids_are_unique_and_begin_with_a_known_program() -> None:
    """An id is ``<software>.<situation>``; the closed list holds the program, and no other."""
    assert max(Counter(row.id for row in FINGERPRINTS).values()) == 1
    for row in FINGERPRINTS:
        assert re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", row.id)
        assert row.id.partition(".")[0] == row.software
    assert {row.software for row in FINGERPRINTS} == set(PRODUCTS)


def test_names_stand_before_ways() -> None:
    """What a program says of itself is more particular than how it behaves."""
    assert all(row.named for row in FINGERPRINTS[: len(NAMED)])
    assert not any(row.named for row in FINGERPRINTS[len(NAMED) :])


def test_patterns_are_linear_and_bounded() -> None:
    """RE2 compiles each of them, and none can be led into a long search by 64 kB of anything."""
    hostile = ("2" * 65_536, "220 " + "*" * 65_536, "a" * 65_536 + "\n", "<title>(" * 8192)
    with duckdb.connect() as connection:
        for row in FINGERPRINTS:
            for sign in row.signs:
                assert sign.pattern.count(".*") <= 1, row.id
                for text in hostile:
                    connection.execute(
                        "SELECT regexp_matches($text, $pattern)",
                        {"text": text, "pattern": f"(?im){sign.pattern}"},
                    ).fetchone()


def test_every_row_has_a_comment() -> None:
    """A sentence that a reader who knows no regex understands."""
    for row in FINGERPRINTS:
        assert row.comment.endswith(".")
        assert len(row.comment.split()) >= 2


def test_a_version_is_a_group_of_the_first_sign() -> None:
    """So the table's renderer knows which rows can tell one."""
    for row in FINGERPRINTS:
        assert has_version(row) == (re.compile(row.signs[0].pattern).groups > 0), row.id


def test_a_place_is_a_word_that_sql_can_name() -> None:
    """Places are columns."""
    assert all(re.fullmatch(r"[a-z0-9]+", place) for place in Place)


def test_several_probes_of_one_port_are_told_together(tmp_path: Path) -> None:
    """A SOCKS finding is told by what the same port said to HTTP."""
    port = Sample(
        "",
        "one program, two protocols",
        None,
        {
            CONNECT: b"HTTP/1.1 407 No\r\nServer: CCProxy\r\n\r\n",
            Probe.SOCKS5: b"\x05\x00\x05\x01",
        },
    )
    observed = tmp_path / "observations.parquet"
    pq.write_table(rows("run", 0, port.observed("192.0.2.1")), observed)
    layout = Layout(tmp_path / "data")
    write_findings(layout, Material("c", "r", (observed,), (), RangeSet.of(()), 0))
    found = pq.read_table(layout.run("c", "r").findings).to_pylist()

    assert [(row["probe"], row["software"]) for row in found] == [
        ("http_connect", "ccproxy"),
        ("socks5", "ccproxy"),
    ]


def test_own_name_is_what_was_shown_to_resolve(tmp_path: Path) -> None:
    """It stands in a finding only where we addressed its postmaster, which needs that proof."""
    proven = seen(
        "192.0.2.1",
        variant="C0",
        received=b"220 mail.example ready\r\n",
        protocol=Protocol.SMTP,
        sent=b"EHLO p.example\r\nMAIL FROM:<t@a.example>\r\nRCPT TO:<postmaster@mail.example>\r\n",
    )
    claimed = seen(
        "192.0.2.2",
        received=b"220 other.example ready\r\n",
        protocol=Protocol.SMTP,
        sent=b"EHLO p.example\r\nMAIL FROM:<t@a.example>\r\nRCPT TO:<t@a.example>\r\n",
    )
    observed = tmp_path / "observations.parquet"
    tried = seen("192.0.2.1", received=proven.received, sent=proven.sent, protocol=Protocol.SMTP)
    pq.write_table(rows("run", 0, [tried, proven, claimed]), observed)
    layout = Layout(tmp_path / "data")
    write_findings(layout, Material("c", "r", (observed,), (), RangeSet.of(()), 0))
    found = pq.read_table(layout.run("c", "r").findings).to_pylist()

    assert [row["host"] for row in found] == ["mail.example", None]


@pytest.mark.parametrize(
    ("other", "told"), [("005b 0000 00000000", "dante"), ("005a 9c42 cb007109", None)]
)
def test_a_proxy_that_refuses_one_port_only_is_not_taken_for_dante(
    tmp_path: Path, other: str, told: str | None
) -> None:
    """Dante refuses SOCKS 4a to every port."""
    granted = bytes.fromhex("005a 9c42 cb007109")
    socks5 = bytes.fromhex("0500 05000001 cb007109 9c40")
    observed = tmp_path / "observations.parquet"
    tried = [
        seen("192.0.2.1", Probe.SOCKS5, "echo", received=socks5),
        seen("192.0.2.1", Probe.SOCKS4, "echo", received=granted),
        seen("192.0.2.1", Probe.SOCKS4A, "echo", received=bytes.fromhex(other)),
        seen("192.0.2.1", Probe.SOCKS4A, "mail", received=bytes.fromhex("005b 1111 cb007109")),
    ]
    pq.write_table(rows("run", 0, tried), observed)
    layout = Layout(tmp_path / "data")
    write_findings(layout, Material("c", "r", (observed,), (), RangeSet.of(()), 0))
    found = pq.read_table(layout.run("c", "r").findings).to_pylist()

    assert {row["software"] for row in found} == {told}
