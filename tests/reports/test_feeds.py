"""Every form of the list holds the same rows, and each is what its readers' own tools take."""

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pymisp
import pytest
import stix2
import xarf
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from made_feed import FEEDS, PAGE, made_about, made_rows, made_server
from referencing import Registry, Resource

from survey.model.delivery import Format
from survey.model.exposure import Known
from survey.model.probe import Probe
from survey.reports.feeds import shadowserver
from survey.reports.feeds.about import SCHEMA_VERSION, About
from survey.reports.feeds.files import FEEDS as MAKERS
from survey.reports.feeds.files import FeedFile, feed_files
from survey.reports.feeds.manifest import NAME, entry, manifest_text, read_file, read_manifest
from survey.reports.feeds.row import Report, Row, make_rows
from survey.reports.feeds.table import COLUMNS

ROOT = Path(__file__).parents[2]
TLP = ["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"]
Key = tuple[str, str, int, str, str, str]


@pytest.fixture(scope="module")
def about() -> About:
    """A report with every feed."""
    return made_about()


@pytest.fixture(scope="module")
def rows() -> tuple[Row, ...]:
    """Two rows of every probe."""
    return made_rows()


def _one(about: About, rows: tuple[Row, ...], format_: Format) -> bytes:
    (file,) = (file for file in feed_files(about, rows) if file.format is format_)
    return file.data


def _tables(about: About, rows: tuple[Row, ...]) -> dict[str, list[dict[str, str]]]:
    return {
        file.name.split("-")[3]: list(csv.DictReader(io.StringIO(file.data.decode(), newline="")))
        for file in feed_files(about, rows)
        if file.format is Format.SHADOWSERVER
    }


def _xarf(about: About, rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _one(about, rows, Format.XARF).splitlines()]


def test_same_rows_in_every_form(about: About, rows: tuple[Row, ...]) -> None:
    """Id, address, port, severity and last time of each finding, read back from every file."""
    expected = {
        (str(row.id), row.ip, row.port, row.severity, row.probe, f"{row.last_seen:%H:%M:%S}")
        for row in rows
    }
    assert len(expected) == 16
    for format_ in FEEDS:
        assert _keys(format_, about, rows) == sorted(expected), format_


def _keys(format_: Format, about: About, rows: tuple[Row, ...]) -> list[Key]:
    match format_:
        case Format.SHADOWSERVER:
            found = [
                (
                    row["finding_id"],
                    row["ip"],
                    row["port"],
                    row["severity"],
                    row["probe"],
                    row["timestamp"],
                )
                for table in _tables(about, rows).values()
                for row in table
            ]
        case Format.INTELMQ:
            found = [
                (
                    one["extra.finding_id"],
                    one["source.ip"],
                    one["source.port"],
                    one["severity"],
                    one["extra.probe"],
                    one["time.source"],
                )
                for one in map(json.loads, _one(about, rows, format_).splitlines())
            ]
        case Format.XARF:
            found = [
                (
                    one["report_id"],
                    one["source_identifier"],
                    one["source_port"],
                    one["tags"][0][9:],
                    one["tags"][1][6:],
                    one["timestamp"],
                )
                for one in _xarf(about, rows)
            ]
        case Format.STIX:
            found = [
                (
                    one["id"].partition("--")[2],
                    *re.split("[ :]", one["name"])[1:3],
                    one["labels"][1][9:],
                    one["labels"][2][6:],
                    one["last_seen"],
                )
                for one in json.loads(_one(about, rows, format_))["objects"]
                if one["type"] == "infrastructure"
            ]
        case Format.MISP:
            found = []
            for one in json.loads(_one(about, rows, format_))["Event"]["Object"]:
                said = {part["object_relation"]: part["value"] for part in one["Attribute"]}
                more = dict(line.split(": ", 1) for line in said["text"].split("\n"))
                found.append(
                    (
                        one["uuid"],
                        said["ip"],
                        said["dst-port"],
                        more["severity"],
                        more["probe"],
                        said["last-seen"],
                    )
                )
        case Format.XLSX:
            found = [
                _table_key(dict(zip(_header(), line, strict=True)))
                for line in _sheet(_one(about, rows, format_))
            ]
        case Format.PARQUET:
            table = pq.read_table(io.BytesIO(_one(about, rows, format_)))
            found = [_table_key(one) for one in table.to_pylist()]
        case _:
            pytest.fail(f"{format_} has no reader here")
    return sorted(
        (str(id_), str(ip), int(port), str(severity), str(probe), _clock(str(last)))
        for id_, ip, port, severity, probe, last in found
    )


