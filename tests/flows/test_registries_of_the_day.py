"""Each finding says where its address was on its own day, and by whose word."""

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from made_data import CAMPAIGN, MORNING, RUN, MadeData, arrived, seen

import survey
from survey.analysis.jurisdiction import view
from survey.cli.main import main
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError, StorageError
from survey.flows.judge import judge
from survey.model.address import parse_ip
from survey.model.agency import Jurisdiction
from survey.model.arrival import ArrivalKind
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.storage.registries import SnapshotKind, list_snapshots
from survey.targets.ranges import RangeSet

LATER = MORNING + timedelta(days=3)
MOVED = "192.0.2.7"
STAYED = "192.0.2.8"
SCANNED = (
    seen(STAYED, step=Step.SENT, token="stayed", code=250),
    seen(MOVED, step=Step.SENT, token="moved", code=250, started_at=LATER),
    seen("198.51.100.1", step=Step.SPOKE, refused_at="RCPT", code=554, reply=b"554 no"),
    seen("198.51.100.250", step=Step.CONNECTED, started_at=LATER),
)
HEARD = (arrived(ArrivalKind.MESSAGE, "stayed"), arrived(ArrivalKind.MESSAGE, "moved"))
DELEGATED = """\
ripencc|MX|ipv4|192.0.2.0|8|20100101|allocated|h1
ripencc|EU|ipv4|192.0.2.8|248|20100101|allocated|h2
ripencc|ES|ipv4|198.51.100.0|192|20100101|assigned|h1
ripencc||ipv4|198.51.100.192|64||available|
"""
AS2ORG = """\
# format:org_id|changed|org_name|country|source
O-1|20260101|Example Holdings|ES|RIPE
# format:aut|changed|aut_name|org_id|opaque_id|source
64496|20260101|EXAMPLE|O-1|h1_RIPE|RIPE
"""


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """A run over two days; on the second, one address is in another country and network."""
    data = MadeData(tmp_path)
    for kind, text, when in (
        ("country", "192.0.2.0,192.0.2.255,PT\n", LATER - timedelta(days=1)),
        ("network", "192.0.2.0\t24\t64499\n", LATER - timedelta(days=1)),
        ("registration", DELEGATED, MORNING - timedelta(days=9)),
        ("organisation", AS2ORG, MORNING - timedelta(days=9)),
        ("country", "192.0.2.0,192.0.2.255,FI\n", LATER + timedelta(days=30)),
    ):
        path = tmp_path / f"{kind}-{when:%d%m}.txt"
        path.write_text(text)
        import_snapshot(
            data.layout,
            SnapshotKind(kind),
            path,
            retrieved_at=when,
            licence="CC-BY-4.0",
            attribution=f"{kind} by Example" if kind == "registration" else "",
        )
    data.scan(SCANNED)
    data.arrive(HEARD)
    return data


def found(made: MadeData) -> dict[int, dict]:
    """The findings by address."""
    path = made.layout.run(CAMPAIGN, RUN).findings
    return {row["ip"]: row for row in pq.read_table(path).to_pylist()}


def ids(made: MadeData, kind: str) -> list[str]:
    """The ids of a kind's snapshots, oldest first."""
    return [one.id for one in list_snapshots(made.layout, SnapshotKind(kind))]


def test_each_row_has_the_registries_of_its_own_day(made: MadeData) -> None:
    """Not those of the day on which the run began; gaps stay gaps; the row names them."""
    summary = judge(made.settings, CAMPAIGN, RUN)
    rows = found(made)
    first, second, _ = ids(made, "country")
    stayed, moved = rows[parse_ip(STAYED)], rows[parse_ip(MOVED)]

    assert (stayed["country"], stayed["asn"], stayed["country_snapshot"]) == ("ES", 64496, first)
    assert (moved["country"], moved["asn"], moved["country_snapshot"]) == ("PT", 64499, second)
    gap = rows[parse_ip("198.51.100.250")]
    assert (gap["country"], gap["asn"], gap["country_snapshot"]) == (None, None, second)
    assert stayed["registration_snapshot"] == ids(made, "registration")[0]
    assert stayed["organisation_snapshot"] == ids(made, "organisation")[0]
    used = {*ids(made, "country")[:2], *ids(made, "network")}
    assert set(summary.snapshots) == used | {
        *ids(made, "registration"),
        *ids(made, "organisation"),
    }
    hosts = pq.read_table(made.layout.run(CAMPAIGN, RUN).hosts).to_pylist()
    assert {row["ip"]: row["country"] for row in hosts} == {
        ip: row["country"] for ip, row in rows.items()
    }


def test_registration_is_kept_apart_and_conflicts_are_flagged(made: MadeData) -> None:
    """Where it is, where it is registered, to whom, and whether the two countries differ."""
    judge(made.settings, CAMPAIGN, RUN)
    rows = found(made)

    def said(ip: str) -> tuple[object, ...]:
        row = rows[parse_ip(ip)]
        names = ("country", "registry_country", "country_conflict", "holder", "organisation")
        return tuple(row[name] for name in names)

    assert said(MOVED) == ("PT", "MX", True, "ripencc:h1", None)
    # the EU is no country: nothing contradicts
    assert said(STAYED) == ("ES", "EU", None, "ripencc:h2", "Example Holdings")
    assert said("198.51.100.1") == ("ES", "ES", False, "ripencc:h1", None)
    assert said("198.51.100.250") == (None, None, None, None, None)


