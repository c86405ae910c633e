"""An address that is to be forgotten is in no file any more, in no form."""

import hashlib
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from everything import GONE, NEIGHBOUR, OTHER, copied, found_in, make_everything
from made_data import CAMPAIGN, MORNING, RUN, MadeData

from survey.analysis.notebook import open as open_survey
from survey.canary.log import roll
from survey.flows.judge import judge
from survey.flows.purge import Purge, carry_out, plan_purge
from survey.model.address import Range, parse_ip
from survey.model.retention import Why
from survey.storage.lock import held
from survey.storage.manifest import read_manifest
from survey.storage.rounds import load_round, round_hash, rounds_of
from survey.targets.optouts import add
from survey.targets.ranges import RangeSet

NOW = MORNING + timedelta(days=3)
FORGET = RangeSet.of([Range(parse_ip(GONE), parse_ip(GONE))])


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeData:
    """A data directory with everything in it; nobody changes it."""
    return make_everything(tmp_path_factory.mktemp("everything"))


@pytest.fixture
def made(made_once: MadeData, tmp_path: Path) -> MadeData:
    """A copy of its own; only the opt-out log is everybody's."""
    return copied(made_once, tmp_path)


def planned(made: MadeData, **more: object) -> Purge:
    """What an erasure takes away."""
    return plan_purge(made.settings, forget=FORGET, only_erasure=True, now=NOW, **more)


def erase(made: MadeData) -> Purge:
    """Erase it."""
    return carry_out(made.settings, partial(planned, made), lambda _: None)


def contents(root: Path) -> dict[str, str]:
    """Every file below a folder, by its digest."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_address_is_in_every_kind_of_file_before(made_once: MadeData) -> None:
    """Else the next test would prove nothing."""
    kinds = {name.split("/")[0] for name in found_in(made_once.layout.root, GONE)}

    assert kinds == {"arrivals", "audit.log", "campaigns", "contacts", "letters", "listings",
                     "registries", "reports"}  # fmt: skip


def test_no_byte_of_an_erased_address_is_left_in_any_file(made: MadeData) -> None:
    """Rows, statistics, dictionaries, texts, packed and unpacked, tokens, names of files."""
    erase(made)
    roll(made.layout.arrivals)

    assert found_in(made.layout.root, GONE) == set()


def test_erasing_again_finds_nothing(made: MadeData) -> None:
    """And whoever was not erased is still there."""
    before = {ip: found_in(made.layout.root, ip) for ip in (NEIGHBOUR, OTHER)}
    erase(made)

    assert planned(made).removals == ()
    for ip, files in before.items():
        # a report that named both went with the other's
        kept = {name for name in files if not name.startswith("reports/")}
        assert found_in(made.layout.root, ip) == kept


def test_report_that_names_it_goes_whole(made: MadeData) -> None:
    """Its pages name nobody, but they count it; without its manifest it is owed again."""
    erase(made)

    def left(agency: str) -> set[str]:
        files = made.layout.report(agency, RUN).rglob("*")
        return {path.name for path in files if path.is_file()}

    assert left("es") == set()
    assert left("fr") == {"hosts.csv", "manifest.json", "report.html"}


@pytest.mark.parametrize("removed", [0, 1, 2])
def test_report_that_went_in_part_goes_with_the_next_purge(
    made: MadeData, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """Killed after any of its files; what names the address goes last of all."""
    folder, unlink, gone = made.layout.report("es", RUN), Path.unlink, []

    def failing(path: Path, **more: bool) -> None:
        if path.parent == folder:
            if len(gone) == removed:
                raise KeyboardInterrupt
            gone.append(path.name)
        unlink(path, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", failing)
        with pytest.raises(KeyboardInterrupt):
            erase(made)
    assert (folder / "hosts.csv").exists()
    erase(made)

    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_dry_run_touches_nothing(made: MadeData) -> None:
    """Not one byte."""
    before = contents(made.layout.root)

    assert planned(made).rows(Why.ERASED) > 10
    assert contents(made.layout.root) == before


def test_counts_of_what_was_sent_stay(made: MadeData) -> None:
    """The receipt says how many rows are not kept any more; law 6's sums hold."""
    run = made.layout.run(CAMPAIGN, RUN)
    before = read_manifest(run).receipts()
    erase(made)
    after = read_manifest(run).receipts()

    for old, new in zip(before, after, strict=True):
        assert new.planned == new.sent + new.excluded + new.opted_out
        assert (new.sent, new.open, new.observations) == (old.sent, old.open, old.observations)
    assert sum(one.purged for one in after) == 2
    assert all(one.evidence for one in after)


