"""Whatever jurisdiction, findings and opt-outs: an agency's files hold its own, all of it, no more.

The oracle is a few lines over plain numbers; the files are searched as bytes, unpacked.
"""

import base64
import contextlib
import io
import ipaddress
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pypdfium2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judged_run import BEGUN, JudgedRun, make_judged_run, write_hosts
from made_feed import FEEDS
from made_figures import make_figures

from survey.analysis.jurisdiction import view
from survey.flows.feeds import Written, about, write_feeds
from survey.flows.report import make_report
from survey.model.address import Range, format_ip, parse_ip
from survey.model.agency import Agency, Jurisdiction
from survey.model.delivery import Audience, Format
from survey.model.probe import Probe
from survey.reports.compose import compose
from survey.reports.document import Picture, Section
from survey.reports.feeds.manifest import NAME, read_manifest
from survey.reports.hosts import hosts_name, render_hosts
from survey.reports.languages import speak
from survey.reports.pdf import render_pdf
from survey.storage.schemas import FINDINGS, HOSTS
from survey.targets.optouts import add, init_log
from survey.targets.ranges import RangeSet

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
BLOCKS = tuple(map(parse_ip, ("192.0.2.0", "198.51.100.0", "203.0.113.0")))
IPV4 = re.compile(rb"(?<![\w.])(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}(?![\w.])")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1H8"/></svg>'
MARK = re.compile(rb"mark(\d+)of")


@dataclass(frozen=True)
class Case:
    """One world and one reader of it."""

    findings: tuple[tuple[int, Probe, bool, int | None], ...]  # ip, probe, open, exit
    jurisdiction: Jurisdiction
    optouts: tuple[Range, ...]


@pytest.fixture(scope="module")
def judged_run() -> Iterator[JudgedRun]:
    """Two countries, two networks and a gap; its findings are replaced by each example."""
    with tempfile.TemporaryDirectory() as folder:
        yield make_judged_run(Path(folder))


ips = st.builds(lambda block, offset: block + offset, st.sampled_from(BLOCKS), st.integers(0, 255))


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    """A part of one block, as a CIDR would be or not."""
    block, first = draw(st.sampled_from(BLOCKS)), draw(st.integers(0, 255))
    return Range(block + first, block + draw(st.integers(first, 255)))


jurisdictions = st.builds(
    Jurisdiction,
    st.frozensets(st.sampled_from(["ES", "MX", "AR"]), max_size=2),
    st.frozensets(st.sampled_from([64500, 64501, 64510]), max_size=2),
    st.lists(ranges(), max_size=2).map(tuple),
    st.lists(ranges(), max_size=2).map(tuple),
)
findings = st.lists(
    st.tuples(ips, st.sampled_from(Probe), st.booleans(), st.none() | ips),
    max_size=12,
    unique_by=lambda one: one[:2],
).map(tuple)
cases = st.builds(Case, findings, jurisdictions, st.lists(ranges(), max_size=1).map(tuple))


