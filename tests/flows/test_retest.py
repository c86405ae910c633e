"""Follow-ups from queue to verdict: a real canary, doors on loopback, the gate and the limits."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_mail import MailServer, deliver
from made_scan import FIRST, PORT, MadeScan, Serve, make_scan, open_socks5, silent, world

from survey.analysis.notebook import open as open_survey
from survey.cluster.serial import SerialExecutor
from survey.engine import shard as engine
from survey.errors import BusyError, ConfigError, StoppedError
from survey.flows import beat as beat_module
from survey.flows import coordinator as coordinator_module
from survey.flows.control import ask_stop
from survey.flows.explain import explain
from survey.flows.followups import followups_of
from survey.flows.judge import judge
from survey.flows.retest import RetestSummary, Target, retest_due, retest_targets
from survey.flows.scan import scan
from survey.model.address import Range
from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.followup import Reason
from survey.model.observation import Step
from survey.model.plan import Canary, ProbePlan, Waits
from survey.model.probe import Probe
from survey.storage.files import replace_text
from survey.storage.followups import read_queue
from survey.storage.layout import Layout
from survey.storage.lock import held
from survey.storage.manifest import read_manifest
from survey.storage.rounds import load_round, rounds_of
from survey.storage.shard_file import read_address
from survey.targets.optouts import add
from survey.targets.plan import plan_to_json

DOOR = FIRST + 3
AT_ONCE = Waits(0.001, 0.001, 0.001)
RELAY = (ProbePlan(Probe.SMTP_RELAY, (PORT,)),)


@pytest.fixture(autouse=True)
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look around more often than a person would need; each shard in a process of its own."""
    monkeypatch.setattr(coordinator_module, "SHOW", 0.05)
    monkeypatch.setattr(beat_module, "BEAT", 0.1)
    marks = count()
    monkeypatch.setattr(engine, "process_mark", lambda: f"process {next(marks)}")


def now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class There:
    """A scanned run, while its world lasts."""

    def __init__(self, root: Path, canary: Canary, waits: Waits, *probes: ProbePlan) -> None:
        made = make_scan(root, addresses=8, shard_addresses=8, canary=canary, lease_seconds=2.0)
        plan = replace(made.plan, waits=waits, probes=probes or made.plan.probes)
        self.made = MadeScan(made.settings, plan)
        made.run.plan.write_bytes(plan_to_json(plan))
        scan(plan, self.made.hash, made.settings, SerialExecutor(), lambda _: None, grace=0.2)

    def judge(self) -> dict[int, dict]:
        """The findings by address."""
        made = self.made
        judge(made.settings, made.plan.campaign, made.plan.run)
        return {row["ip"]: row for row in pq.read_table(made.run.findings).to_pylist()}

    def retest(self, at: Callable[[], datetime] = now) -> RetestSummary:
        """What is due."""
        made = self.made
        return retest_due(made.settings, made.plan, SerialExecutor(), lambda _: None, now=at)

    def wish(self, target: Target) -> RetestSummary:
        """One target, now."""
        made = self.made
        return retest_targets(made.settings, made.plan, (target,), SerialExecutor(), lambda _: None)

    def waiting(self) -> list[Reason]:
        """Why something waits."""
        return [one.wanted.reason for one in read_queue(self.made.run).waiting]


@pytest.fixture
def scanned(tmp_path: Path) -> Iterator[Callable[..., There]]:
    """Makes a world with a door, scans it, and keeps it until the test is over."""
    open_worlds = []

    def make(door: Serve, *probes: ProbePlan, waits: Waits = AT_ONCE, know: object = None) -> There:
        manager = world(tmp_path, {DOOR: door})
        there = manager.__enter__()
        open_worlds.append(manager)
        if isinstance(know, list):
            know.append(there.canary.smtp)
        return There(tmp_path, there.canary, waits, *probes)

    yield make
    for manager in open_worlds:
        manager.__exit__(None, None, None)


