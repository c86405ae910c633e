"""Every exposure question, against a small survey that was counted by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from made_data import CAMPAIGN, MadeData, arrived, seen

import survey
from survey.analysis.dictionary import COMPUTED, STORED, meanings
from survey.analysis.notebook import Survey
from survey.analysis.published import SCHEMA
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.flows.judge import judge
from survey.model.address import parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.exposure import By
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.storage.registries import SnapshotKind

# 198.51.100.0/25 is in Spain and registered in Mexico, the rest of that /24 is registered nowhere
REGISTRATIONS = """\
ripencc|ES|ipv4|192.0.2.0|256|20200101|assigned|h1
lacnic|MX|ipv4|198.51.100.0|128|20200101|assigned|h2
"""
ORGANISATIONS = """\
# format:org_id|changed|org_name|country|source
EX-1|20260101|Example Broadband|ES|RIPE
# format:aut|changed|aut_name|org_id|opaque_id|source
64496|20260101|EXAMPLE|EX-1||RIPE
"""
OCTOBER, SOON, LATE = (
    datetime(2026, *day, 9, tzinfo=UTC) for day in ((10, 26), (11, 16), (11, 23))
)
REFUSED = {"step": Step.SPOKE, "refused_at": "RCPT", "code": 554, "reply": b"554 5.7.1 no\r\n"}


def relay(ip: str, token: str) -> object:
    """An open relay, if its token arrives."""
    return seen(ip, step=Step.SENT, token=token)


def proxy(ip: str, token: str) -> object:
    """An open proxy, if its token arrives."""
    return seen(ip, Probe.SOCKS5, "echo", step=Step.ECHOED, token=token, nonce="n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeData:
    """Three runs: one in October, two in November, of which the last one counts."""
    folder = tmp_path_factory.mktemp("exposure")
    data = MadeData(folder)
    for kind, text in (
        (SnapshotKind.REGISTRATION, REGISTRATIONS),
        (SnapshotKind.ORGANISATION, ORGANISATIONS),
    ):
        path = folder / f"{kind}.txt"
        path.write_text(text)
        import_snapshot(data.layout, kind, path, retrieved_at=OCTOBER)
    closed = [seen(ip, **REFUSED) for ip in ("192.0.2.2", "192.0.2.200", "198.51.100.1")]
    data.scan([relay("192.0.2.1", "oct"), *closed], "2026-W44", OCTOBER)
    data.scan([seen("192.0.2.1", **REFUSED)], "2026-W47", SOON)
    data.scan(
        [
            relay("192.0.2.1", "a"),
            relay("192.0.2.2", "b"),
            seen("192.0.2.200", **REFUSED),
            proxy("198.51.100.1", "c"),
            proxy("198.51.100.250", "d"),
        ],
        "2026-W48",
        LATE,
    )
    data.arrive(
        [
            *(arrived(ArrivalKind.MESSAGE, token) for token in ("oct", "a", "b")),
            *(arrived(ArrivalKind.TUNNEL, token, nonce="n") for token in ("c", "d")),
        ]
    )
    for run in ("2026-W44", "2026-W47", "2026-W48"):
        judge(data.settings, CAMPAIGN, run)
    return data


@pytest.fixture(scope="module")
def opened(made: MadeData) -> Iterator[Survey]:
    """That survey, opened."""
    with survey.open(made.layout.root) as notebook:
        yield notebook


def rows(relation: object, *columns: str) -> dict[object, tuple[object, ...]]:
    """Some columns under the first one."""
    found = relation.to_arrow_table().to_pylist()  # type: ignore[attr-defined]
    return {row[columns[0]]: tuple(row[name] for name in columns[1:]) for row in found}


COUNTS = ("open", "answering", "addresses")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("country", {"ES": (3, 3, 320), "MX": (0, 1, 128), None: (1, 1, 64)}),
        ("registry_country", {"ES": (2, 3, 256), "MX": (1, 1, 128), None: (1, 1, 128)}),
        ("holder", {"ripencc:h1": (2, 3, 256), "lacnic:h2": (1, 1, 128), None: (1, 1, 128)}),
        ("organisation", {"Example Broadband": (2, 3, 320), None: (2, 2, 192)}),
        (
            "block",
            {parse_ip("192.0.2.0"): (2, 3, 256), parse_ip("198.51.100.0"): (2, 2, 256)},
        ),
        (
            "probe",
            {"smtp_relay": (2, 3, 512), "socks5": (2, 2, 512), "http_connect": (0, 0, 512)},
        ),
    ],
)
def test_hosts_and_addresses_by_each_key(
    opened: Survey, by: str, expected: dict[object, tuple[int, int, int]]
) -> None:
    """The newest run; a gap is a row without a name, and nothing is lost."""
    assert rows(opened.exposure(by=by), by, *COUNTS) == expected


def test_networks_are_cut_where_countries_are(opened: Survey) -> None:
    """A network in two countries is two rows; ranks are among the networks of a country."""
    found = opened.exposure(by="country_and_network").to_arrow_table().to_pylist()

    assert {
        (row["country"], row["asn"]): (row["open"], row["addresses"], row["rank"]) for row in found
    } == {
        ("ES", 64496): (2, 128 + 64, 1),
        ("ES", 64497): (1, 64, 2),
        ("MX", 64496): (0, 128, 1),
        ("ES", None): (0, 64, None),
        (None, None): (1, 64, None),
    }


def test_one_country_only(opened: Survey) -> None:
    """The same figures as the rows of that country, by another way."""
    found = rows(opened.exposure(by="network", country="es"), "asn", "open", "addresses", "rank")

    assert found == {64496: (2, 192, 1), 64497: (1, 64, 2), None: (0, 64, None)}


def test_a_host_answers_for_a_kind_on_the_ports_of_that_kind(opened: Survey) -> None:
    """The proxy of 198.51.100.1 is no mail server."""
    assert rows(opened.exposure(kind="relay"), "country", *COUNTS) == {
        "ES": (2, 2, 320),
        "MX": (0, 1, 128),
        None: (0, 0, 64),
    }


def test_people_and_conflicts_of_countries(opened: Survey) -> None:
    """The last year known by then; an open host in Spain that is registered in Mexico."""
    found = rows(opened.exposure(), "country", "people", "per_million_people", "open_in_conflict")

    assert found["ES"] == (48_848_840, pytest.approx(3 / 48.848840), 1)
    assert found[None] == (None, None, 0)


def test_ranks_are_shared_and_gaps_have_none(opened: Survey) -> None:
    """By open hosts, and by the lower end of the interval."""
    found = rows(opened.exposure(run="2026-W44"), "country", "open", "rank", "rate_rank")

    assert found == {"ES": (1, 1, 1), "MX": (0, 2, 2), None: (0, None, None)}


def test_the_last_run_of_a_month_stands_for_it(opened: Survey) -> None:
    """And the run before it for nothing but itself."""
    found = opened.sql("FROM periods").to_arrow_table().to_pylist()
    chosen = {(row["every"], row["period"]): (row["run"], row["runs"]) for row in found}
    before = {(row["every"], row["period"]): row["previous_period"] for row in found}

    assert chosen["month", "2026-10"] == ("2026-W44", 1)
    assert chosen["month", "2026-11"] == ("2026-W48", 2)
    assert before["month", "2026-11"] == "2026-10"
    assert before["week", "2026-W48"] == "2026-W47"
    assert before["week", "2026-W44"] is None


def test_changes_since_last_month(opened: Survey) -> None:
    """What got worse comes first; who has no row in one of the two periods counts as 0 there."""
    found = opened.changes(by="network", country="ES")
    spain = rows(
        found, "asn", "open_before", "open", "change", "rank_before", "rank", "rank_change"
    )

    assert list(spain)[-1] is None
    assert spain[64496] == (1, 2, 1, 1, 1, 0)
    assert spain[64497] == (0, 1, 1, 2, 2, 0)
    assert rows(opened.changes(), "country", "change")[None] == (1,)


def test_changes_of_rates_say_whether_chance_may_explain_them(opened: Survey) -> None:
    """1 in 3 to 3 in 3 hosts: the intervals overlap."""
    found = rows(opened.changes(), "country", "per_100k_before", "rate_change", "clear")

    assert found["ES"] == (pytest.approx(1e5 / 3), pytest.approx(2e5 / 3), False)


def test_changes_since_the_run_before(opened: Survey) -> None:
    """Another period, another comparison."""
    found = rows(opened.changes(every="run"), "country", "open_before", "open")

    assert found["ES"] == (0, 3)


def test_trend_has_each_period(opened: Survey) -> None:
    """Oldest first."""
    found = opened.trend(every="month").filter("country = 'ES'").to_arrow_table().to_pylist()

    assert [(row["period"], row["open"]) for row in found] == [("2026-10", 1), ("2026-11", 3)]


def test_a_period_without_another_before_it_is_one_line(opened: Survey) -> None:
    """With the periods that there are."""
    with pytest.raises(ConfigError, match="no judged month before 2026-10"):
        opened.changes(period="2026-10")
    with pytest.raises(ConfigError, match="one of 2026-11, 2026-10"):
        opened.changes(period="2026-12")


def test_the_same_answers_in_sql(opened: Survey) -> None:
    """Free questions read the same views, by name, without any preparation."""
    found = opened.sql(
        "SELECT network, change FROM changes_by_country_and_network "
        "WHERE every = 'month' AND period = '2026-11' AND kind = 'any' AND country = 'ES' "
        "ORDER BY change DESC, asn"
    ).fetchall()

    assert found == [("EXAMPLE-BROADBAND", 1), ("EXAMPLE-HOSTING", 1), (None, 0)]


def test_a_question_after_one_of_a_jurisdiction_sees_all_again(opened: Survey) -> None:
    """What one question narrows is wide again for the next."""
    opened.exposure(country="MX")
    question = "SELECT sum(open) FROM exposure_by_country WHERE run = '2026-W48' AND kind = 'any'"

    assert opened.sql(question).fetchall() == [(4,)]
    assert rows(opened.exposure(), "country", *COUNTS)["ES"] == (3, 3, 320)


def test_published_rows_hide_small_cells(opened: Survey) -> None:
    """All cells of this small survey are."""
    found = opened.exposure(public=True).to_arrow_table().to_pylist()

    assert [(row["country"], row["open"], row["total"]) for row in found] == [
        ("ES", None, False),
        ("MX", None, False),  # in the order of the alphabet, and not of what is left out
        (None, None, False),
        (None, None, True),
    ]


@pytest.mark.parametrize("table", [*STORED, *COMPUTED])
def test_every_column_of_every_table_has_a_meaning(
    opened: Survey, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is described that is not there."""
    monkeypatch.setattr(opened, "_empty", frozenset())  # empty tables have columns, too
    assert set(opened.sql(f"FROM {table} LIMIT 0").columns) == set(meanings(table))


