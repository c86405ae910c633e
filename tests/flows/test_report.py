"""A report holds its agency's jurisdiction, all of it, and never another row."""

import csv
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from judged_run import JudgedRun, make_judged_run, write_hosts

from survey.errors import ConfigError, GateClosedError, StorageError
from survey.flows.report import ReportFiles, make_report
from survey.model.address import Range, parse_ip
from survey.storage.schemas import FINDINGS, HOSTS
from survey.targets.optouts import add

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)


@pytest.fixture
def judged_run(tmp_path: Path) -> JudgedRun:
    """A run with something open in two countries, two networks and a gap."""
    return make_judged_run(tmp_path)


def _listed(report: ReportFiles) -> list[tuple[str, str, str]]:
    with report.hosts.open(encoding="utf-8", newline="") as file:
        return [(row["ip"], row["port"], row["probe"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("agency", "expected"),
    [
        (
            "es-prueba",
            [
                ("192.0.2.7", "25", "smtp_relay"),
                ("192.0.2.9", "1080", "socks5"),
                ("192.0.2.9", "1081", "socks5"),
                ("192.0.2.200", "25", "smtp_relay"),
                ("192.0.2.200", "1080", "socks5"),
            ],
        ),
        ("mx-prueba", [("198.51.100.7", "1080", "socks5")]),
        ("xx-gap", [("203.0.113.5", "25", "smtp_relay")]),
        (
            "xx-net",
            [
                ("192.0.2.200", "25", "smtp_relay"),
                ("192.0.2.200", "1080", "socks5"),
                ("198.51.100.7", "1080", "socks5"),
            ],
        ),
    ],
)
def test_list_holds_the_jurisdiction_and_nothing_else(
    judged_run: JudgedRun, agency: str, expected: list[tuple[str, str, str]]
) -> None:
    """By country, by network, by range: every open finding of it, no other, no suspicion."""
    report = make_report(judged_run.settings, agency, "2026-W48", now=NOW)
    assert _listed(report) == expected


@pytest.mark.parametrize("agency", ["es-prueba", "mx-prueba", "xx-gap", "xx-net"])
def test_page_names_no_address_and_no_foreign_network(judged_run: JudgedRun, agency: str) -> None:
    """The page is counts; AS64500 is in one agency's jurisdiction only."""
    report = make_report(judged_run.settings, agency, "2026-W48", now=NOW)
    page = report.page.read_text(encoding="utf-8")
    for block in ("192.0.2.", "198.51.100.", "203.0.113."):
        assert block not in page
    assert ("AS64500" in page) == (agency == "es-prueba")


def test_servers_are_counted_once_and_denominators_are_the_jurisdictions(
    judged_run: JudgedRun,
) -> None:
    """Three servers in ES (one is both), one suspected; 256 addresses of the plan, 128 each."""
    report = make_report(judged_run.settings, "es-prueba", "2026-W48", language="en", now=NOW)
    assert (report.open, report.suspected, report.tested) == (3, 1, 256)
    page = report.page.read_text(encoding="utf-8")
    assert "Spain: 3 servers are open to strangers" in page
    assert '<dt>open mail relays</dt><dd class="figure">2</dd>' in page
    assert "11.72 per 1,000 addresses tested" in page


def test_exclusion_of_an_agency_is_never_its(judged_run: JudgedRun) -> None:
    """The suspected address is excluded from xx-net: not counted, not tested."""
    report = make_report(judged_run.settings, "xx-net", "2026-W48", now=NOW)
    assert (report.open, report.suspected, report.tested) == (2, 0, 128 + 256 - 1)


def test_opt_out_since_the_judgement_is_in_no_report(judged_run: JudgedRun) -> None:
    """Who opted out a minute ago is not handed to anybody."""
    ip = parse_ip("192.0.2.7")
    add(judged_run.optouts, (Range(ip, ip),), "owner", "by phone", NOW, NOW)
    report = make_report(judged_run.settings, "es-prueba", "2026-W48", now=NOW)
    assert "192.0.2.7" not in {ip for ip, _, _ in _listed(report)}
    assert (report.open, report.tested) == (2, 255)


def test_missing_opt_out_log_stops_the_report(judged_run: JudgedRun) -> None:
    """Without it nobody knows who must be left out."""
    judged_run.optouts.unlink()
    with pytest.raises(GateClosedError):
        make_report(judged_run.settings, "es-prueba", "2026-W48", now=NOW)
    assert not judged_run.layout.report("es-prueba", "2026-W48").exists()


def test_files_are_private_and_the_export_is_audited(judged_run: JudgedRun) -> None:
    """0600 in 0700; one line says who, when, which agency and run, and names no address."""
    report = make_report(judged_run.settings, "es-prueba", "2026-W48", now=NOW)
    for path in (report.page, report.hosts):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    line = json.loads(judged_run.layout.audit.read_text(encoding="utf-8"))
    assert line["what"] == "report"
    assert line["filter"] == "agency=es-prueba campaign=trial run=2026-W48"
    assert line["at"].startswith("2026-11-26T08:30:00")


def test_page_is_in_the_agencys_language(judged_run: JudgedRun) -> None:
    """Spanish for Spanish readers; English where we have not written theirs; the option wins."""

    def language(agency: str, wish: str | None = None) -> str:
        return make_report(judged_run.settings, agency, "2026-W48", language=wish).language

    assert language("es-prueba") == "es"
    assert language("xx-net") == "en"
    assert language("xx-net", "ja") == "ja"
    assert language("xx-net", "nl") == "en"
    assert language("es-prueba", "en") == "en"


def test_coverage_and_sources_are_told(judged_run: JudgedRun) -> None:
    """Counts come from the receipts, an unfinished run says so, the snapshots are named."""
    report = make_report(judged_run.settings, "es-prueba", "2026-W48", language="en", now=NOW)
    page = report.page.read_text(encoding="utf-8")
    assert "1 of 2 parts are done" in page
    for fact in ("1,152", "1,147", "for tests", "lab-countries", "country-2026-11-20-"):
        assert fact in page, fact
    assert "Cierzo &lt;b&gt;Hosting&lt;/b&gt;" in page


def test_report_made_again_is_replaced(judged_run: JudgedRun) -> None:
    """The same files, whole: page, list, manifest."""
    first = make_report(judged_run.settings, "es-prueba", "2026-W48", now=NOW)
    second = make_report(judged_run.settings, "es-prueba", "2026-W48", now=NOW)
    assert first == second
    assert sorted(path.name for path in first.page.parent.iterdir()) == sorted(
        [first.page.name, first.hosts.name, "manifest.json"]
    )


def test_run_with_no_finding_gives_a_report(judged_run: JudgedRun) -> None:
    """Nothing answered anywhere: the registries in force tell what was tested."""
    run = judged_run.layout.run("trial", "2026-W48")
    pq.write_table(FINDINGS.empty_table(), run.findings)
    write_hosts(run, HOSTS.empty_table())
    report = make_report(judged_run.settings, "es-prueba", "2026-W48", language="en", now=NOW)
    assert (report.open, report.tested) == (0, 256)
    assert _listed(report) == []
    assert "Spain: no open server was found" in report.page.read_text("utf-8")


def test_run_that_is_not_judged_is_refused(judged_run: JudgedRun) -> None:
    """A page without verdicts would look like good news."""
    judged_run.layout.run("trial", "2026-W48").findings.unlink()
    with pytest.raises(StorageError, match="judge the run first"):
        make_report(judged_run.settings, "es-prueba", "2026-W48")


def test_country_without_a_registry_is_refused(judged_run: JudgedRun) -> None:
    """No country snapshot: a report by country would be empty for the wrong reason."""
    run = judged_run.layout.run("trial", "2026-W48")
    rows = [row | {"country_snapshot": None} for row in pq.read_table(run.hosts).to_pylist()]
    write_hosts(run, pa.Table.from_pylist(rows, schema=HOSTS))
    with pytest.raises(ConfigError, match="without a country snapshot"):
        make_report(judged_run.settings, "es-prueba", "2026-W48")


def test_wrong_names_are_refused_with_those_known(judged_run: JudgedRun) -> None:
    """One line each: which agencies, which runs there are."""
    with pytest.raises(ConfigError, match="agencies there: es-prueba, mx-prueba, xx-gap, xx-net"):
        make_report(judged_run.settings, "es-otra", "2026-W48")
    with pytest.raises(ConfigError, match="runs there: trial/2026-W48"):
        make_report(judged_run.settings, "es-prueba", "last-one")
    with pytest.raises(ConfigError, match="no judged run ended in 2026-W50"):
        make_report(judged_run.settings, "es-prueba", "2026-W50")
    nowhere = replace(judged_run.settings, agencies=Path("nowhere"))
    with pytest.raises(ConfigError):
        make_report(nowhere, "es-prueba", "2026-W48")