def _clock(text: str) -> str:
    found = re.search(r"\d\d:\d\d:\d\d", text)
    assert found
    return found[0]


def _header() -> list[str]:
    return [name for name, _ in COLUMNS]


def _table_key(one: dict[str, Any]) -> tuple[Any, ...]:
    names = ("finding_id", "ip", "port", "severity", "probe", "last_seen")
    return tuple(one[name] for name in names)


def _sheet(data: bytes) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    header, *lines = book["Open servers"].iter_rows(values_only=True)
    assert list(header) == _header()
    return lines


def test_names_and_columns_are_shadowservers(about: About, rows: tuple[Row, ...]) -> None:
    """Tools find the type in the name; its columns come first and in its order, ours behind."""
    names = [file.name for file in feed_files(about, rows) if file.format is Format.SHADOWSERVER]
    assert names[0] == "2026-11-24-scan_socks-es-prueba-2026-W48-TLP_AMBER.csv"
    for name, report in zip(names, Report, strict=True):
        intelmq = re.fullmatch(r"(?:\d{4}-\d{2}-\d{2}-)?(\w+)(-\w+)*\.csv", name)
        assert intelmq
        assert intelmq[1] == report.value
    assert shadowserver.columns(Report.SOCKS)[:14] == (
        *("timestamp", "severity", "ip", "protocol", "port", "hostname", "tag", "asn", "geo"),
        *("region", "city", "naics", "hostname_source", "sector"),
    )
    assert shadowserver.columns(Report.HTTP_PROXY)[14:25] == (
        *("http", "http_code", "http_reason", "content_type", "connection", "proxy_authenticate"),
        *("via", "server", "content_length", "transfer_encoding", "http_date"),
    )


def test_row_of_a_proxy_says_what_it_answered(about: About, rows: tuple[Row, ...]) -> None:
    """Status line and headers are columns; a stranger's cell is left as it is for a machine."""
    row = _tables(about, rows)["scan_http_proxy"][0]
    assert (row["http"], row["http_code"], row["http_reason"]) == ("HTTP/1.1", "200", "OK")
    assert row["server"] == "=cmd()|squid"
    assert row["timestamp"] == "2026-11-24 09:30:01"
    assert row["http_date"] == "Tue, 24 Nov 2026 06:12:09 GMT"
    assert (row["protocol"], row["tag"], row["port"]) == ("tcp", "http-connect", "1081")


@pytest.mark.parametrize("answer", [b"", b"\xff\xfe", b"HTTP/1.1 999\r\nDate: never\r\n\r\n"])
def test_forged_answer_is_no_trouble(about: About, answer: bytes) -> None:
    """What is no HTTP, or no date, is an empty cell, so that a parser does not stop at it."""
    server = made_server(1, banner=answer)
    (row,) = _tables(about, make_rows([server], "t", "r", PAGE))["scan_http_proxy"]
    assert row["http_date"] == row["content_length"] == ""


def test_severity_follows_what_was_proven(rows: tuple[Row, ...]) -> None:
    """A relay, or a proxy that reached a mail port, is high; another open proxy medium."""
    assert {row.severity for row in rows if row.report is Report.SMTP_RELAY} == {"high", "medium"}
    assert {(row.rung, row.severity) for row in rows} == {
        ("R5", "medium"),
        ("R6", "high"),
        ("R7", "medium"),
    }


def test_nothing_found_is_a_file_too(about: About) -> None:
    """A missing file could not be told from a lost one."""
    files = list(feed_files(about, ()))
    assert {file.format for file in files} == set(FEEDS)
    assert all(file.rows == 0 for file in files)
    for file in files:
        if file.format is Format.SHADOWSERVER:
            assert file.data.count(b"\n") == 1
    assert _sheet(_one(about, (), Format.XLSX)) == []


