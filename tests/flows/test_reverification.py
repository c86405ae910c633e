"""A finding is looked at once more before a letter: queued, made, judged; gone if it is closed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_mail import MailServer
from made_scan import FIRST, PORT, MadeScan, Serve, make_scan, open_socks5, world

from survey.cluster.serial import SerialExecutor
from survey.engine import shard as engine
from survey.errors import StorageError
from survey.flows import beat as beat_module
from survey.flows import coordinator as coordinator_module
from survey.flows.judge import judge
from survey.flows.retest import RetestSummary, retest_due
from survey.flows.reverification import Reverification, reverify
from survey.flows.scan import scan
from survey.model.followup import Reason, Wanted
from survey.model.plan import ProbePlan, Waits
from survey.model.probe import Probe
from survey.storage.followups import queue_followups, read_queue
from survey.storage.rounds import load_round, rounds_of
from survey.targets.plan import plan_to_json

DOOR = FIRST + 3
PROXY = (DOOR, PORT, Probe.SOCKS5)
RELAY = (DOOR, PORT, Probe.SMTP_RELAY)
TOMORROW = timedelta(hours=25)


@pytest.fixture(autouse=True)
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look around more often than a person would need; each shard in a process of its own."""
    monkeypatch.setattr(coordinator_module, "SHOW", 0.05)
    monkeypatch.setattr(beat_module, "BEAT", 0.1)
    marks = count()
    monkeypatch.setattr(engine, "process_mark", lambda: f"process {next(marks)}")


class There:
    """A run with one open door that was reproduced, while its world lasts."""

    def __init__(self, root: Path, door: Callable[..., object], probe: Probe) -> None:
        self._world = world(root, {DOOR: door})
        there = self._world.__enter__()
        if isinstance(door, MailServer):
            door.to = lambda: there.canary.smtp
        made = make_scan(
            root, addresses=8, shard_addresses=8, canary=there.canary, lease_seconds=2.0
        )
        plan = replace(
            made.plan, waits=Waits(0.001, 0.001, 0.001), probes=(ProbePlan(probe, (PORT,)),)
        )
        self.made = MadeScan(made.settings, plan)
        made.run.plan.write_bytes(plan_to_json(plan))
        scan(plan, self.made.hash, made.settings, SerialExecutor(), lambda _: None, grace=0.2)
        self.judge()

    def judge(self) -> dict[str, object]:
        """The door's finding."""
        made = self.made
        judge(made.settings, made.plan.campaign, made.plan.run)
        (finding,) = pq.read_table(made.run.findings).to_pylist()
        return finding

    def retest(self) -> RetestSummary:
        """What is due."""
        made = self.made
        return retest_due(made.settings, made.plan, SerialExecutor(), lambda _: None)

    def ask(self, *tests: tuple[int, int, Probe], later: timedelta = TOMORROW) -> Reverification:
        """Before a letter, some time after the proof."""
        now = datetime.now(UTC) + later
        return reverify(self.made.settings, self.made.plan, tests, now)

    def ready(self) -> None:
        """Let what was queued for a later day be due now."""
        log = self.made.run.followups
        text = log.read_text()
        day = (datetime.now(UTC) + TOMORROW).date().isoformat()
        log.write_text(
            text.replace(day, (datetime.now(UTC) - timedelta(days=1)).date().isoformat())
        )

    def close(self) -> None:
        """The world's end."""
        self._world.__exit__(None, None, None)


Make = Callable[[Serve, Probe], There]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Make]:
    """Makes a scanned run with one door."""
    made: list[There] = []

    def make(door: Serve, probe: Probe = Probe.SOCKS5) -> There:
        made.append(There(tmp_path, door, probe))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_proof_that_is_too_old_for_a_letter_is_made_again(there: Make) -> None:
    """Queued once, made by `survey retest`, and R7 still, with a newer proof."""
    proxy = there(open_socks5)
    assert proxy.ask(PROXY).unfit == (PROXY,)  # R6 until it was reproduced
    proxy.retest()
    before = proxy.judge()
    assert before["rung"] == 7
    assert proxy.ask(PROXY, later=timedelta(hours=1)).recent == (PROXY,)
    assert read_queue(proxy.made.run).waiting == ()

    assert proxy.ask(PROXY).queued == (PROXY,)
    assert proxy.ask(PROXY).queued == (PROXY,)
    (one,) = read_queue(proxy.made.run).waiting
    assert (one.wanted.reason, one.wanted.variants) == (Reason.REVERIFICATION, ())
    proxy.ready()

    summary = proxy.retest()

    assert summary.visits == {"reverification": 1}
    after = proxy.judge()
    assert (after["rule"], after["rung"]) == ("tunnel.mail_reproduced", 7)
    assert after["proven_at"] > before["proven_at"]
    assert proxy.ask(PROXY, later=timedelta(0)).recent == (PROXY,)


def test_a_relay_is_asked_with_the_form_that_went_through(there: Make) -> None:
    """Its third message is its last in the run; then it can't be asked again."""
    server = MailServer(takes=lambda sender: sender == b"<>")
    relay = there(server, Probe.SMTP_RELAY)
    assert relay.judge()["variant"] == "V0"
    relay.retest()
    assert relay.judge()["rung"] == 7
    assert relay.ask(RELAY).queued == (RELAY,)
    relay.ready()

    assert relay.retest().visits == {"reverification": 1}

    (visit,) = load_round(rounds_of(relay.made.run)[-1].plan).visits
    assert visit.variants == ("V0",)
    assert relay.judge()["rule"] == "relay.reproduced"
    assert server.messages == 3
    assert relay.ask(RELAY).spent == (RELAY,)
    assert read_queue(relay.made.run).waiting == ()


def test_what_is_closed_meanwhile_is_no_matter_for_a_letter(there: Make) -> None:
    """The newest test takes R7 back."""
    closed: list[bool] = []
    server = MailServer(takes=lambda _: not closed)
    relay = there(server, Probe.SMTP_RELAY)
    relay.retest()
    assert relay.judge()["rung"] == 7
    relay.ask(RELAY)
    relay.ready()
    closed.append(True)

    relay.retest()

    assert relay.judge()["rung"] == 6
    assert relay.ask(RELAY).unfit == (RELAY,)


def test_a_test_of_a_letter_s_days_after_is_made_by_retest_too(there: Make) -> None:
    """Reason ``lifecycle``: whoever queues it."""
    proxy = there(open_socks5)
    wanted = Wanted(*PROXY, Reason.LIFECYCLE, (), datetime.now(UTC))
    queue_followups(proxy.made.run, [wanted], datetime.now(UTC))

    assert proxy.retest().visits["lifecycle"] == 1


def test_only_a_judged_run_can_be_asked(there: Make) -> None:
    """Without findings nobody knows what a letter would be about."""
    proxy = there(open_socks5)
    proxy.made.run.findings.unlink()
    with pytest.raises(StorageError, match="survey findings"):
        proxy.ask(PROXY)