def test_an_open_proxy_is_reproduced_by_a_second_opinion(scanned: Callable[..., There]) -> None:
    """Queued by the judgement, made in a round, judged R7; everybody reads both."""
    there = scanned(open_socks5)
    assert (there.judge()[DOOR]["rule"], there.waiting()) == (
        "tunnel.mail_proven",
        [Reason.SECOND_OPINION],
    )
    there.judge()
    assert there.waiting() == [Reason.SECOND_OPINION]

    summary = there.retest()

    assert (summary.rounds, summary.visits) == (1, {"second_opinion": 1})
    assert (summary.planned, summary.sent, summary.waiting) == (1, 1, 0)
    finding = there.judge()[DOOR]
    assert (finding["rule"], finding["rung"]) == ("tunnel.mail_reproduced", 7)
    assert finding["proven_by"] == Client.PYTHON_SOCKS
    assert there.retest().rounds == 0

    paths = there.made.run.round(1)
    (receipt,) = read_manifest(paths).receipts()
    assert (receipt.round, receipt.first_index, receipt.addresses) == (1, 0, 1)
    assert (receipt.planned, receipt.sent, receipt.open) == (1, 1, 1)
    rows = pq.read_table(paths.shard(0)).to_pylist()
    assert {(row["round"], row["attempt"], row["reason"]) for row in rows} == {
        (1, 1, "second_opinion")
    }
    assert [row["variant"] for row in rows] == ["echo", "mail"]
    with open_survey(there.made.settings.data) as survey:
        asked = survey.sql("SELECT round, count(*) FROM observations GROUP BY round ORDER BY round")
        assert asked.fetchall() == [(0, 2), (1, 2)]
        assert survey.sql("SELECT count(*) FROM receipts").fetchall() == [(2,)]
        (coverage,) = survey.coverage().fetchall()
        assert coverage[coverage_column("planned")] == 8
    told = explain(there.made.settings, "made", "2026-W48", DOOR)
    assert [one.visit.reason for one in told.revisits] == [Reason.SECOND_OPINION]
    assert told.revisits[0].receipt == receipt
    assert [seen.attempt for seen in told.observations] == [0, 0, 1, 1]
    assert explain(there.made.settings, "made", "2026-W48", DOOR + 1).revisits == ()


def coverage_column(name: str) -> int:
    """Its place in the answer."""
    return ["campaign", "run", "shards", "committed", "targets", "planned"].index(name)


def test_nothing_is_made_before_its_time(scanned: Callable[..., There]) -> None:
    """An hour for an opinion, by the clock that is handed in; status tells what waits."""
    there = scanned(open_socks5, waits=Waits())
    assert there.retest().rounds == 0
    later = now() + timedelta(hours=1)
    standing = followups_of(there.made.settings, there.made.plan, now())
    assert (standing.waiting, standing.due, standing.reasons) == (1, 0, {"second_opinion": 1})
    assert standing.next_at is not None
    assert standing.next_at <= later
    assert followups_of(there.made.settings, there.made.plan, later).due == 1

    assert there.retest(lambda: later).rounds == 1
    # but the clock that counts for the proof is the observations' own
    assert there.judge()[DOOR]["rung"] == 6
    standing = followups_of(there.made.settings, there.made.plan, now())
    assert (standing.rounds, standing.unfinished) == (1, None)


def test_who_opts_out_after_the_queuing_gets_no_packet(
    scanned: Callable[..., There], tmp_path: Path
) -> None:
    """The gate is asked as of now; the receipt says so, and no row is written."""
    visits: list[int] = []

    async def door(*streams: object) -> None:
        visits.append(1)
        await open_socks5(*streams)  # type: ignore[arg-type]

    there = scanned(door)
    there.judge()
    before = len(visits)
    add(tmp_path / "optouts.jsonl", (Range(DOOR, DOOR),), "operator", "", now(), now())

    summary = there.wish(Target(DOOR))

    assert (summary.planned, summary.sent, summary.opted_out) == (1, 0, 1)
    assert summary.observations == 0
    assert len(visits) == before
    assert there.retest().rounds == 0  # nor does a judgement ask for it any more
    assert DOOR not in there.judge()


@pytest.mark.long
def test_an_exclusion_that_came_is_obeyed_too(
    scanned: Callable[..., There], tmp_path: Path
) -> None:
    """Files of exclusions may grow at any time."""
    (tmp_path / "no.txt").write_text("")
    there = scanned(open_socks5)
    plan = replace(there.made.plan, exclusions=(str(tmp_path / "no.txt"),))
    replace_text(there.made.run.plan, plan_to_json(plan).decode())
    there.made = MadeScan(there.made.settings, plan)
    (tmp_path / "no.txt").write_text("127.80.0.3\n")
    summary = there.wish(Target(DOOR))
    assert (summary.planned, summary.sent, summary.excluded) == (1, 0, 1)