@pytest.mark.parametrize("tlp", TLP)
def test_xarf_reports_satisfy_the_schemas(tlp: str, rows: tuple[Row, ...]) -> None:
    """Core and type schema of the specification, formats included."""
    folder = Path(xarf.__file__).parent / "schemas"
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas if "$id" in schema
    )
    type_ = json.loads((folder / "types/vulnerability-open-service.json").read_text())
    validator = Draft202012Validator(
        type_, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    reports = _xarf(made_about(tlp), rows)
    assert len(reports) == 16
    for one in reports:
        validator.validate(one)
    with pytest.raises(Exception, match="service"):
        validator.validate({key: value for key, value in reports[0].items() if key != "service"})


@pytest.mark.parametrize("tlp", TLP)
def test_stix_is_parsed_by_the_library_of_its_makers(tlp: str, rows: tuple[Row, ...]) -> None:
    """Strictly: an unknown property or a reference to nothing is refused."""
    data = _one(made_about(tlp), rows, Format.STIX)
    bundle = stix2.parse(data.decode(), allow_custom=False)
    kinds = [one["type"] for one in bundle.objects]
    assert kinds.count("infrastructure") == kinds.count("observed-data") == 16
    ids = {one["id"] for one in bundle.objects}
    assert len(ids) == len(bundle.objects)
    named = r'"((?:ipv4-addr|network-traffic|identity|infrastructure)--[0-9a-f-]+)"'
    refs = set(re.findall(named, data.decode()))
    assert refs <= ids
    # the id of an observable is the one that everybody gives it
    address = next(one for one in bundle.objects if one["type"] == "ipv4-addr")
    assert address["id"] == stix2.IPv4Address(value=address["value"]).id
    traffic = next(one for one in json.loads(data)["objects"] if one["type"] == "network-traffic")
    made = stix2.NetworkTraffic(**{k: v for k, v in traffic.items() if k not in {"id", "type"}})
    assert traffic["id"] == made.id


def test_misp_event_is_loaded_by_its_library(about: About, rows: tuple[Row, ...]) -> None:
    """The objects fit the template that they name; nothing is to be blocked by itself."""
    event = pymisp.MISPEvent()
    event.load(_one(about, rows, Format.MISP))
    assert len(event.objects) == 16
    assert event.distribution == 0
    assert "tlp:amber" in {tag.name for tag in event.tags}
    template = Path(pymisp.__file__).parent / "data/misp-objects/objects/ip-port/definition.json"
    known = json.loads(template.read_text(encoding="utf-8"))
    for one in event.objects:
        assert (one.template_uuid, str(one.template_version)) == (
            known["uuid"],
            str(known["version"]),
        )
        for part in one.attributes:
            assert known["attributes"][part.object_relation]["misp-attribute"] == part.type
            assert not part.to_ids


@given(st.lists(st.tuples(st.sampled_from("=+-@\t\r\n{h"), st.text(max_size=40)), max_size=4))
@settings(max_examples=8)
def test_workbook_runs_nothing(strangers: list[tuple[str, str]]) -> None:
    """Whatever a network is called: a string cell, no formula, no link, and one line each."""
    servers = [made_server(i, network=lead + text) for i, (lead, text) in enumerate(strangers)]
    data = _one(made_about(), make_rows(servers, "t", "r", PAGE), Format.XLSX)
    assert len(_sheet(data)) == len(servers)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for name in book.namelist():
            assert b"<f>" not in book.read(name)
            assert b"<hyperlink" not in book.read(name)


def test_every_probe_has_a_report(rows: tuple[Row, ...]) -> None:
    """No finding is lost for want of a file."""
    assert {row.probe for row in rows} == {probe.value for probe in Probe}
    assert set(MAKERS) == set(FEEDS)


def test_made_again_is_the_same(about: About, rows: tuple[Row, ...]) -> None:
    """Same run, same moment: same bytes, so that hashes can be compared."""
    assert list(feed_files(about, rows)) == list(feed_files(about, rows))


def test_only_wanted_forms_are_made(rows: tuple[Row, ...]) -> None:
    """In the order of the agency's own list; page and PDF are made elsewhere."""
    about = made_about(formats=(Format.PARQUET, Format.HTML, Format.XARF))
    assert [file.format for file in feed_files(about, rows)] == [Format.PARQUET, Format.XARF]


def test_manifest_tells_a_changed_file(tmp_path: Path, about: About) -> None:
    """Hash, size, rows and kind of every file; one that was changed is refused."""
    files = list(feed_files(about, made_rows(3)))
    entries = [_entry(file) for file in files]
    for file in files:
        (tmp_path / file.name).write_bytes(file.data)
    text = manifest_text(about, entries, tested=256, opted_out=4)
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    assert read_manifest(tmp_path) == tuple(entries)
    assert all(read_file(tmp_path, one) for one in entries)
    said = json.loads(text)
    assert (said["addresses_opted_out"], said["schema"]) == (4, f"survey-feeds/{SCHEMA_VERSION}")
    assert "192.0.2." not in text
    (tmp_path / files[0].name).write_bytes(files[0].data + b"x")
    with pytest.raises(Exception, match="make the report again"):
        read_file(tmp_path, entries[0])
    (tmp_path / NAME).write_text(text.replace(files[0].name, "../" + files[0].name))
    with pytest.raises(Exception, match="no plain file name"):
        read_manifest(tmp_path)


def _entry(file: FeedFile) -> Any:
    return entry(file.name, file.format, file.rows, file.data)


def test_every_column_and_the_version_are_documented() -> None:
    """docs/feeds.md names each of our columns, and its history begins with the version in force."""
    guide = (ROOT / "docs/feeds.md").read_text(encoding="utf-8")
    for name in (*shadowserver.OURS, *_header()):
        assert f"`{name}`" in guide, name
    history = guide.partition("## History")[2]
    assert re.findall(r"^\| (\d+\.\d+) \|", history, re.MULTILINE)[0] == SCHEMA_VERSION


def test_schema_for_intelmq_has_all_that_we_add() -> None:
    """Our own two reports, every column of theirs."""
    path = ROOT / "survey/reports/feeds/intelmq_schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert set(schema) == {"scan_smtp_relay", "scan_telnet_proxy"}
    for name, one in schema.items():
        mapped = {field[1] for field in one["required_fields"] + one["optional_fields"]}
        assert mapped == set(shadowserver.columns(Report(name)))


def test_how_long_which_case_and_who_lists_it_is_in_our_own_columns() -> None:
    """The same in CSV, workbook, Parquet table and events; Shadowserver's columns stay its own."""
    since = datetime(2026, 11, 3, 9, 31, tzinfo=UTC)
    servers = [made_server(0), made_server(1)]
    known = {servers[0].key: Known(since, "OSYS-2026-000123", ("a.example", "b.example"))}
    rows = make_rows(servers, "t", "r", PAGE, known)
    about = made_about()
    tables = _tables(about, rows)
    (line,) = tables["scan_smtp_relay"]
    assert [*line][-4:] == ["open_since", "days_open", "case", "listings"]
    said = ("2026-11-03 09:31:00", "20", "OSYS-2026-000123", "a.example; b.example")
    assert tuple(line.values())[-4:] == said
    assert tuple(tables["scan_http_proxy"][0].values())[-4:] == ("", "", "", "")
    table = pq.read_table(io.BytesIO(_one(about, rows, Format.PARQUET)))
    assert [tuple(one.values())[-4:] for one in table.to_pylist()] == [
        (since, 20, *said[2:]),
        (None, None, None, None),
    ]
    sheet = _sheet(_one(about, rows, Format.XLSX))
    assert sheet[0][-4:] == (since.replace(tzinfo=None), 20, *said[2:])
    assert set(sheet[1][-4:]) == {None}
    first, second = map(json.loads, _one(about, rows, Format.INTELMQ).splitlines())
    names = ("open_since", "days_open", "case", "listings")
    assert [first[f"extra.{name}"] for name in names] == [said[0], 20, *said[2:]]
    assert not any(f"extra.{name}" in second for name in names)


def test_exit_elsewhere_is_told_without_its_address(about: About) -> None:
    """The operator must look for another exit, and the reader may not know whose."""
    server = replace(made_server(1), exit_ip=None, exit_elsewhere=True)
    rows = make_rows([server], "t", "r", PAGE)
    for file in feed_files(about, rows):
        assert b"192.0.2.200" not in file.data
    (row,) = _tables(about, rows)["scan_http_proxy"]
    assert (row["egress_ip"], row["egress_elsewhere"]) == ("", "1")
