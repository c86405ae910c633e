"""A scan runs a plan to its end, stops cleanly, resumes, and is the only one."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from law6 import whole
from made_leases import ask
from made_scan import FIRST, MadeScan, closed_socks5, make_scan, open_socks5, silent, world

from survey.cluster.dask import DaskExecutor
from survey.cluster.executor import Executor, Lost, Outcome, Pool, Report, Work
from survey.cluster.serial import SerialExecutor, SerialPool
from survey.engine import shard as shard_module
from survey.errors import BusyError, ConfigError, GateClosedError, StoppedError, SurveyError
from survey.flows import beat as beat_module
from survey.flows import coordinator as module
from survey.flows import stop_rules
from survey.flows.control import ask_pause, ask_rate, ask_stop, read_status
from survey.flows.scan import ScanSummary, scan
from survey.flows.standing import ScanStatus, State
from survey.model.control import Wishes
from survey.model.observation import Step
from survey.model.plan import Rate
from survey.storage.control import begin_term, end_term, read_term, write_wishes
from survey.storage.handouts import read_handouts
from survey.storage.layout import Layout
from survey.storage.lock import held
from survey.storage.manifest import read_manifest

STATUSES: list[ScanStatus] = []


def run(made: MadeScan, executor: Executor | None = None, grace: float = 0.2) -> ScanSummary:
    """Scan; statuses are kept."""
    STATUSES.clear()
    return scan(
        made.plan,
        made.hash,
        made.settings,
        executor or SerialExecutor(),
        STATUSES.append,
        grace=grace,
    )


@pytest.fixture(autouse=True)
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look around more often than a person would need."""
    monkeypatch.setattr(module, "SHOW", 0.05)
    monkeypatch.setattr(beat_module, "BEAT", 0.1)


def over(made: MadeScan) -> bool:
    """Whether the last coordinator left no lease that could be alive."""
    term = read_term(Layout(made.settings.data))
    return term is not None and term.over


class LosingPool(SerialPool):
    """Loses the first handing-out of some shards."""

    lose: tuple[int, ...] = ()

    def wait(self, seconds: float) -> tuple[Outcome, ...]:
        """As if its worker had asked for its lease and died."""
        if self._waiting and self._waiting[0].shard in self.lose and not self._waiting[0].attempt:
            assignment = self._waiting.popleft()
            ask(assignment)
            return (Lost(assignment, "a test lost it"),)
        if not self._waiting:
            time.sleep(min(seconds, 0.05))
        return super().wait(seconds)


class LosingExecutor(SerialExecutor):
    """Workers that die."""

    def __init__(self, *lose: int) -> None:
        self._lose = lose

    @contextmanager
    def open(self, work: Work, report: Report) -> Iterator[Pool]:
        """A pool that loses these."""
        pool = LosingPool(work, report)
        pool.lose = self._lose
        yield pool


class ImpatientPool(SerialPool):
    """Somebody presses Ctrl-C for the second time."""

    waits = 0

    def wait(self, seconds: float) -> tuple[Outcome, ...]:  # noqa: ARG002 - as any pool
        """Broken off."""
        self.waits += 1
        self._waiting.popleft()
        raise KeyboardInterrupt


class ImpatientExecutor(SerialExecutor):
    """One of these."""

    @contextmanager
    def open(self, work: Work, report: Report) -> Iterator[Pool]:
        """A pool that is broken off."""
        self.pool = ImpatientPool(work, report)
        yield self.pool


def test_second_ctrl_c_waits_for_nobody(tmp_path: Path) -> None:
    """What it had handed out is done by the next."""
    made = make_scan(tmp_path, lease_seconds=1.0, slots=1)
    executor = ImpatientExecutor()
    with pytest.raises(KeyboardInterrupt):
        run(made, executor)
    assert executor.pool.waits == 1
    assert run(made).sent == 64
    whole(made)


def test_plan_is_scanned_to_its_end(tmp_path: Path) -> None:
    """Every target once, and everything written down that tells so."""
    with world(tmp_path, {FIRST + 3: open_socks5, FIRST + 40: closed_socks5}) as there:
        made = make_scan(tmp_path, canary=there.canary)
        summary = run(made)

    receipts, table = whole(made)
    assert len(receipts) == 2
    assert (summary.planned, summary.sent, summary.open, summary.refused) == (64, 64, 2, 62)
    assert summary.observations == table.num_rows == 3
    assert summary.retries == 0
    assert made.run.done.exists()
    assert json.loads(made.run.done.read_text())["plan_hash"] == made.hash
    last = STATUSES[-1]
    assert (last.state, last.done, last.found, last.committed) == (State.DONE, 64, 2, 2)
    assert read_status(made.settings, made.plan) == last
    assert over(made)


def test_whole_run_is_not_done_again(tmp_path: Path) -> None:
    """Nothing is handed out, and the same sums come back."""
    made = make_scan(tmp_path)
    first = run(made)
    handed = read_handouts(made.run)
    term = read_term(Layout(made.settings.data))

    second = run(made)

    assert (second.sent, second.shards) == (first.sent, first.shards)
    assert read_handouts(made.run) == handed
    assert read_term(Layout(made.settings.data)) == term