@given(cases)
@settings(
    max_examples=25,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_files_hold_the_jurisdiction_and_nothing_else(judged_run: JudgedRun, case: Case) -> None:
    """Every own open server is in every form; no address and no word of another is in any byte."""
    own = {
        (ip, probe): exit_
        for ip, probe, is_open, exit_ in case.findings
        if is_open and _is_own(case, ip)
    }
    allowed = {ip for ip, _ in own} | {
        exit_ for exit_ in own.values() if exit_ is not None and _is_own(case, exit_)
    }
    files = _make(judged_run, case)
    assert {format_ for format_, _ in files} == {*FEEDS, Format.CSV, None}
    for format_ in {*FEEDS, Format.CSV, None}:
        data = b"\n".join(part for of, parts in files if of is format_ for part in parts)
        named = {parse_ip(text.decode()) for text in IPV4.findall(data)}
        marks = {int(text) for text in MARK.findall(data)}
        if format_ is None:  # the manifest: counts
            assert not named | marks
            continue
        assert named == allowed, format_
        assert marks == {ip for ip, _ in own}, format_


@given(cases)
@settings(
    max_examples=10,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_opted_out_are_a_count(judged_run: JudgedRun, case: Case) -> None:
    """How many addresses of the plan in the jurisdiction opted out, by a sum over all of them."""
    files = _make(judged_run, case)
    (manifest,) = (parts[0] for format_, parts in files if format_ is None)
    said = json.loads(manifest)
    inside = [ip for ip in _every() if _claims(case.jurisdiction, ip)]
    out = [ip for ip in inside if any(ip in part for part in case.optouts)]
    assert said["addresses_opted_out"] == len(out)
    assert said["addresses_tested"] == len(inside) - len(out)


@given(cases)
@settings(
    max_examples=6,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_pages_name_no_host_and_no_foreign_network(judged_run: JudgedRun, case: Case) -> None:
    """Report and public summary as a person makes them: counts, and networks of its own alone.

    Of the PDFs all is searched: text, alternative texts, outline, metadata, whatever is packed.
    """
    _make(judged_run, case)  # the tables
    agency = judged_run.settings.agencies / "xx-prueba.toml"
    agency.write_text(_toml(case.jurisdiction), encoding="utf-8")
    judged_run.optouts.unlink()
    init_log(judged_run.optouts)
    for part in case.optouts:
        add(judged_run.optouts, (part,), "owner", "by phone", BEGUN, BEGUN)
    report = make_report(judged_run.settings, "xx-prueba", "2026-W48", language="en", now=NOW)
    own = {asn for ip in _every() if _is_own(case, ip) and (asn := _place(ip)[1]) is not None}
    assert [path.suffix for path in report.for_people] == [".html", ".pdf"] * 2
    for path in report.for_people:
        for data in _unpacked(path):
            assert not IPV4.findall(data)
            assert not MARK.findall(data)
            assert {int(text) for text in re.findall(rb"AS(\d{5})(?!\d)", data)} <= own
    assert report.tested == sum(_is_own(case, ip) for ip in _every())


def _every() -> list[int]:
    return [block + offset for block in BLOCKS for offset in range(256)]


def _toml(jurisdiction: Jurisdiction) -> str:
    """The jurisdiction as a person writes it; one that claims nothing claims a far country."""

    def cidrs(parts: tuple[Range, ...]) -> list[str]:
        return [
            str(network)
            for part in parts
            for network in ipaddress.summarize_address_range(
                ipaddress.IPv4Address(part.start), ipaddress.IPv4Address(part.end)
            )
        ]

    countries = sorted(jurisdiction.countries) or ["AR"]
    return (
        'id = "xx-prueba"\nname = "Agency"\ncountry = "ES"\nlanguages = ["en"]\n'
        'contact = "desk@xx-prueba.example"\npage = "https://xx-prueba.example/op"\n'
        'tlp = "TLP:AMBER"\nformats = ["html", "pdf"]\naudiences = ["public", "technical"]\n\n'
        f"[jurisdiction]\ncountries = {json.dumps(countries)}\n"
        f"networks = {sorted(jurisdiction.networks)}\n"
        f"cidrs = {json.dumps(cidrs(jurisdiction.ranges))}\n"
        f"exclude = {json.dumps(cidrs(jurisdiction.excluded))}\n"
    )


def _claims(jurisdiction: Jurisdiction, ip: int) -> bool:
    country, asn = _place(ip)
    return jurisdiction.closeness(ip, country or "", asn) > 0


def _is_own(case: Case, ip: int) -> bool:
    return _claims(case.jurisdiction, ip) and not any(ip in part for part in case.optouts)


def _place(ip: int) -> tuple[str | None, int | None]:
    """As the registries of the made run have it."""
    block = ip & 0xFFFFFF00
    if block == BLOCKS[0]:
        return "ES", 64500 if ip - block < 128 else 64501
    return ("MX", 64501) if block == BLOCKS[1] else (None, None)


def _make(judged_run: JudgedRun, case: Case) -> list[tuple[Format | None, list[bytes]]]:
    """The files of the case's agency, each unpacked; None is the manifest."""
    layout, plan = judged_run.layout, judged_run.plan
    run = layout.run(plan.campaign, plan.run)
    known = run.hosts.with_name("known.parquet")
    if not known.exists():  # the snapshots' ids of the made run
        pq.write_table(pq.read_table(run.hosts).slice(0, 1), known)
    ids = pq.read_table(known).to_pylist()[0]
    rows = [_finding(one, ids) for one in case.findings]
    pq.write_table(pa.Table.from_pylist(rows, schema=FINDINGS), run.findings)
    hosts = {row["ip"]: _host(row) for row in rows}
    write_hosts(run, pa.Table.from_pylist([*hosts.values()] or [_host(ids)], schema=HOSTS))
    agency = Agency(
        id="xx-prueba",
        name="Agencia",
        country="ES",
        languages=("es",),
        jurisdiction=case.jurisdiction,
        contact="desk@xx-prueba.example",
        page="https://xx-prueba.example",
        tlp="TLP:AMBER",
        audiences=(Audience.TECHNICAL,),
        formats=(Format.CSV, *FEEDS),
    )
    with view(layout, plan, case.jurisdiction, RangeSet.of(case.optouts)) as seen:
        servers, tested, opted_out = seen.servers(), seen.tested.size, seen.opted_out
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        of = about(agency, plan, (), NOW)
        hosts_file = folder / hosts_name(agency, plan.run)
        hosts_file.write_text(render_hosts(servers), encoding="utf-8", newline="")
        written = [Written(hosts_file, Format.CSV, len(servers))]
        write_feeds(folder, of, servers, written, tested=tested, opted_out=opted_out)
        entries = read_manifest(folder)
        assert {path.name for path in folder.iterdir()} == {NAME, *(one.name for one in entries)}
        return [
            *((one.format, list(_unpacked(folder / one.name))) for one in entries),
            (None, [(folder / NAME).read_bytes()]),
        ]


def _unpacked(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed in them."""
    data = path.read_bytes()
    if path.suffix != ".parquet":  # there a text's length is a byte beside it, maybe a digit
        yield data
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            yield from map(book.read, book.namelist())
    if path.suffix == ".pdf":
        yield from _pdf(data)
    if path.suffix == ".parquet":
        table = pq.read_table(io.BytesIO(data))
        yield repr(table.to_pylist()).encode()
        yield repr(table.schema.metadata).encode()
        yield repr(pq.read_metadata(io.BytesIO(data)).to_dict()).encode()
    if "-xarf-" in path.name:
        for line in data.splitlines():
            for part in json.loads(line).get("evidence", ()):
                yield base64.b64decode(part["payload"])


def _pdf(data: bytes) -> Iterator[bytes]:
    """What a reader sees, hears and can copy, and every stream of a PDF."""
    for body in (data, *_streams(data)):
        # a text may be UTF-16: as ASCII it is what is left without the zeros; or hexadecimal
        yield body.replace(b"\0", b"")
        for text in re.findall(rb"<((?:[0-9A-Fa-f]{2})+)>", body):
            yield bytes.fromhex(text.decode()).replace(b"\0", b"")
    pdf = pypdfium2.PdfDocument(data)
    try:
        yield repr(pdf.get_metadata_dict()).encode()
        yield repr([mark.get_title() for mark in pdf.get_toc()]).encode()
        for page in pdf:
            text = page.get_textpage().get_text_bounded()
            yield text.encode()
            yield "".join(text.splitlines()).encode()
    finally:
        pdf.close()


def _streams(data: bytes) -> Iterator[bytes]:
    for body in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(body)


def _finding(one: tuple[int, Probe, bool, int | None], ids: dict[str, object]) -> dict[str, object]:
    ip, probe, is_open, exit_ = one
    country, asn = _place(ip)
    mark = f"mark{ip}of"
    return {
        "campaign": "trial",
        "run": "2026-W48",
        "ip": ip,
        "port": 25 if probe.is_relay else 1080,
        "probe": probe.value,
        "verdict": "open" if is_open else "suspected",
        "rung": 6 if is_open else 4,
        "rule": "test.rule",
        "exit_ip": None if exit_ is None else bytes(10) + b"\xff\xff" + exit_.to_bytes(4),
        "first_seen": BEGUN,
        "last_seen": BEGUN + timedelta(minutes=1),
        "variant": "V1",
        "code": 250,
        "reply": f"250 {mark}\r\n".encode(),
        "banner": f"220 {mark} {format_ip(ip)}\r\n".encode(),
        "software": "postfix",
        "software_version": mark,
        "host": f"{mark}.example",
        "country": country,
        "asn": asn,
        "network": None if asn is None else f"AS{asn}",
        "country_snapshot": ids["country_snapshot"],
        "network_snapshot": ids["network_snapshot"],
    }


def _host(row: dict[str, object]) -> dict[str, object]:
    """A host of a finding; which kind it is plays no part here."""
    names = ("campaign", "run", "ip", "country", "asn", "network", "country_snapshot")
    return {name: row[name] for name in (*names, "network_snapshot", "rung", "verdict")}


def test_search_finds_what_is_there() -> None:
    """The patterns of the search, on what they must not miss."""
    text = b'{"ip":"192.0.2.7"} 198.51.100.255, mark3221225991of.example'
    assert IPV4.findall(text) == [b"192.0.2.7", b"198.51.100.255"]
    assert MARK.findall(text) == [b"3221225991"]
    assert format_ip(3221225991) == "192.0.2.7"


@pytest.mark.parametrize("place", ["network", "title", "alt"])
def test_search_finds_what_is_in_a_pdf(tmp_path: Path, place: str) -> None:
    """In its text, its metadata, and what is only read aloud; packed, and in whatever coding."""
    document = compose(speak("ar"), make_figures())
    told = "الخادم 192.0.2.7 mark3221225991of AS64511"
    if place == "title":
        document = replace(document, title=told)
    elif place == "network":
        document = replace(document, headline=told)
    else:
        document = replace(document, sections=(Section("x", "x", "", (Picture(SVG, told),)),))
    path = tmp_path / "report.pdf"
    path.write_bytes(render_pdf(document))
    found = [part for part in _unpacked(path) if MARK.search(part)]
    assert any(IPV4.findall(part) == [b"192.0.2.7"] for part in found)
    assert any(b"AS64511" in part for part in found)