def test_columns_and_tables_are_told_of(opened: Survey) -> None:
    """In the notebook, too."""
    found = dict(opened.columns("exposure_by_network").project('"column", meaning').fetchall())

    assert found["per_100k_low"] == "lower end of its 95 % interval (Wilson)"
    with pytest.raises(ConfigError, match="one of receipts"):
        opened.columns("nothing")
    assert {f"exposure_by_{by}" for by in By} <= {
        name for (name,) in opened.tables().project('"table"').fetchall()
    }


def test_answers_come_as_pandas_polars_and_arrow(opened: Survey) -> None:
    """One relation, three libraries."""
    answer = opened.exposure()

    assert answer.df()["open"].sum() == answer.pl()["open"].sum() == 4
    assert answer.to_arrow_table().num_rows == 3


def test_an_open_survey_says_where_to_go_on(opened: Survey) -> None:
    """For completion and for whoever just looks at it."""
    assert "3 runs, 3 judged" in repr(opened)
    public = [name for name in dir(opened) if not name.startswith("_")]
    assert all((getattr(Survey, name).__doc__ or "").strip() for name in public)


def test_published_weeks_hide_small_cells_and_are_documented(opened: Survey) -> None:
    """Every whole week, each with its total; all of this small survey is small."""
    table = opened.published().to_arrow_table()
    found = table.cast(SCHEMA).to_pylist()

    assert [row["period"] for row in found if row["total"]] == ["2026-W44", "2026-W47", "2026-W48"]
    assert all(row["suppressed"] for row in found if row["period"] == "2026-W48")
    assert {row["open"] for row in found if row["suppressed"]} == {None}
    assert all((field.metadata or {})[b"doc"] for field in SCHEMA)