def test_empty_plan_is_whole_at_once(tmp_path: Path) -> None:
    """Zero shards are all committed."""
    made = make_scan(tmp_path)
    empty = MadeScan(made.settings, type(made.plan)(**_fields(made) | {"ranges": ()}))

    summary = run(empty)

    assert (summary.shards, summary.planned) == (0, 0)


def _fields(made: MadeScan) -> dict[str, object]:
    return {name: getattr(made.plan, name) for name in made.plan.__slots__}


def test_serial_and_dask_see_the_same(tmp_path: Path) -> None:
    """Executors differ in speed alone (all but times)."""
    doors = {FIRST + 3: open_socks5, FIRST + 40: closed_socks5, FIRST + 41: open_socks5}
    seen = []
    for name, executor in (("a", SerialExecutor()), ("b", DaskExecutor(workers=2))):
        with world(tmp_path / name, doors) as there:
            made = make_scan(tmp_path / name, canary=there.canary, shard_addresses=16)
            run(made, executor)
        _, table = whole(made)
        timeless = table.drop_columns(["started_at", "duration", "token", "nonce", "process"])
        rows = timeless.drop_columns(["canary_port", "received", "sent", "reply"]).to_pylist()
        seen.append(sorted(rows, key=str))

    assert seen[0] == seen[1]
    assert Counter(row["step"] for row in seen[0]) == Counter({Step.ECHOED: 4, Step.SPOKE: 1})


def test_lost_shard_is_handed_out_again_when_its_lease_is_over(tmp_path: Path) -> None:
    """With the next attempt's number, and not a moment earlier."""
    made = make_scan(tmp_path, lease_seconds=1.0, slots=1)

    summary = run(made, LosingExecutor(1))

    receipts, _ = whole(made)
    assert [receipt.attempt for receipt in receipts] == [0, 1]
    assert summary.retries == 1
    first, second = (one.at for one in read_handouts(made.run) if one.shard == 1)
    assert (second - first).total_seconds() >= 1.0 + 0.2
    assert STATUSES[-1].retries == 1


def test_shard_that_is_lost_again_and_again_ends_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something is wrong with it, or with every worker."""
    monkeypatch.setattr(module, "MOST_LOSSES", 1)
    made = make_scan(tmp_path, lease_seconds=1.0)

    with pytest.raises(SurveyError, match="shard 1 was lost 1 times"):
        run(made, LosingExecutor(1))
    assert run(made).sent == 64


def test_second_scan_in_the_same_data_is_refused(tmp_path: Path) -> None:
    """One coordinator at a time (law 5)."""
    made = make_scan(tmp_path)

    with held(Layout(made.settings.data).lock), pytest.raises(BusyError):
        run(made)


def test_stop_from_another_process_ends_it_and_it_can_be_resumed(tmp_path: Path) -> None:
    """What is committed stays; the next scan does the rest, whatever was wished before."""
    made = make_scan(tmp_path, addresses=128, shard_addresses=32)
    timer = _when(lambda: len(read_manifest(made.run).shards) >= 1, made, ask_stop)

    with pytest.raises(StoppedError, match="run `survey scan` again"):
        run(made)
    timer.join()

    assert not made.run.done.exists()
    done = len(read_manifest(made.run).shards)
    assert 1 <= done < 4
    assert run(made).sent == 128
    receipts, _ = whole(made)
    assert len({receipt.epoch for receipt in receipts}) == 2


def test_stop_breaks_off_conversations(tmp_path: Path) -> None:
    """A silent server does not keep a stopped scan going."""
    with world(tmp_path, {FIRST + 3: silent}) as there:
        made = make_scan(tmp_path, canary=there.canary)
        timer = _when(lambda: there.visits.get(FIRST + 3, 0) >= 2, made, ask_stop)
        began = time.monotonic()

        with pytest.raises(StoppedError):
            run(made)

        timer.join()
    assert time.monotonic() - began < 15


def test_pause_and_rate_are_obeyed_and_told(tmp_path: Path) -> None:
    """Nothing is sent until it may go on, then no faster than was wished."""
    made = make_scan(tmp_path, shard_addresses=16)

    def pause_then_go_on() -> None:
        _until(lambda: State.RUNNING in {status.state for status in STATUSES})
        ask_pause(made.settings, made.plan, paused=True)
        _until(lambda: State.PAUSED in {status.state for status in STATUSES})
        ask_rate(made.settings, made.plan, 500)

    STATUSES.clear()  # an earlier test's would be taken for ours
    thread = threading.Thread(target=pause_then_go_on)
    thread.start()
    run(made)
    thread.join()

    whole(made)
    assert STATUSES[-1].cap == 500


def test_lower_rate_is_kept_by_the_next_scan_but_a_pause_is_not(tmp_path: Path) -> None:
    """Who complained of the rate need not do so again."""
    made = make_scan(tmp_path)
    write_wishes(made.run, Wishes(stop=True, paused=True, rate=500))

    run(made)

    assert STATUSES[-1].cap == 500
    assert STATUSES[-1].state is State.DONE


@pytest.mark.parametrize("rate", [0, 1, 20_001])
def test_rate_out_of_bounds_is_refused(tmp_path: Path, rate: int) -> None:
    """Never above the plan, never less than a packet for each slot."""
    made = make_scan(tmp_path)

    with pytest.raises(ConfigError, match="2 to 20000"):
        ask_rate(made.settings, made.plan, rate)


def test_scan_pauses_while_the_canary_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, saying why, and goes on when it answers."""
    monkeypatch.setattr(stop_rules, "CANARY_SECONDS", 0.5)
    monkeypatch.setattr(shard_module, "REPORT", 0.1)
    with world(tmp_path, {FIRST + 3: open_socks5}, canary_after=6.0) as there:
        made = make_scan(
            tmp_path,
            addresses=300,
            shard_addresses=300,
            canary=there.canary,
            rate=Rate(40, 40.0, 1),
        )
        run(made)

    receipts, table = whole(made)
    assert {row["step"] for row in table.to_pylist()} == {Step.ECHOED}
    reasons = [status.reason for status in STATUSES]
    first = next(index for index, reason in enumerate(reasons) if "canary" in reason)
    assert any(status.state is State.PAUSED for status in STATUSES[first:])
    assert reasons[-1] == ""
    paused = [status.sent for status in STATUSES if status.state is State.PAUSED]
    assert max(paused) < 300 == receipts[0].sent


