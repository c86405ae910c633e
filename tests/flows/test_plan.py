"""Planning a run: begin, resume, refuse; and nothing is left behind by a mistake."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from survey.errors import ConfigError, StorageError
from survey.flows.plan import PlannedRun, plan_run
from survey.model.plan import Kind
from survey.settings import Settings
from survey.storage.keys import make_key
from survey.storage.layout import Layout
from survey.storage.registries import DESCRIPTION, Snapshot, SnapshotKind, describe
from survey.targets.optouts import add, init_log
from survey.targets.plan import load_plan, plan_hash
from survey.targets.ranges import RangeSet, parse_cidr

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday of ISO week 48

LAB = """\
[campaign]
id = "lab"
purpose = "Try everything out"
kind = "lab"
[targets]
ranges = ["127.16.0.0/24"]
exclude = ["127.16.0.0/30"]
[probes.socks5]
ports = [1080, 1081]
[rate]
packets_per_second = 1000
[canary]
domains = ["canary.lab.example", "other.lab.example"]
smtp = "127.0.0.53:2525"
echo = "127.0.0.53:2526"
[optouts]
path = "optouts.jsonl"
"""

SURVEY = """\
[campaign]
id = "national"
purpose = "Find them"
kind = "survey"
[authority]
agency = "agency"
reference = "2026/17"
approved_by = "A. Person"
valid_until = 2027-01-01T00:00:00Z
covers = { countries = ["ES"], ranges = ["5.7.0.0/24"] }
[identity]
operator = "Secure Your Server"
contact = "survey@example.org"
page = "https://survey.example.org/"
helo = "probe.example.org"
[targets]
ranges = ["5.6.0.0/24"]
[probes.smtp_relay]
ports = [25]
[rate]
packets_per_second = 100
[canary]
domains = ["canary.example.org", "canary.example.net"]
smtp = "203.0.113.25:25"
echo = "203.0.113.25:2525"
[optouts]
path = "optouts.jsonl"
"""

COVERS = 'covers = { countries = ["ES"], ranges = ["5.7.0.0/24"] }'
RANGES_COVER = 'covers = { ranges = ["5.6.0.0/16"] }'


class Desk:
    """A campaign file with an opt-out log beside it, and an empty installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(folder / "data", folder / "keys", folder / "agencies")
        self.layout = Layout(self.settings.data)
        init_log(folder / "optouts.jsonl")
        self.write(LAB)

    @property
    def path(self) -> Path:
        """The campaign's file."""
        return self.folder / "campaign.toml"

    def write(self, text: str, *changes: tuple[str, str]) -> None:
        """Write the campaign."""
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.path.write_text(text, encoding="utf-8")

    def plan(self, run: str | None = None, now: datetime = NOW) -> PlannedRun:
        """Plan a run."""
        return plan_run(self.path, self.settings, run, now)

    def finish(self, planned: PlannedRun) -> None:
        """Mark a run as whole."""
        self.layout.run(planned.plan.campaign, planned.plan.run).done.write_text("{}")

    def know(self, kind: SnapshotKind, **columns: list[object]) -> str:
        """Lay down a registry snapshot and return its id."""
        table = pa.table(columns, schema=kind.schema)
        folder = self.layout.registries / kind / f"{kind}-2026-11-01-00000000"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / kind.file)
        snapshot = Snapshot(
            id=folder.name,
            kind=kind,
            source="test",
            licence="",
            attribution="",
            retrieved_at=NOW,
            sha256="00" * 32,
            rows=len(table),
            notes=(),
            table=folder / kind.file,
        )
        (folder / DESCRIPTION).write_text(describe(snapshot), encoding="utf-8")
        return folder.name


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An installation with a lab campaign."""
    return Desk(tmp_path)


def numbers(text: str) -> tuple[list[object], list[object]]:
    """First and last address of a range, as columns."""
    part = parse_cidr(text)
    return [part.start], [part.end]


def test_first_run_is_named_after_the_week_and_frozen(desk: Desk) -> None:
    """What is returned is what lies on disk, private."""
    planned = desk.plan()
    assert not planned.resumed
    assert planned.plan.run == "2026-W48"
    assert planned.path == desk.layout.run("lab", "2026-W48").plan
    assert load_plan(planned.path) == planned.plan
    assert stat.S_IMODE(planned.path.stat().st_mode) == 0o600
    assert planned.plan.kind is Kind.LAB
    assert planned.plan.targets == 252 * 2
    assert planned.plan.excluded_by == (("special-purpose space", 0), ("exclusions", 4))
    assert planned.summary.plan_hash == plan_hash(planned.plan)


def test_week_of_the_turn_of_the_year_is_iso() -> None:
    """1 January 2027 lies in the last week of 2026."""
    assert datetime(2027, 1, 1, tzinfo=UTC).isocalendar()[:2] == (2026, 53)


def test_run_is_named_by_utc_and_iso_year(desk: Desk) -> None:
    """The week has its own year, and UTC decides."""
    assert desk.plan(now=datetime(2027, 1, 1, tzinfo=UTC)).plan.run == "2026-W53"


def test_unfinished_run_is_resumed(desk: Desk) -> None:
    """The same plan again, also weeks later and with the same bytes."""
    first = desk.plan()
    before = first.path.read_bytes()
    again = desk.plan(now=NOW + timedelta(days=30))
    assert again.resumed
    assert again.plan == first.plan
    assert again.path.read_bytes() == before


def test_finished_run_is_followed_by_the_next(desk: Desk) -> None:
    """A second and third run in a week are numbered; each has an order of its own."""
    names, seeds = [], set()
    for _ in range(3):
        planned = desk.plan()
        assert not planned.resumed
        names.append(planned.plan.run)
        seeds.add(planned.plan.seed)
        desk.finish(planned)
    assert names == ["2026-W48", "2026-W48-2", "2026-W48-3"]
    assert len(seeds) == 3


def test_named_run_is_begun_or_resumed(desk: Desk) -> None:
    """--run gives a run its name; later the same name means that run, finished or not."""
    first = desk.plan("pilot")
    assert (first.plan.run, first.resumed) == ("pilot", False)
    desk.finish(first)
    assert desk.plan("pilot").resumed
    assert desk.plan("pilot").plan == first.plan


def test_abandoned_run_is_resumed_only_by_name(desk: Desk) -> None:
    """After a newer run was finished, the older one does not come back by itself."""
    desk.plan("old")
    desk.finish(desk.plan("newer", now=NOW + timedelta(hours=1)))
    assert desk.plan(now=NOW + timedelta(hours=2)).plan.run == "2026-W48"
    assert desk.plan("old").resumed


@pytest.mark.parametrize("run", ["", "../x", "a/b", "-x", ".", "x" * 65, "a b", "x\n"])
def test_run_id_that_is_no_name_is_refused(desk: Desk, run: str) -> None:
    """A run id is a folder's name."""
    with pytest.raises(ConfigError, match="--run"):
        desk.plan(run)
    assert not desk.settings.data.exists()


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("= 1000", "= 2000", "rate.packets_per_second 1000 -> 2000"),
        ("1080, 1081", "1080", "probes.socks5.ports [1080, 1081] -> [1080]"),
        ("127.16.0.0/24", "127.17.0.0/24", "targets.ranges"),
        ("[rate]", "[cluster]\nslots = 3\n[rate]", "cluster.slots (nothing) -> 3"),
        ("[rate]", "[probes.socks4]\nports = [9]\n[rate]", "probes.socks4.ports"),
        ("Try", "Retry", "campaign.purpose"),
    ],
)
def test_campaign_changed_under_a_run_is_refused_with_the_difference(
    desk: Desk, old: str, new: str, difference: str
) -> None:
    """Which key, from what, to what; and the way out is named and works."""
    first = desk.plan()
    desk.write(LAB, (old, new))
    with pytest.raises(ConfigError) as caught:
        desk.plan()
    assert difference in str(caught.value)
    assert "--run 2026-W48-2" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert load_plan(first.path) == first.plan
    assert not desk.plan("2026-W48-2").resumed


