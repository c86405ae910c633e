"""One shard from assignment to receipt, against real doors and the real canary."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_leases import MadeCoordinator
from made_scan import (
    FIRST,
    MadeScan,
    closed_socks5,
    make_scan,
    open_socks5,
    silent,
    world,
)

from survey.engine import lease as lease_module
from survey.engine import shard as shard_module
from survey.engine.shard import run_shard
from survey.errors import ConfigError, GateClosedError, StoppedError, StorageError
from survey.model.address import Range
from survey.model.assignment import Progress
from survey.model.failure import Failure
from survey.model.observation import Step
from survey.model.plan import Rate
from survey.storage.shard_file import read_address, read_receipt
from survey.targets.optouts import add
from survey.targets.shards import shard_addresses

Report = Callable[[Progress], None]
Lead = Callable[[MadeScan], MadeCoordinator]


def ignore(_: Progress) -> None:
    """Nobody looks."""


def later(seconds: float, act: Callable[[], object]) -> threading.Timer:
    """Do something while a shard is running."""
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


def opt_out(made: MadeScan, *ips: int) -> None:
    """These operators wish not to be tested."""
    now = datetime.now(UTC)
    add(Path(made.plan.optouts), tuple(Range(ip, ip) for ip in ips), "a test", "", now, now)


def test_shard_is_dialled_tested_and_committed(tmp_path: Path, lead: Lead) -> None:
    """Every target counted once; open ones observed as what they are."""
    doors = {FIRST + 3: open_socks5, FIRST + 7: closed_socks5}
    with world(tmp_path, doors) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        reports: list[Progress] = []

        receipt = run_shard(lead(made).grant(), reports.append)

    path = made.run.shard(0)
    assert read_receipt(path) == receipt
    assert (receipt.planned, receipt.sent, receipt.open, receipt.refused) == (64, 64, 2, 62)
    assert receipt.conversations == 2
    opened, closed = read_address(path, FIRST + 3), read_address(path, FIRST + 7)
    assert {(one.variant, one.step) for one in opened} == {
        ("echo", Step.ECHOED),
        ("mail", Step.ECHOED),
    }
    assert [one.refused_at for one in closed] == ["METHOD"]
    assert receipt.observations == 3
    assert receipt.packets >= 64 + 2 * 2
    assert reports[-1].done == reports[-1].planned == 64
    assert reports[-1].found == 2


def test_shard_that_is_committed_is_not_done_again(tmp_path: Path, lead: Lead) -> None:
    """A duplicate returns the winner's receipt, without any leave to send."""
    made = make_scan(tmp_path)
    chief = lead(made)
    first = run_shard(chief.grant(), ignore)

    second = run_shard(made.assignment(attempt=1, slot=1), ignore)

    assert second == first


def test_loser_of_a_race_returns_the_winners_receipt(tmp_path: Path, lead: Lead) -> None:
    """Two workers that work on one shard at once commit one file."""
    made = make_scan(tmp_path)
    chief = lead(made)
    pair = chief.grant(), chief.grant(attempt=1, slot=1)
    receipts = {}

    def work(index: int) -> None:
        receipts[index] = run_shard(pair[index], ignore)

    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert receipts[0] == receipts[1] == read_receipt(made.run.shard(0))
    assert list(made.run.shards.iterdir()) == [made.run.shard(0)]


def test_opted_out_addresses_get_no_packet(tmp_path: Path, lead: Lead) -> None:
    """They are counted; their doors see nobody."""
    with world(tmp_path, {FIRST + 3: open_socks5, FIRST + 4: open_socks5}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        opt_out(made, FIRST + 3, FIRST + 20)
        chief = lead(made)

        receipt = run_shard(chief.grant(), ignore)

        assert FIRST + 3 not in there.visits
        assert there.visits[FIRST + 4] >= 3
    assert (receipt.planned, receipt.sent, receipt.opted_out) == (64, 62, 2)


def test_opt_out_breaks_off_a_conversation_in_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Lead
) -> None:
    """Within seconds, and before the server's patience ends (law 7)."""
    monkeypatch.setattr(lease_module, "INTERVAL", 0.1)
    with world(tmp_path, {FIRST + 3: silent, FIRST + 5: open_socks5}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        chief = lead(made)
        timer = later(0.7, lambda: opt_out(made, FIRST + 3))

        receipt = run_shard(chief.grant(), ignore)

        timer.join()
    (row,) = read_address(made.run.shard(0), FIRST + 3)
    assert row.failure is Failure.ABORTED
    assert receipt.aborted == 1
    assert receipt.sent == 64


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda chief: chief.leases.stop(), "stopped"),
        (lambda chief: chief.give_up(), "given this shard up"),
    ],
)
def test_stopped_shard_breaks_off_and_commits_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[MadeCoordinator], object],
    why: str,
    lead: Lead,
) -> None:
    """Conversations are aborted, and the shard can be done again."""
    monkeypatch.setattr(lease_module, "INTERVAL", 0.1)
    with world(tmp_path, {FIRST + 3: silent}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        chief = lead(made)
        timer = later(0.4, lambda: act(chief))

        with pytest.raises(StoppedError, match=why):
            run_shard(chief.grant(), ignore)

        timer.join()
    assert list(made.run.shards.iterdir()) == []


def test_silent_coordinator_stops_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Lead
) -> None:
    """The dead-man's switch: its heart stops, nothing is renewed, no more packets."""
    monkeypatch.setattr(lease_module, "INTERVAL", 0.1)
    made = make_scan(
        tmp_path,
        addresses=5000,
        shard_addresses=5000,
        rate=Rate(500, 500.0, 1),
        slots=1,
        lease_seconds=2.0,
    )
    monkeypatch.setattr(shard_module, "REPORT", 0.1)
    chief = lead(made)
    reports: list[Progress] = []

    def halt() -> None:
        chief.beating = False

    timer = later(0.8, halt)
    with pytest.raises(StoppedError, match="nothing was heard"):
        run_shard(chief.grant(), reports.append)

    timer.join()
    assert 0 < reports[-1].packets <= 1500
    assert list(made.run.shards.iterdir()) == []