def test_a_target_that_is_gone_leaves_a_row_and_takes_its_rung_back(tmp_path: Path) -> None:
    """Refused is an answer now; what was proven once stays open, and is no matter for a letter."""
    with world(tmp_path, {DOOR: open_socks5}) as there:
        gone = There(tmp_path, there.canary, AT_ONCE)
        gone.judge()
        gone.retest()
        assert gone.judge()[DOOR]["rung"] == 7
    with world(tmp_path, {}) as there:
        plan = replace(gone.made.plan, canary=there.canary)
        replace_text(gone.made.run.plan, plan_to_json(plan).decode())
        gone.made = MadeScan(gone.made.settings, plan)
        summary = gone.wish(Target(DOOR, PORT, Probe.SOCKS5))
    assert (summary.sent, summary.observations) == (1, 1)
    (row,) = read_address(gone.made.run.round(2).shard(0), DOOR)
    assert (row.step, row.failure, row.attempt) == (Step.NOTHING, Failure.REFUSED, 2)
    assert row.reason == Reason.WISH
    finding = gone.judge()[DOOR]
    assert (finding["verdict"], finding["rung"]) == ("open", 6)


def test_only_the_plan_s_targets_can_be_wished_for(scanned: Callable[..., There]) -> None:
    """Nothing is queued for the others."""
    there = scanned(open_socks5)
    for target in (Target(FIRST + 8), Target(DOOR, PORT + 1), Target(DOOR, None, Probe.SOCKS4)):
        with pytest.raises(ConfigError, match="no such test"):
            there.wish(target)
    assert read_queue(there.made.run).entries == ()


def test_a_stopped_round_is_resumed_by_the_same_command(scanned: Callable[..., There]) -> None:
    """Nothing partial is committed; its visits are made once."""
    slow, there_now = threading.Event(), []

    async def door(*streams: object) -> None:
        if not slow.is_set():
            await open_socks5(*streams)  # type: ignore[arg-type]
            return
        ask_stop(there_now[0].settings, there_now[0].plan)
        await silent(*streams)  # type: ignore[arg-type]

    there = scanned(door)
    there_now.append(there.made)
    there.judge()
    slow.set()
    with pytest.raises(StoppedError, match="survey retest"):
        there.retest()
    paths = there.made.run.round(1)
    assert not paths.done.exists()
    assert followups_of(there.made.settings, there.made.plan, now()).unfinished is not None
    assert followups_of(there.made.settings, there.made.plan, now()).waiting == 0
    slow.clear()

    summary = there.retest()

    assert (summary.rounds, summary.visits) == (1, {"second_opinion": 1})
    assert paths.done.exists()
    assert len(rounds_of(there.made.run)) == 1
    assert there.judge()[DOOR]["rung"] == 7


def test_one_coordinator_at_a_time(scanned: Callable[..., There]) -> None:
    """A scan or another retest has the data directory."""
    there = scanned(open_socks5)
    with held(Layout(there.made.settings.data).lock), pytest.raises(BusyError):
        there.retest()


def test_a_greylisting_relay_is_found_by_the_same_triplet(scanned: Callable[..., There]) -> None:
    """Put off at first; the second try goes through, once, and is then asked for an opinion."""
    canary: list = []
    server = MailServer(lambda: canary[0], puts_off=1)
    there = scanned(server, *RELAY, know=canary)
    assert there.judge()[DOOR]["rule"] == "relay.greylisted"
    assert there.waiting() == [Reason.GREYLISTED]

    there.retest()

    assert server.messages == 1
    assert max(server.triplets.values()) == 2
    assert there.judge()[DOOR]["rule"] == "relay.message_arrived"
    run = there.made.run
    first = {one.variant: one.token for one in read_address(run.shard(0), DOOR) if one.token}
    for row in read_address(run.round(1).shard(0), DOOR):
        assert (row.token, row.attempt) == (first[row.variant], 1)
    assert there.waiting() == [Reason.SECOND_OPINION]


def test_a_closed_greylister_is_asked_once_and_never_again(
    scanned: Callable[..., There],
) -> None:
    """Its second answer counts."""
    server = MailServer(puts_off=1, takes=lambda _: False)
    there = scanned(server, *RELAY)
    there.judge()
    there.retest()
    assert there.judge()[DOOR]["rule"] == "relay.denied"
    assert there.waiting() == []