def test_chosen_day_joins_all_rows_with_its_registries(made: MadeData) -> None:
    """A newer snapshot for an old run, in one step, the same every time, byte for byte."""
    judge(made.settings, CAMPAIGN, RUN, ("2027-01-01",))
    path = made.layout.run(CAMPAIGN, RUN).findings
    once = path.read_bytes()
    newest = ids(made, "country")[-1]

    assert {row["country_snapshot"] for row in found(made).values()} == {newest}
    assert found(made)[parse_ip(STAYED)]["country"] == "FI"
    judge(made.settings, CAMPAIGN, RUN)
    assert found(made)[parse_ip(STAYED)]["country"] == "ES"
    judge(made.settings, CAMPAIGN, RUN, ("2027-01-01",))
    assert path.read_bytes() == once


def test_chosen_snapshot_stands_for_its_kind_only(made: MadeData) -> None:
    """The other kinds go by the day."""
    newest = ids(made, "country")[-1]
    judge(made.settings, CAMPAIGN, RUN, (newest,))
    rows = found(made)

    assert {row["country_snapshot"] for row in rows.values()} == {newest}
    assert rows[parse_ip(MOVED)]["asn"] == 64499
    assert rows[parse_ip(STAYED)]["asn"] == 64496


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        (("2026-13-01",), "is no day"),
        (("2026-12-01", "2026-12-02"), "names two days"),
        (("yesterday",), "won't do"),
        (("contact-2026-11-22-00000000",), "won't do"),
    ],
)
def test_wrong_choice_is_refused(made: MadeData, wishes: tuple[str, ...], says: str) -> None:
    """And nothing is judged."""
    with pytest.raises(ConfigError, match=says):
        judge(made.settings, CAMPAIGN, RUN, wishes)
    assert not made.layout.run(CAMPAIGN, RUN).findings.exists()


def test_snapshot_that_is_gone_is_named(made: MadeData) -> None:
    """A choice of what is not here."""
    with pytest.raises(StorageError, match="registry snapshot is missing"):
        judge(made.settings, CAMPAIGN, RUN, ("country-2026-11-22-00000000",))


def test_jurisdiction_goes_by_each_rows_own_day(made: MadeData) -> None:
    """Who had the address on another day of the same run is not told of it (law 8)."""
    judge(made.settings, CAMPAIGN, RUN)
    nobody = RangeSet.of(())
    plan = made.plan()

    def seen_by(country: str) -> set[int]:
        claim = Jurisdiction(frozenset({country}), frozenset(), (), ())
        with view(made.layout, plan, claim, nobody) as seen:
            return {server.ip for server in seen.servers()}

    assert seen_by("ES") == {parse_ip(STAYED)}
    assert seen_by("PT") == {parse_ip(MOVED)}
    assert seen_by("FI") == set()
    with survey.open(made.settings.data) as opened:
        claim = Jurisdiction(frozenset({"PT"}), frozenset(), (), ())
        by_country = {row[0]: row[1] for row in opened.exposure(jurisdiction=claim).fetchall()}
        assert by_country["PT"] == 1
        assert "ES" not in by_country


def test_sources_name_all_snapshots_that_were_used(made: MadeData) -> None:
    """For the analyst, for a report, on the command line beside the figures."""
    judge(made.settings, CAMPAIGN, RUN)
    with view(
        made.layout,
        made.plan(),
        Jurisdiction(frozenset({"ES"}), frozenset(), (), ()),
        RangeSet.of(()),
    ) as seen:
        assert len(seen.registries.every) == 6
    with survey.open(made.settings.data) as opened:
        assert ("registration", "registration-1411", "CC-BY-4.0", "registration by Example") in (
            opened.sources().fetchall()
        )
        ((attribution,),) = opened.sql(
            "SELECT DISTINCT s.attribution FROM findings AS f "
            "JOIN snapshots AS s ON f.registration_snapshot = s.id"
        ).fetchall()
        assert attribution == "registration by Example"
    shown = CliRunner().invoke(main, ["--data", str(made.settings.data), "exposure"])
    assert shown.exit_code == 0
    assert "registration: registration by Example (CC-BY-4.0)" in shown.stderr


def test_host_seen_on_two_days_is_where_it_was_last(tmp_path: Path, made: MadeData) -> None:
    """One row, with the countries and snapshots of one day together."""
    del tmp_path
    made.scan(
        (
            seen(MOVED, step=Step.CONNECTED),
            seen(MOVED, Probe.SOCKS5, "echo", step=Step.CONNECTED, started_at=LATER),
        ),
        run="2026-W49",
    )
    judge(made.settings, CAMPAIGN, "2026-W49")
    (host,) = pq.read_table(made.layout.run(CAMPAIGN, "2026-W49").hosts).to_pylist()

    assert (host["country"], host["asn"]) == ("PT", 64499)
    assert host["country_snapshot"] == ids(made, "country")[1]
