"""What a researcher sees, what only an agency sees, and what nobody sees."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from made_data import CAMPAIGN, MORNING, RUN, MadeData, arrived, seen

import survey
from survey.analysis.notebook import Survey
from survey.canary.record import mapped
from survey.errors import ConfigError, GateClosedError, StorageError
from survey.flows.judge import judge
from survey.model.address import Range, parse_ip
from survey.model.agency import Jurisdiction
from survey.model.arrival import ArrivalKind
from survey.model.observation import Step
from survey.model.probe import Probe

REFUSED = {"step": Step.SPOKE, "refused_at": "RCPT", "code": 554, "reply": b"554 no"}
SCANNED = (
    seen("192.0.2.1", step=Step.SENT, token="relay"),
    seen("192.0.2.1", Probe.SOCKS5, "echo", step=Step.ECHOED, token="proxy", nonce="n"),
    seen("192.0.2.2", **REFUSED),
    seen("192.0.2.200", step=Step.SENT, token="sink"),
    seen("198.51.100.1", step=Step.CONNECTED),
    seen("198.51.100.250", Probe.SOCKS5, "echo", step=Step.ECHOED, token="gap", nonce="g"),
)
HEARD = (
    arrived(ArrivalKind.MESSAGE, "relay"),
    arrived(ArrivalKind.TUNNEL, "proxy", nonce="n", peer=mapped("2001:db8::1")),
    arrived(ArrivalKind.TUNNEL, "gap", nonce="g"),
)


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """A judged run."""
    data = MadeData(tmp_path)
    data.scan(SCANNED)
    data.arrive(HEARD)
    judge(data.settings, CAMPAIGN, RUN)
    return data


@pytest.fixture
def opened(made: MadeData) -> Iterator[Survey]:
    """That run, opened as a notebook does."""
    with survey.open(made.layout.root) as notebook:
        yield notebook


def by_key(relation: duckdb.DuckDBPyRelation) -> dict:
    """Rows as dicts under their first column."""
    rows = relation.to_arrow_table().to_pylist()
    return {next(iter(row.values())): row for row in rows}


def test_exposure_by_country_has_hosts_denominators_and_rates(opened: Survey) -> None:
    """Hosts are distinct addresses; a gap has no country; nothing is lost."""
    rows = by_key(opened.exposure(by="country"))
    spain = rows["ES"]

    assert (spain["open"], spain["suspected"], spain["closed"], spain["unknown"]) == (1, 0, 1, 1)
    assert (spain["answering"], spain["addresses"]) == (3, 128 + 192)
    assert spain["per_100k_answering"] == pytest.approx(100_000 / 3)
    assert spain["per_million_addresses"] == pytest.approx(1_000_000 / 320)
    # Wilson's interval of 1 in 3, from the published formula
    assert spain["per_100k_low"] == pytest.approx(6149.19, rel=1e-4)
    assert spain["per_100k_high"] == pytest.approx(79234.4, rel=1e-4)
    assert (rows["MX"]["suspected"], rows["MX"]["addresses"]) == (1, 128)
    assert (rows["MX"]["per_100k_low"], rows["MX"]["open"]) == (0, 0)
    assert (rows[None]["open"], rows[None]["addresses"]) == (1, 64)
    assert rows[None]["per_100k_high"] == 100_000
    assert sum(row["addresses"] for row in rows.values()) == 512


def test_exposure_by_network_joins_the_parts_of_a_network(opened: Survey) -> None:
    """A network is its number, whatever ranges it has; most open hosts first."""
    rows = by_key(opened.exposure(by="network"))

    assert list(rows) == [64496, None, 64497]
    assert rows[64496]["network"] == "EXAMPLE-BROADBAND"
    assert (rows[64496]["open"], rows[64496]["addresses"]) == (1, 256 + 64)
    assert (rows[64497]["unknown"], rows[64497]["addresses"]) == (1, 64)
    assert rows[64497]["per_100k_answering"] == 0
    assert sum(row["addresses"] for row in rows.values()) == 512


def test_exposure_of_one_kind_counts_only_that_kind(opened: Survey) -> None:
    """A host with both is one host in each."""
    relays = by_key(opened.exposure(kind="relay"))
    proxies = by_key(opened.exposure(kind="proxy"))

    assert (relays["ES"]["open"], relays["ES"]["answering"]) == (1, 3)
    assert (proxies["ES"]["open"], proxies["ES"]["answering"]) == (1, 1)
    assert relays[None]["answering"] == 0


def test_exposure_of_a_jurisdiction_holds_nothing_else(opened: Survey) -> None:
    """Law 8: hosts and denominators of its countries, networks and ranges, less what is not its."""
    parts = Jurisdiction(
        countries=frozenset({"MX"}),
        networks=frozenset({64497}),
        ranges=(Range(parse_ip("192.0.2.1"), parse_ip("192.0.2.2")),),
        excluded=(Range(parse_ip("192.0.2.2"), parse_ip("192.0.2.2")),),
    )
    rows = by_key(opened.exposure(by="country", jurisdiction=parts))

    assert {key: (row["answering"], row["addresses"]) for key, row in rows.items()} == {
        "ES": (2, 1 + 64),
        "MX": (1, 128),
    }


def test_unknown_choice_names_the_choices(opened: Survey) -> None:
    """One line for a wrong word."""
    with pytest.raises(ConfigError, match="country, network"):
        opened.exposure(by="continent")
    with pytest.raises(ConfigError, match="any, relay, proxy"):
        opened.exposure(kind="telnet")
    with pytest.raises(ConfigError, match="no judged run of nobody"):
        opened.exposure(campaign="nobody")


def test_findings_name_addresses_as_text_and_leave_an_audit_line(
    opened: Survey, made: MadeData
) -> None:
    """The most certain first; whoever looks is written down."""
    rows = opened.findings(CAMPAIGN, run=RUN).to_arrow_table().to_pylist()
    lines = [json.loads(line) for line in made.layout.audit.read_text().splitlines()]

    assert [(row["address"], row["verdict"]) for row in rows][:2] == [
        ("192.0.2.1", "open"),
        ("192.0.2.1", "open"),
    ]
    assert len(rows) == 6
    assert [(line["what"], line["filter"]) for line in lines] == [
        ("findings", f"campaign={CAMPAIGN} run={RUN}")
    ]


def test_macros_turn_numbers_and_bytes_into_text(opened: Survey) -> None:
    """Text at the edge; hostile bytes stay visible and harmless."""
    (row,) = opened.sql(
        "SELECT ip_text(3221225985), ip_number('192.0.2.1'), bytes_text('\\x1B[2J'::BLOB)"
    ).fetchall()
    exits = opened.sql("SELECT peer_text(exit_ip) FROM findings WHERE exit_ip IS NOT NULL")

    assert row == ("192.0.2.1", 3221225985, "\\x1B[2J")
    assert set(exits.fetchall()) == {
        ("192.0.2.9",),
        ("2001:0db8:0000:0000:0000:0000:0000:0001",),
    }


def test_every_tier_is_a_view(opened: Survey) -> None:
    """From receipts to registries, each with its rows."""
    counts = {
        name: opened.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0]  # noqa: S608 - our names
        for name in (
            "runs",
            "findings",
            "hosts",
            "observations",
            "receipts",
            "arrivals",
            "countries",
            "networks",
        )
    }

    assert counts == {
        "runs": 1,
        "findings": 6,
        "hosts": 5,
        "observations": 6,
        "receipts": 2,
        "arrivals": 3,
        "countries": 3,
        "networks": 3,
    }


def test_coverage_adds_up(opened: Survey) -> None:
    """The sums of the receipts, beside what was planned."""
    (row,) = opened.coverage().to_arrow_table().to_pylist()

    assert (row["shards"], row["committed"]) == (2, 2)
    assert row["planned"] == row["sent"] + row["excluded"] + row["opted_out"] == row["targets"]
    assert row["sent"] == row["accepted"] + row["refused"] + row["silent"] + row["unreachable"]
    assert (row["rechecked"], row["reopened"], row["missed"]) == (2, 2, 2)
    assert row["miss_rate"] == 1.0
    assert 0.3 < row["miss_low"] < row["miss_high"] == 1.0


def test_address_that_opted_out_since_is_nowhere(made: MadeData) -> None:
    """No view shows it, and it leaves the denominators, although nothing was judged again."""
    made.opt_out("192.0.2.1")
    with survey.open(made.layout.root) as opened:
        spain = by_key(opened.exposure())["ES"]
        for view in ("findings", "hosts", "observations"):
            shown = opened.sql(f"SELECT DISTINCT ip FROM {view}").fetchall()  # noqa: S608 - our names
            assert len(shown) == 4
            assert (parse_ip("192.0.2.1"),) not in shown

        assert (spain["open"], spain["addresses"]) == (0, 319)


def test_without_the_optout_log_nothing_opens(made: MadeData) -> None:
    """A copy of the data needs a copy of the log."""
    elsewhere = made.optouts.rename(made.optouts.with_name("copy.log"))
    with pytest.raises(GateClosedError):
        survey.open(made.layout.root)

    survey.open(made.layout.root, optouts=elsewhere).close()


def test_optout_log_that_shrank_opens_nothing(made: MadeData) -> None:
    """An old copy would show who has opted out since."""
    old = made.optouts.read_bytes()
    made.opt_out("192.0.2.1")
    judge(made.settings, CAMPAIGN, RUN)
    made.optouts.write_bytes(old)

    with pytest.raises(GateClosedError, match="fewer entries"):
        survey.open(made.layout.root)


def test_newest_judged_run_is_the_default(made: MadeData) -> None:
    """A newer run without findings does not hide it; one with findings does."""
    made.scan(SCANNED[2:3], "2026-W49", MORNING + timedelta(days=7))
    with survey.open(made.layout.root) as opened:
        assert by_key(opened.exposure())["ES"]["open"] == 1
    judge(made.settings, CAMPAIGN, "2026-W49")
    with survey.open(made.layout.root) as opened:
        assert by_key(opened.exposure())["ES"]["open"] == 0
        assert by_key(opened.exposure(run=RUN))["ES"]["open"] == 1
        assert [row[1] for row in opened.runs().fetchall()] == ["2026-W49", RUN]


@pytest.mark.parametrize(
    "question",
    [
        "DELETE FROM runs",
        "COPY findings TO 'out.csv'",
        "CREATE TABLE x AS SELECT 1",
        "SET threads = 1",
        "ATTACH 'x.db'",
        "SELECT 1; SELECT 2",
        "SELEC",
        "",
    ],
)
def test_only_one_statement_that_reads_is_answered(opened: Survey, question: str) -> None:
    """Whatever writes, sets or attaches is refused before DuckDB runs it."""
    with pytest.raises(ConfigError, match=r"^query: "):
        opened.sql(question)


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '/etc/hostname'",
    ],
)
def test_no_other_file_can_be_read(opened: Survey, question: str) -> None:
    """Only the files behind the views are open to a query."""
    with pytest.raises(ConfigError, match=r"^query: "):
        opened.table(question, rows=1, seconds=60)


def test_table_has_limits(opened: Survey) -> None:
    """Rows are cut off, and a question that takes too long is broken off."""
    assert opened.table("SELECT * FROM countries", rows=2, seconds=60).num_rows == 2
    with pytest.raises(ConfigError, match=r"takes longer than 0\.1 s"):
        opened.table(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range",
            rows=1,
            seconds=0.1,
        )


def test_missing_data_directory_is_an_error(tmp_path: Path) -> None:
    """One line, and nothing is made."""
    with pytest.raises(StorageError, match="no such data directory"):
        survey.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_importing_the_package_imports_no_analysis() -> None:
    """Workers never load DuckDB for it (law of the house)."""
    import subprocess  # noqa: PLC0415 - only here
    import sys  # noqa: PLC0415 - only here

    script = (
        "import sys, survey; sys.exit('duckdb' in sys.modules or 'survey.analysis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