def test_pause_of_its_own_ends_when_a_person_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looked into it says go on."""
    monkeypatch.setattr(stop_rules, "FEW", 30)
    monkeypatch.setattr(stop_rules, "UNREACHABLE", -1.0)  # none at all is too many
    monkeypatch.setattr(shard_module, "REPORT", 0.1)
    made = make_scan(tmp_path, addresses=400, shard_addresses=400, rate=Rate(80, 80.0, 1))

    def look_into_it() -> None:
        _until(lambda: bool(STATUSES) and "unreachable" in STATUSES[-1].reason)
        monkeypatch.setattr(stop_rules, "FEW", 10**9)
        ask_rate(made.settings, made.plan, None)

    STATUSES.clear()
    thread = threading.Thread(target=look_into_it)
    thread.start()
    run(made)
    thread.join()

    whole(made)
    assert STATUSES[-1].reason == ""


def test_leases_of_a_coordinator_that_died_are_outwaited(tmp_path: Path) -> None:
    """Its workers may still send; nothing is granted until they surely don't."""
    made = make_scan(tmp_path, lease_seconds=0.6)
    begin_term(Layout(made.settings.data), 0.6)
    began = time.time()

    run(made)

    first = read_handouts(made.run)[0].at.timestamp()
    assert first - began >= 0.6 + 0.2
    assert STATUSES[0].state is State.WAITING
    assert {one.epoch for one in read_handouts(made.run)} == {2}
    assert over(made)


def test_clean_end_is_not_outwaited(tmp_path: Path) -> None:
    """A coordinator that left office in order has no workers left."""
    made = make_scan(tmp_path, lease_seconds=12.0)
    layout = Layout(made.settings.data)
    end_term(layout, begin_term(layout, 12.0))
    began = time.monotonic()

    run(made)

    assert time.monotonic() - began < 12


def test_gate_that_closes_ends_the_scan(tmp_path: Path) -> None:
    """What is wrong is told, and it resumes once that is mended."""
    made = make_scan(tmp_path)
    log = Path(made.plan.optouts)
    content = log.read_bytes()
    log.unlink()

    with pytest.raises(GateClosedError, match=r"optouts\.jsonl"):
        run(made)

    assert over(made)
    log.write_bytes(content)
    assert run(made).sent == 64


def test_dead_beat_ends_the_scan(tmp_path: Path) -> None:
    """A coordinator that can't reach its workers does not pretend to."""
    made = make_scan(tmp_path, addresses=640, shard_addresses=8)
    timer = _when(
        lambda: len(read_handouts(made.run)) > 1,
        made,
        lambda *_: made.run.wishes.write_text("{"),
    )

    with pytest.raises(SurveyError, match=r"wishes\.json: can't be read"):
        run(made)
    timer.join()


def test_folder_that_no_worker_can_use_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    """The proof comes before the first slot."""
    made = make_scan(tmp_path)
    made.run.shards.write_text("in the way")

    with pytest.raises(SurveyError, match="shards"):
        run(made)
    assert read_handouts(made.run) == ()


def _when(true: object, made: MadeScan, act: object) -> threading.Thread:
    """Act once something is so."""
    assert callable(true)
    assert callable(act)

    def wait() -> None:
        _until(true)
        act(made.settings, made.plan)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def _until(true: object) -> None:
    assert callable(true)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("never came true")
