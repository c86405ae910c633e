"""What is past its period goes, table by table, and nothing else; counts stay."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from everything import GONE, copied, found_in, make_everything
from made_data import CAMPAIGN, MORNING, RUN, MadeData

from survey.analysis.notebook import open as open_survey
from survey.errors import ConfigError, StorageError
from survey.flows.judge import judge
from survey.flows.purge import Purge, carry_out, plan_purge
from survey.model.retention import Retention, Why
from survey.model.verdict import Verdict
from survey.storage.manifest import read_manifest
from survey.storage.registries import SnapshotKind, list_snapshots
from survey.storage.retention import note_retention

KEEP = Retention(
    evidence=10, observations=20, arrivals=30, findings=40, contacts=50, listings=60,
    registries=70, reports=80, mail=90, audit=100,
)  # fmt: skip


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeData:
    """A data directory with everything in it, whose campaign said how long."""
    data = make_everything(tmp_path_factory.mktemp("everything"))
    note_retention(data.layout, CAMPAIGN, KEEP)
    for path in data.layout.root.rglob("*"):
        os.utime(path, (MORNING.timestamp(), MORNING.timestamp()))
    # stated by the canary's clock, not by this machine's
    text = data.layout.audit.read_text()
    lines = [line.partition('"who"')[2] for line in text.splitlines()]
    head = f'{{"at": "{MORNING.isoformat()}", "who"'
    data.layout.audit.write_text("".join(f"{head}{line}\n" for line in lines))
    return data


@pytest.fixture
def made(made_once: MadeData, tmp_path: Path) -> MadeData:
    """A copy of its own, as old as the first."""
    return copied(made_once, tmp_path)


def after(days: float) -> datetime:
    """A moment so long after everything was made."""
    return MORNING + timedelta(days=days, hours=16)


def planned(made: MadeData, days: float) -> Purge:
    """What a purge would take away then."""
    return plan_purge(made.settings, now=after(days))


def purge(made: MadeData, days: float) -> Purge:
    """A purge then."""
    plan = partial(plan_purge, made.settings, now=after(days))
    return carry_out(made.settings, plan, lambda _: None)


def tables(one: Purge, why: Why = Why.EXPIRED) -> set[str]:
    """What goes for a reason."""
    return {removal.table for removal in one.removals if removal.why is why}


def held(path: Path) -> int:
    """Rows of a table."""
    return int(pq.read_metadata(path).num_rows)


def test_nothing_goes_before_its_period_is_over(made_once: MadeData) -> None:
    """Not on its last day either."""
    assert planned(made_once, 9).removals == ()


@pytest.mark.parametrize(
    ("days", "gone"),
    [
        (21, {"observations", "followups", "messages", "rounds", "found"}),
        (31, {"arrivals"}),
        (41, {"findings", "hosts", "another", "listing_checks"}),
        (51, {"contacts"}),
        (61, {"listing snapshots"}),
        (81, {"reports", "letters"}),
        (91, {"postmaster"}),
        (101, {"audit"}),
    ],
)
def test_each_table_goes_when_its_period_is_over(
    made_once: MadeData, days: int, gone: set[str]
) -> None:
    """And not a moment before: it was not among what went the day before."""
    later, before = tables(planned(made_once, days)), tables(planned(made_once, days - 2))

    assert gone <= later
    assert later - before >= gone - {"found"}


def test_evidence_goes_first_and_rows_stay(made: MadeData) -> None:
    """Observations, findings and arrivals lose what strangers said, nothing else."""
    run = made.layout.run(CAMPAIGN, RUN)
    before = pq.read_table(run.observations)
    done = purge(made, 11)
    table = pq.read_table(run.observations)

    assert tables(done, Why.EVIDENCE) == {"observations", "findings", "arrivals"}
    assert table.drop_columns(["reply", "received", "sent"]).equals(
        before.drop_columns(["reply", "received", "sent"])
    )
    for name in ("reply", "received", "sent"):
        assert set(table[name].to_pylist()) == {b""}
    assert set(pq.read_table(run.findings)["banner"].to_pylist()) == {b""}
    day = made.layout.arrivals / f"{MORNING.date()}.parquet"
    assert set(pq.read_table(day)["helo"].to_pylist()) == {b""}
    assert planned(made, 11).removals == ()


def test_run_without_evidence_keeps_its_verdicts(made: MadeData) -> None:
    """Judging it again by less would give others; the summary says that it was not judged."""
    run = made.layout.run(CAMPAIGN, RUN)
    purge(made, 11)
    before = run.findings.read_bytes()
    summary = judge(made.settings, CAMPAIGN, RUN)

    assert not summary.evidence
    assert summary.findings[Verdict.OPEN] == sum(
        verdict == "open" for verdict in pq.read_table(run.findings)["verdict"].to_pylist()
    )
    assert run.findings.read_bytes() == before
    with pytest.raises(StorageError, match="can't be joined with other registries"):
        judge(made.settings, CAMPAIGN, RUN, ("2026-11-23",))


def test_run_that_was_never_judged_is_refused(made: MadeData) -> None:
    """Nobody is told that nothing was found."""
    run = made.layout.run(CAMPAIGN, RUN)
    run.findings.unlink()
    purge(made, 11)

    with pytest.raises(StorageError, match="was never judged"):
        judge(made.settings, CAMPAIGN, RUN)


def test_rows_go_and_receipts_stay(made: MadeData) -> None:
    """Law 6's sums hold; the receipt says that no row is left."""
    run = made.layout.run(CAMPAIGN, RUN)
    before = read_manifest(run).receipts()
    purge(made, 21)
    receipts = read_manifest(run).receipts()

    assert [replace(one, purged=0, evidence=True) for one in receipts] == list(before)
    assert all(one.kept == 0 for one in receipts)
    assert held(run.observations) == 0
    assert [held(path) for path in read_manifest(run).files()] == [0, 0]
    with open_survey(made.layout.root) as survey:
        sent = survey.sql("SELECT sum(sent), sum(purged) FROM receipts").fetchall()
        assert sent == [(sum(one.sent for one in (*receipts, receipts[0])), 8)]


