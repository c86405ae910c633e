"""The lifecycle over histories whose truth is known: from shards and arrivals to every figure."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_checks import Check, Run, walk

import survey
from survey.errors import ConfigError
from survey.flows.history import HistoryFiles, make_history
from survey.flows.lifecycle import trace
from survey.flows.plan import plan_run
from survey.flows.runs import all_runs
from survey.lab.history.scale import START, Scale
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.targets.optouts import read_log

SMALL = Scale(
    seed="small",
    weeks=13,
    servers=160,
    crowd=120,
    ranges=60,
    networks=12,
    missed=(5,),
    torn=(7,),
    narrow=(9, 10, 11, 12),
    letters_from=2,
    letters=12,
    natural_days=40.0,
    opting_out=0.04,
)
TOLD = (
    *("opened_at", "last_open_at", "opened_as", "before", "closed_before"),
    *("fixed_at", "confirmed_at", "lost_at", "closing_at"),
)
FOREVER = datetime.max.replace(tzinfo=UTC)


def traced(folder: Path, scale: Scale) -> tuple[HistoryFiles, list[dict]]:
    """A history, judged and traced as a person would; its episodes."""
    made = make_history(folder, scale)
    trace(made.settings, "history")
    path = Layout(made.settings.data).episodes("history")
    return made, pq.read_table(path).to_pylist()


def rows(path: Path) -> list[dict]:
    """A table of the truth."""
    return pq.read_table(path).to_pylist()


def looked(made: HistoryFiles) -> tuple[dict[tuple[int, int, str], list[Check]], list[Run]]:
    """What each look was told, of all but those who opted out; and the runs."""
    plans = all_runs(made.settings)
    layout = Layout(made.settings.data)
    runs, numbers = [], {}
    for number, plan in enumerate(plans):
        paths = layout.run(plan.campaign, plan.run)
        runs.append(Run(number, read_manifest(paths).ended_at if paths.done.exists() else None))
        numbers[plan.run] = number
    gone = read_log(Path(plans[-1].optouts)).ranges
    looks: dict[tuple[int, int, str], list[Check]] = defaultdict(list)
    for row in rows(made.truth / "looks.parquet"):
        if row["ip"] not in gone:
            looks[row["ip"], row["port"], row["kind"]].append(
                Check(numbers[row["run"]], row["at"], row["state"], round=row["round"])
            )
    return looks, runs


@pytest.mark.parametrize(
    "seed",
    ["one", "two", *(pytest.param(f"long {at}", marks=pytest.mark.long) for at in range(6))],
)
def test_the_lifecycle_is_what_is_true(tmp_path: Path, seed: str) -> None:
    """Every episode, over missed weeks, an unfinished run, gaps, timeouts, opt-outs, letters."""
    made, episodes = traced(tmp_path / "history", replace(SMALL, seed=seed))
    looks, runs = looked(made)
    told = defaultdict(list)
    for row in episodes:
        told[row["ip"], row["port"], row["kind"]].append(row)
    wanted = {key: walked for key, some in looks.items() if (walked := walk(some, runs))}
    assert {key: [[row[name] for name in TOLD] for row in some] for key, some in told.items()} == {
        key: [[getattr(one, name) for name in TOLD] for one in some] for key, some in wanted.items()
    }
    check_against_exposures(made, episodes)
    ended = {state: sum(row["state"] == state for row in episodes) for state in ("fixed", "lost")}
    assert min(ended.values()) >= 3, "the history must have what it tests"
    assert any(row["opened_as"] == "regressed" for row in episodes)


def check_against_exposures(made: HistoryFiles, episodes: list[dict]) -> None:
    """Each opening, closing and move lies where the truth says."""
    true = defaultdict(list)
    server = {}
    for row in rows(made.truth / "exposures.parquet"):
        true[row["ip"], row["port"], row["kind"]].append(row)
        server[row["ip"]] = row["server"]
    for row in episodes:
        lives = true[row["ip"], row["port"], row["kind"]]
        for moment in (row["opened_at"], row["last_open_at"]):
            assert any(one["opened_at"] <= moment <= (one["closed_at"] or FOREVER) for one in lives)
        if row["fixed_at"] is not None:
            closings = [one["closed_at"] for one in lives if one["closed_at"]]
            assert any(row["last_open_at"] < one <= row["fixed_at"] for one in closings)
        if row["moved_to"] is not None:
            assert server[row["ip"]] == server[row["moved_to"]]


def test_the_same_values_make_the_same_tables(tmp_path: Path) -> None:
    """Byte for byte, from two histories made apart and judged apart."""
    tables = []
    scale = replace(SMALL, weeks=5, servers=40, crowd=60, narrow=())
    for name in ("a", "b"):
        made, _ = traced(tmp_path / name, scale)
        layout = Layout(made.settings.data)
        paths = [layout.episodes("history")]
        for plan in all_runs(made.settings):
            run = layout.run(plan.campaign, plan.run)
            paths += [run.findings, run.hosts, run.checks, run.observations]
        paths += [*layout.arrivals.glob("*.parquet"), *made.truth.glob("*.parquet")]
        tables.append(
            {
                str(path.relative_to(tmp_path / name)): path.read_bytes()
                for path in paths
                if path.exists()
            }
        )
    assert tables[0] == tables[1]
    assert len(tables[0]) > 20


def shares(folder: Path, reacting: float) -> dict[str, dict]:
    """Shares closed after letters, by who was told and who was held out."""
    scale = replace(
        SMALL, servers=260, letters=40, held_out=0.4, waits=0, natural_days=400.0, weeks=11
    )
    made = make_history(folder / "history", replace(scale, reacting=reacting, missed=(), torn=()))
    trace(made.settings, "history")
    starts = pq.read_table(made.truth / "letters.parquet")
    with survey.open(made.settings.data) as opened:
        found = opened.closure(starts=starts).to_arrow_table().to_pylist()
    return {row["part"]: row for row in found}


def test_letters_that_work_are_seen_to_work(tmp_path: Path) -> None:
    """Of those told, more are closed in 30 days than of those held out by lot."""
    found = shares(tmp_path, 0.9)
    assert found["told"]["closed_30_low"] > found["held_out"]["closed_30_high"]


@pytest.mark.long
def test_letters_that_do_nothing_are_seen_to_do_nothing(tmp_path: Path) -> None:
    """No difference that is none."""
    found = shares(tmp_path, 0.0)
    assert found["told"]["closed_30_low"] < found["held_out"]["closed_30_high"]
    assert found["held_out"]["closed_30_low"] < found["told"]["closed_30_high"]


def test_the_next_run_watches_what_is_open_and_what_was_written_about(tmp_path: Path) -> None:
    """Frozen with its plan: a refusal or silence of these will leave a row."""
    scale = replace(SMALL, weeks=5, servers=40, crowd=20, narrow=(), letters_from=1)
    made, episodes = traced(tmp_path / "h", scale)
    planned = plan_run(made.campaign, made.settings, now=START + timedelta(days=35))
    watched = rows(Layout(made.settings.data).run("history", planned.plan.run).watched)
    assert [(row["ip"], row["port"]) for row in watched] == sorted(
        {(row["ip"], row["port"]) for row in watched}
    )
    reasons = {(row["ip"], row["port"]): row["reason"] for row in watched}
    for row in episodes:
        assert reasons[row["ip"], row["port"]] == "episode", row
    assert all(row["lost_at"] is None for row in episodes)


def test_a_history_begins_in_an_empty_folder(tmp_path: Path) -> None:
    """What is there is nobody's to overwrite."""
    (tmp_path / "mine").touch()
    with pytest.raises(ConfigError, match="empty"):
        make_history(tmp_path, SMALL)


def test_every_shard_has_its_own_addresses_and_the_plan_adds_up(tmp_path: Path) -> None:
    """As a scan would have left it: receipts that are the plan, rows where their address is."""
    made = make_history(tmp_path / "h", replace(SMALL, weeks=3, servers=30, crowd=50))
    layout = Layout(made.settings.data)
    for plan in all_runs(made.settings):
        manifest = read_manifest(layout.run(plan.campaign, plan.run))
        receipts = manifest.receipts()
        assert sum(one.planned for one in receipts) == plan.targets
        assert all(one.planned == one.sent + one.excluded + one.opted_out for one in receipts)
        answered = [one.open + one.refused + one.silent + one.unreachable for one in receipts]
        assert answered == [one.sent for one in receipts]
    assert all_runs(made.settings)[0].created_at == START
    assert START + timedelta(days=14) == all_runs(made.settings)[-1].created_at