def test_round_keeps_its_places_and_its_hash(made: MadeData) -> None:
    """Its receipts go on naming it."""
    paths = rounds_of(made.layout.run(CAMPAIGN, RUN))[0]
    before = load_round(paths.plan)
    erase(made)
    after = load_round(paths.plan)

    assert round_hash(after) == round_hash(before)
    assert after.bounds == before.bounds
    assert [visit.number for visit in after.visits] == [visit.number for visit in before.visits]
    assert read_manifest(paths).receipts()[0].purged == 1


def test_run_can_still_be_judged_and_read(made: MadeData) -> None:
    """The others' verdicts are as before."""
    run = made.layout.run(CAMPAIGN, RUN)

    def verdicts() -> dict[tuple[int, str], str]:
        rows = pq.read_table(run.findings).to_pylist()
        return {(row["ip"], row["probe"]): row["rule"] for row in rows}

    before = verdicts()
    erase(made)
    judge(made.settings, CAMPAIGN, RUN)

    assert verdicts() == {key: rule for key, rule in before.items() if key[0] != parse_ip(GONE)}
    with open_survey(made.layout.root) as survey:
        assert survey.sql("SELECT count(*) FROM observations").fetchall() == [(5,)]


def test_open_reader_goes_on(made: MadeData) -> None:
    """A notebook that was opened before asks the same views after."""
    with open_survey(made.layout.root) as survey:
        assert survey.sql("SELECT count(*) FROM observations").fetchall() == [(8,)]
        erase(made)
        assert survey.sql("SELECT count(*) FROM observations").fetchall() == [(5,)]
        assert survey.sql("SELECT count(*) FROM arrivals").fetchall() == [(2,)]


def test_files_stay_private(made: MadeData) -> None:
    """0600 in 0700 (law 8)."""
    written = {
        path: path.stat().st_mtime_ns
        for path in made.layout.root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
    erase(made)
    changed = [
        path
        for path in made.layout.root.rglob("*")
        if path.is_file() and written.get(path) != path.stat().st_mtime_ns
    ]

    assert len(changed) > 8
    in_place = {".log"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in changed if path.suffix not in in_place)


def test_audit_line_has_counts_and_no_address(made: MadeData) -> None:
    """Who erased, when, how much."""
    done = erase(made)
    line = made.layout.audit.read_text().splitlines()[-1]

    assert f'"what": "purge", "filter": "erased={done.rows(Why.ERASED)}"' in line


def test_wish_of_an_opt_out_is_carried_out_by_every_purge(tmp_path: Path) -> None:
    """Also for what comes in later: a shard that was under way, a late mail."""
    made = make_everything(tmp_path)
    ranges = (Range(parse_ip(GONE), parse_ip(GONE)),)
    add(made.optouts, ranges, "its operator", "", MORNING, MORNING, erase=True)
    plan = partial(plan_purge, made.settings, now=NOW)

    assert plan().rows(Why.ERASED) == planned(made).rows(Why.ERASED)
    carry_out(made.settings, plan, lambda _: None)
    assert found_in(made.layout.root, GONE) == set()


def test_what_a_coordinator_works_on_is_left_and_said(made: MadeData) -> None:
    """It holds receipts of an unfinished run in its memory."""
    run = made.layout.run(CAMPAIGN, RUN)
    run.done.unlink()
    with held(made.layout.lock):
        left = erase(made).left
    assert {one.table for one in left} == {"observations"}

    assert erase(made).left == ()
    assert "shards" not in str(found_in(made.layout.root, GONE))


def test_plan_that_names_the_address_is_told_of(made_once: MadeData) -> None:
    """It stays: everything of the run is counted from it."""
    edge = RangeSet.of([Range(parse_ip("192.0.2.0"), parse_ip("192.0.2.0"))])
    purge = plan_purge(made_once.settings, forget=edge, only_erasure=True, now=NOW)

    assert purge.plans == (f"campaigns/{CAMPAIGN}/{RUN}/plan.json",)