def test_counts_stay_when_verdicts_go(made: MadeData) -> None:
    """By country, network, program and verdict, without an address."""
    run = made.layout.run(CAMPAIGN, RUN)
    findings, hosts = held(run.findings), held(run.hosts)
    purge(made, 41)
    counts = pq.read_table(run.counts).to_pylist()

    assert (held(run.findings), held(run.hosts)) == (0, 0)
    assert sum(row["count"] for row in counts if row["counted"] == "findings") == findings
    assert sum(row["count"] for row in counts if row["counted"] == "hosts") == hosts
    assert {row["country"] for row in counts} == {"ES"}


def test_verdicts_that_have_gone_are_no_good_news(made: MadeData) -> None:
    """A run of which nothing is left is not one with nothing open; its counts can be asked."""
    purge(made, 41)

    with open_survey(made.layout.root) as survey:
        with pytest.raises(ConfigError, match="no judged run"):
            survey.exposure(by="country")
        opened = survey.sql(
            "SELECT sum(count) FROM counts WHERE counted = 'findings' AND verdict = 'open'"
        ).fetchall()
    assert opened[0][0] > 0


def test_after_the_last_period_nobody_is_named(made: MadeData) -> None:
    """Nothing of a host is left anywhere; the plan and the newest registries are."""
    purge(made, 102)

    assert found_in(made.layout.root, GONE) == set()
    assert planned(made, 102).removals == ()
    assert made.layout.run(CAMPAIGN, RUN).plan.exists()
    newest = list_snapshots(made.layout, SnapshotKind.COUNTRY)[-1]
    assert held(newest.table) == 3
    assert "purged" in list_snapshots(made.layout, SnapshotKind.CONTACT)[0].notes[-1]


def test_shared_tables_stay_while_a_campaign_says_nothing(made: MadeData) -> None:
    """Nobody knows how long they are needed."""
    made.layout.retention(CAMPAIGN).unlink()
    one = planned(made, 1000)

    assert one.periods == {CAMPAIGN: None}
    assert tables(one) == set()


def test_shared_tables_live_as_long_as_the_longest_says(made: MadeData) -> None:
    """Another campaign's mail is still to be proven."""
    root = made.layout.campaign("another") / RUN
    root.mkdir(parents=True)
    (root / "plan.json").write_bytes(made.layout.run(CAMPAIGN, RUN).plan.read_bytes())
    note_retention(made.layout, "another", replace(KEEP, arrivals=500))

    assert "arrivals" not in tables(planned(made, 41))


def test_what_dead_processes_left_goes_after_a_day(made: MadeData) -> None:
    """Half a table, and what a query put aside; a fresh one may be somebody's."""
    old, fresh = made.layout.root / "x.parquet.aa.part", made.layout.root / "y.parquet.bb.part"
    made.layout.scratch.mkdir(exist_ok=True)
    spilled = made.layout.scratch / "duckdb_temp_block-1.block"
    for path in (old, fresh, spilled):
        path.write_bytes(b"rows")
    for path in (old, spilled):
        os.utime(path, (MORNING.timestamp(), MORNING.timestamp()))
    os.utime(fresh, (after(2).timestamp(), after(2).timestamp()))
    purge(made, 2)

    assert [path.exists() for path in (old, fresh, spilled)] == [False, True, False]


def test_strangers_are_named(made: MadeData) -> None:
    """A file that is none of ours has no period, so somebody must look at it."""
    (made.layout.root / "notes.txt").write_text("mine")

    assert planned(made, 1).strangers == ("notes.txt",)


def test_every_file_that_a_survey_writes_has_a_kind(made_once: MadeData) -> None:
    """And with it a purpose and a period (docs/retention.md)."""
    assert planned(made_once, 1).strangers == ()