def test_paused_worker_sends_nothing_new_until_it_may_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Lead
) -> None:
    """And then it finishes the shard."""
    monkeypatch.setattr(lease_module, "INTERVAL", 0.1)
    monkeypatch.setattr(shard_module, "REPORT", 0.1)
    made = make_scan(tmp_path)
    chief = lead(made)
    chief.paused = True
    chief.beat()
    reports: list[Progress] = []

    def go_on() -> None:
        assert all(report.packets == 0 for report in reports)
        chief.paused = False

    timer = later(0.4, go_on)
    receipt = run_shard(chief.grant(), reports.append)

    timer.join()
    assert receipt.sent == 32
    assert any(report.packets == 0 for report in reports[1:])


def test_rate_of_the_run_is_shared_and_obeyed(tmp_path: Path, lead: Lead) -> None:
    """A slot has its share of the coordinator's rate, never more than the plan's."""
    made = make_scan(tmp_path, addresses=250, shard_addresses=250)
    chief = lead(made)
    chief.rate = 300
    chief.beat()

    receipt = run_shard(chief.grant(), ignore)

    assert receipt.sent == 250
    assert receipt.max_rate <= 150


@pytest.mark.parametrize("sabotage", ["remove", "garble"])
def test_missing_opt_out_log_closes_the_gate(tmp_path: Path, sabotage: str, lead: Lead) -> None:
    """Not one packet leaves."""
    made = make_scan(tmp_path)
    chief = lead(made)
    log = Path(made.plan.optouts)
    if sabotage == "remove":
        log.unlink()
    else:
        log.write_text("nonsense\n")

    with pytest.raises(GateClosedError, match=r"optouts\.jsonl"):
        run_shard(chief.grant(), ignore)


def test_log_that_vanishes_during_the_shard_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Lead
) -> None:
    """From then on nothing is sent, and nothing is committed."""
    monkeypatch.setattr(lease_module, "INTERVAL", 0.1)
    made = make_scan(tmp_path, addresses=3000, shard_addresses=3000)
    chief = lead(made)
    chief.rate = 1000
    chief.beat()
    timer = later(0.3, Path(made.plan.optouts).unlink)

    with pytest.raises(GateClosedError, match=r"optouts\.jsonl"):
        run_shard(chief.grant(), ignore)

    timer.join()
    assert list(made.run.shards.iterdir()) == []


def test_other_plan_is_refused(tmp_path: Path) -> None:
    """A worker that reads another plan than its coordinator does nothing."""
    made = make_scan(tmp_path)
    with pytest.raises(StorageError, match="not the plan"):
        run_shard(replace(made.assignment(), plan_hash="00" * 32), ignore)


def test_missing_key_is_named(tmp_path: Path, lead: Lead) -> None:
    """Before anything is sent."""
    made = make_scan(tmp_path)
    (made.settings.keys / "token.key").unlink()
    chief = lead(made)

    with pytest.raises(ConfigError, match=r"token\.key"):
        run_shard(chief.grant(), ignore)


def test_canary_that_is_not_there_is_waited_for(tmp_path: Path, lead: Lead) -> None:
    """The target is tested once the canary answers; it is never recorded as closed for that."""
    with world(tmp_path, {FIRST + 3: open_socks5}, canary_after=1.0) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        chief = lead(made)

        receipt = run_shard(chief.grant(), ignore)

    assert {one.step for one in read_address(made.run.shard(0), FIRST + 3)} == {Step.ECHOED}
    assert receipt.open == 1


def test_report_tells_nothing_about_a_host(tmp_path: Path, lead: Lead) -> None:
    """Law 8: counts only, in what goes to logs and screens."""
    made = make_scan(tmp_path)
    chief = lead(made)
    reports: list[Progress] = []
    run_shard(chief.grant(), reports.append)

    text = json.dumps([repr(report) for report in reports])
    assert not any(str(ip) in text for ip in shard_addresses(made.plan, 0).tolist())