def test_list_that_changed_under_a_run_is_refused(desk: Desk) -> None:
    """A list of targets is part of the campaign, wherever it lies."""
    listed = desk.folder / "list.txt"
    listed.write_text("127.18.0.0/24\n", encoding="utf-8")
    desk.write(LAB, ("ranges =", 'lists = ["list.txt"]\nranges ='))
    desk.plan()
    listed.write_text("127.19.0.0/24\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"targets\.lists .*list\.txt"):
        desk.plan()


def test_what_may_change_under_a_run_does_not_stop_it(desk: Desk) -> None:
    """Retention, more exclusions in a file, more opt-outs, another order of keys, comments."""
    exclusions = desk.folder / "no.txt"
    exclusions.write_text("127.16.0.8\n", encoding="utf-8")
    text = LAB.replace('exclude = ["127.16.0.0/30"', 'exclude = ["127.16.0.0/30", "no.txt"')
    desk.write(text)
    first = desk.plan()
    exclusions.write_text("127.16.0.8\n127.16.0.9\n", encoding="utf-8")
    net = parse_cidr("127.16.0.16/29")
    add(desk.folder / "optouts.jsonl", (net,), "noc@example.org", "", NOW, NOW)
    desk.write("# now\n" + text + "[retention]\nevidence = 10\n")
    again = desk.plan()
    assert again.plan == first.plan
    assert (first.summary.opted_out, again.summary.opted_out) == (0, 8)


def test_damaged_plan_is_never_planned_over(desk: Desk) -> None:
    """A run whose plan was altered stops planning instead of being doubled."""
    planned = desk.plan()
    planned.path.write_bytes(planned.path.read_bytes()[:-1])
    with pytest.raises(StorageError, match="restore it"):
        desk.plan()


@pytest.mark.parametrize(
    ("text", "changes", "key"),
    [
        (SURVEY, [(COVERS, RANGES_COVER), ("2027-01-01", "2026-11-01")], "authority.valid_until"),
        (SURVEY, [(COVERS, RANGES_COVER), ("5.6.0.0/24", "5.6.0.0/15")], "authority.covers"),
        (SURVEY, [(COVERS, RANGES_COVER), ("5.6.0.0/24", "10.0.0.0/8")], "targets"),
        (LAB, [("optouts.jsonl", "missing.jsonl")], "optouts.path"),
        (LAB, [("optouts.jsonl", "campaign.toml")], "optouts.path"),
        (LAB, [("optouts.jsonl", "data/optouts.jsonl")], "optouts.path"),
        (LAB, [('"127.16.0.0/30"', '"missing.txt"')], "targets.exclude"),
        (LAB, [('"127.16.0.0/30"', '"127.16.0.0/16"')], "targets"),
        (LAB, [("ranges =", 'lists = ["missing.txt"]\nranges =')], "targets.lists"),
        (LAB, [("[rate]", '[names]\nhosts = "missing"\n[rate]')], "names.hosts"),
        (LAB, [("ranges =", 'lists = ["campaign.toml"]\nranges =')], "line 1"),
        (LAB, [("127.16.0.0/24", "127.0.0.0/24")], "canary.smtp"),
        (LAB, [("= 1000", "= 0")], "rate.packets_per_second"),
    ],
    ids=[
        "authority-over",
        "authority-exceeded",
        "nothing-left",
        "no-log",
        "no-opt-out-log",
        "log-in-data",
        "no-exclusions",
        "all-excluded",
        "no-list",
        "no-hosts",
        "bad-list",
        "canary-is-target",
        "bad-key",
    ],
)
def test_mistake_is_named_and_leaves_nothing_behind(
    desk: Desk, text: str, changes: list[tuple[str, str]], key: str
) -> None:
    """One line, with the key; no folder, no file."""
    desk.write(text, *changes)
    before = sorted(desk.folder.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        desk.plan()
    assert caught.value.key == key
    assert "\n" not in str(caught.value)
    assert sorted(desk.folder.rglob("*")) == before


def test_excess_over_the_authority_is_listed(desk: Desk) -> None:
    """The ranges that are too many are named."""
    desk.write(SURVEY, (COVERS, RANGES_COVER), ("5.6.0.0/24", "5.6.0.0/15"))
    with pytest.raises(ConfigError, match=r"65536 addresses \(5\.7\.0\.0-5\.7\.255\.255\)"):
        desk.plan()


def test_countries_networks_and_listings_are_resolved_by_snapshots(desk: Desk) -> None:
    """Targets and authority follow the registries; their ids are in the plan."""
    start, end = numbers("5.6.0.0/16")
    country = desk.know(SnapshotKind.COUNTRY, range_start=start, range_end=end, country=["ES"])
    start, end = numbers("5.6.9.0/24")
    network = desk.know(
        SnapshotKind.NETWORK, range_start=start, range_end=end, asn=[64496], network=["Example"]
    )
    start, end = numbers("5.7.0.8/29")
    listing = desk.know(
        SnapshotKind.LISTING,
        range_start=start,
        range_end=end,
        listing=["relays"],
        since=[None],
        code=[None],
        reason=[None],
        seen_since=[NOW],
    )
    desk.write(SURVEY, ("[targets]", '[targets]\nnetworks = [64496]\nlistings = ["relays"]'))
    planned = desk.plan()
    expected = RangeSet.of(map(parse_cidr, ("5.6.0.0/24", "5.6.9.0/24", "5.7.0.8/29")))
    assert RangeSet.of(planned.plan.ranges) == expected
    assert planned.plan.snapshots == tuple(sorted((country, network, listing)))
    assert planned.summary.snapshots == planned.plan.snapshots


@pytest.mark.parametrize("asked", ['countries = ["ES"]', "networks = [64496]", 'listings = ["x"]'])
def test_targets_without_a_registry_are_refused(desk: Desk, asked: str) -> None:
    """Nothing is guessed about who is where."""
    desk.write(SURVEY, (COVERS, RANGES_COVER), ("[targets]", f"[targets]\n{asked}"))
    with pytest.raises(ConfigError, match="import"):
        desk.plan()
    assert not desk.layout.campaign("national").exists()


def test_summary_says_what_a_scan_lacks(desk: Desk) -> None:
    """The key and the canary, until they are there."""
    lacking = " ".join(desk.plan().summary.missing)
    assert "token key" in lacking
    assert "canary" in lacking
    make_key(desk.settings.keys, "token")
    desk.layout.arrivals.mkdir()
    (desk.layout.arrivals / "2026-11-24.log").touch()
    assert desk.plan().summary.missing == ()


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """The real time."""
    return lambda: datetime.now(UTC)


def test_now_is_now_if_nobody_says(desk: Desk, clock: Callable[[], datetime]) -> None:
    """A run planned today bears today's week."""
    before = clock().replace(microsecond=0)
    planned = plan_run(desk.path, desk.settings)
    assert before <= planned.plan.created_at <= clock()


def test_summary_of_a_survey_says_which_controls_it_lacks(desk: Desk) -> None:
    """A path that answers for everybody is noticed by them alone."""
    controls = ""
    for run, line, lacking in (
        ("a", "", "open, closed, nonexistent"),
        ("b", 'open = ["socks5 198.51.100.30:1080"]\n', "closed, nonexistent"),
        ("c", 'closed = ["socks5 198.51.100.31:1080"]\n', "nonexistent"),
        ("d", 'nonexistent = ["198.51.100.32:25"]\n', ""),
    ):
        controls += line
        desk.write(SURVEY, (COVERS, RANGES_COVER), ("[rate]", f"[controls]\n{controls}[rate]"))
        planned = desk.plan(run)
        desk.finish(planned)
        told = [one for one in planned.summary.missing if one.startswith("controls known to be")]
        assert [one.partition(":")[0] for one in told] == (
            [f"controls known to be {lacking}"] if lacking else []
        )
