"""Anybody who complains is told what was done to an address, and when (law 7)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_scan import FIRST, MadeScan, make_scan, open_socks5, world

from survey.cluster.serial import SerialExecutor
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.flows.explain import Explanation, Fate, explain, explain_everywhere
from survey.flows.scan import scan
from survey.model.address import Range, format_ip
from survey.model.observation import Step
from survey.storage.handouts import Handout, add_handout
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.targets import shards as shards_module
from survey.targets.optouts import add
from survey.targets.shards import locate, recheck_order, shard_addresses


def explained(made: MadeScan, ip: int) -> Explanation:
    """What the made run did to it."""
    return explain(made.settings, made.plan.campaign, made.plan.run, ip)


def scanned(made: MadeScan) -> None:
    """Run it to its end."""
    scan(made.plan, made.hash, made.settings, SerialExecutor(), lambda _: None)


def opt_out(made: MadeScan, ip: int) -> None:
    """Its operator wishes not to be tested."""
    now = datetime.now(UTC)
    add(Path(made.plan.optouts), (Range(ip, ip),), "its operator", "", now, now)


def test_tested_address_has_shard_window_and_observations(tmp_path: Path) -> None:
    """All from receipts and the inverse permutation; no list of addresses is kept."""
    with world(tmp_path, {FIRST + 3: open_socks5}) as there:
        made = make_scan(tmp_path, canary=there.canary)
        before = datetime.now(UTC)
        scanned(made)

    found = explained(made, FIRST + 3)

    assert (found.fate, (found.shard, found.index)) == (Fate.TESTED, locate(made.plan, FIRST + 3))
    assert found.window is not None
    assert before <= found.window[0] < found.window[1] <= datetime.now(UTC)
    assert [one.step for one in found.observations] == [Step.ECHOED, Step.ECHOED]
    assert [one.attempt for one in found.handouts] == [0]
    silent = explained(made, FIRST + 4)
    assert (silent.fate, silent.observations) == (Fate.TESTED, ())


def test_address_outside_the_plan_was_left_alone(tmp_path: Path) -> None:
    """Nothing was, and nothing will be, sent to it."""
    found = explained(make_scan(tmp_path), FIRST + 64)

    assert (found.fate, found.shard, found.window) == (Fate.NOT_PLANNED, None, None)


def test_opted_out_address_was_kept_back(tmp_path: Path) -> None:
    """Its opt-out was in force before its shard began."""
    made = make_scan(tmp_path)
    opt_out(made, FIRST + 9)
    scanned(made)

    found = explained(made, FIRST + 9)

    assert (found.fate, found.window) == (Fate.KEPT_BACK, None)
    assert [entry.by for entry in found.optouts] == ["its operator"]


def test_later_opt_out_changes_nothing_of_what_was_done(tmp_path: Path) -> None:
    """The answer stays true."""
    made = make_scan(tmp_path)
    opt_out(made, FIRST + 9)
    scanned(made)
    opt_out(made, FIRST + 10)

    assert explained(made, FIRST + 10).fate is Fate.TESTED


def test_pending_and_lost_shards_are_told_apart(tmp_path: Path) -> None:
    """A shard that was handed out may have been sent, though it is not committed."""
    made = make_scan(tmp_path)
    add_handout(made.run, Handout(datetime.now(UTC), 1, 0, 0, 1))
    first, second = (int(shard_addresses(made.plan, shard)[0]) for shard in (0, 1))

    assert explained(made, first).fate is Fate.PENDING
    assert explained(made, second).fate is Fate.UNDER_WAY


def test_unknown_run_is_named(tmp_path: Path) -> None:
    """With where to look."""
    made = make_scan(tmp_path)

    with pytest.raises(ConfigError, match="2026-W49"):
        explain(made.settings, made.plan.campaign, "2026-W49", FIRST)


def test_listings_that_name_the_address_are_told(tmp_path: Path) -> None:
    """Whoever complains may want to know who else says so."""
    made = make_scan(tmp_path)
    scanned(made)
    path = tmp_path / "list"
    path.write_text(f"{format_ip(FIRST + 3)}\n")
    import_snapshot(Layout(made.settings.data), SnapshotKind.LISTING, path, source="list.example")
    (listing,) = explained(made, FIRST + 3).listings

    assert (listing.name, listing.since) == ("list.example", None)
    assert listing.known_since is not None
    assert explained(made, FIRST + 4).listings == ()


def test_second_look_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was asked twice may see it in a log."""
    monkeypatch.setattr(shards_module, "RECHECKED", 4)
    made = make_scan(tmp_path)
    scanned(made)
    again = {int(shard_addresses(made.plan, 0)[place]) for place in recheck_order(made.plan, 0)}
    every = {int(ip) for ip in shard_addresses(made.plan, 0)}

    assert explained(made, min(again)).asked_twice == made.plan.ports
    assert explained(made, min(every - again)).asked_twice == ()


def test_nothing_but_its_own_shard_is_read(tmp_path: Path) -> None:
    """So the whole internet takes no longer."""
    made = make_scan(tmp_path)
    scanned(made)
    made.run.shard(1).write_bytes(b"damaged")
    made.run.messages(1).parent.mkdir(exist_ok=True)
    made.run.messages(1).write_bytes(b"not.an.address;")

    assert explained(made, int(shard_addresses(made.plan, 0)[0])).fate is Fate.TESTED


def test_answer_leaves_an_audit_line(tmp_path: Path) -> None:
    """It names a host; over all runs it is one line."""
    made = make_scan(tmp_path)
    (found,) = explain_everywhere(made.settings, FIRST)

    assert (found.run, found.purpose) == (made.plan.run, made.plan.purpose)
    assert explain_everywhere(made.settings, FIRST, campaign="other") == ()
    (line,) = Layout(made.settings.data).audit.read_text().splitlines()
    assert f"ip={format_ip(FIRST)}" in line