@pytest.mark.long
def test_a_server_that_always_puts_off_is_asked_once_more(scanned: Callable[..., There]) -> None:
    """And then stays unknown."""
    server = MailServer(puts_off=100)
    there = scanned(server, *RELAY)
    for _ in range(3):
        there.judge()
        there.retest()
    assert max(server.triplets.values()) == 2
    assert there.judge()[DOOR]["verdict"] == "unknown"
    assert server.messages == 0


def test_a_relay_is_reproduced_by_another_client(scanned: Callable[..., There]) -> None:
    """Two messages, two mailboxes, two arrivals."""
    canary: list = []
    server = MailServer(lambda: canary[0])
    there = scanned(server, *RELAY, know=canary)
    assert there.judge()[DOOR]["rule"] == "relay.message_arrived"
    there.retest()
    finding = there.judge()[DOOR]
    assert (finding["rule"], finding["proven_by"]) == ("relay.reproduced", Client.AIOSMTPLIB)
    assert server.messages == 2


def test_a_sink_gets_three_messages_in_a_run_and_no_more(scanned: Callable[..., There]) -> None:
    """The next forms are tried as long as there are any, whoever asks."""
    server = MailServer()
    there = scanned(server, *RELAY)
    for _ in range(5):
        there.judge()
        there.retest()
    assert server.messages <= 3
    for _ in range(3):
        there.wish(Target(DOOR))
    assert server.messages == 3
    dropped = read_queue(there.made.run).dropped
    assert "3 messages were sent to it in this run" in dropped.values()
    assert there.judge()[DOOR]["rule"] == "relay.message_taken"
    assert explain(there.made.settings, "made", "2026-W48", DOOR).messages == 3


@pytest.mark.parametrize(
    ("passes_on", "takes_nobody"),
    [(False, True), (True, True), (True, False)],
    ids=["sink", "honeypot", "mail server"],
)
def test_what_takes_mail_for_nobody_is_suspected_once_it_is_asked(
    scanned: Callable[..., There],
    passes_on: bool,  # noqa: FBT001 - a column
    takes_nobody: bool,  # noqa: FBT001 - a column
) -> None:
    """Behind the message of the first follow-up, whoever's client brings it; no message more."""
    canary: list = []
    server = MailServer((lambda: canary[0]) if passes_on else None, takes_nobody=takes_nobody)
    there = scanned(server, *RELAY, know=canary)
    assert "honeypot_suspect" not in there.judge()[DOOR]["flags"]

    there.retest()

    finding = there.judge()[DOOR]
    assert finding["rule"] == ("relay.reproduced" if passes_on else "relay.message_taken")
    assert ("honeypot_suspect" in finding["flags"]) == takes_nobody
    assert ("sink_suspect" in finding["flags"]) != passes_on
    asked = {row.variant for row in read_address(there.made.run.round(1).shard(0), DOOR)}
    assert asked == ({"C2", "V1"} if passes_on else {"C2", "V0"})
    assert server.messages == 2


def test_a_message_that_came_meanwhile_saves_the_next_envelope(
    scanned: Callable[..., There],
) -> None:
    """What was queued is dropped when the newest judgement does not ask for it."""
    canary: list = []
    server = MailServer()
    there = scanned(server, *RELAY, know=canary)
    there.judge()
    assert there.waiting() == [Reason.NEXT_ENVELOPE]
    (late,) = server.kept
    asyncio.run(deliver(canary[0], *late))
    server.to = lambda: canary[0]

    summary = there.retest()

    assert summary.dropped == {"what came since has answered it": 1}
    assert server.messages == 2  # the first, and the second opinion's
    assert there.judge()[DOOR]["rule"] == "relay.reproduced"


@pytest.mark.long
def test_every_visit_is_made_once_over_many_rounds(scanned: Callable[..., There]) -> None:
    """Law 6 for follow-ups: each number in one round, no observation key twice in the run."""
    there = scanned(open_socks5)
    there.judge()
    there.retest()
    for _ in range(2):
        there.wish(Target(DOOR))
    run = there.made.run
    visits = [visit for paths in rounds_of(run) for visit in load_round(paths.plan).visits]
    assert [visit.attempt for visit in visits] == [1, 2, 3]
    assert len({visit.number for visit in visits}) == 3
    keys = [
        (row["ip"], row["port"], row["variant"], row["attempt"])
        for paths in (run, *rounds_of(run))
        for path in read_manifest(paths).files()
        for row in pq.read_table(path).to_pylist()
    ]
    assert len(keys) == len(set(keys)) == 8
