"""What becomes of due follow-ups: one visit of a target at a time, within every limit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_followups import made_round, visit, wanted
from made_scan import FIRST, PORT, MadeScan, make_scan

from survey.flows import rounds as module
from survey.flows.rounds import Chosen, plan_round
from survey.model.followup import FollowUp, Reason, Round, Wanted
from survey.model.plan import ProbePlan
from survey.model.probe import Probe
from survey.storage.messages import note_message
from survey.storage.rounds import write_round

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOURCES = (0x7F000002, 0x7F000003)


@pytest.fixture
def made(tmp_path: Path) -> MadeScan:
    """A plan with a relay test and a proxy test on one port, sent from two addresses."""
    probes = (ProbePlan(Probe.SMTP_RELAY, (PORT,)), ProbePlan(Probe.SOCKS5, (PORT,)))
    made = make_scan(tmp_path, probes=probes)
    identity = replace(made.plan.identity, source_addresses=SOURCES)
    return MadeScan(made.settings, replace(made.plan, identity=identity))


def wish(
    number: int = 1, ip: int = FIRST, probe: Probe = Probe.SOCKS5, **known: object
) -> FollowUp:
    """A follow-up of the queue; a wish unless said otherwise."""
    given = {"ip": ip, "port": PORT, "probe": probe, "reason": Reason.WISH} | known
    return FollowUp(number, NOW, wanted(**given))


def choose(made: MadeScan, *due: FollowUp, asked_for: tuple[Wanted, ...] = ()) -> Chosen:
    """The next round."""
    keys = {one.key for one in asked_for}
    return plan_round(made.plan, made.hash, made.run, due, keys, NOW)


def planned(made: MadeScan, *due: FollowUp) -> Round:
    """The next round, with everything asked for."""
    chosen = choose(made, *due, asked_for=tuple(one.wanted for one in due))
    assert chosen.round is not None
    return chosen.round


def test_a_round_belongs_to_its_plan(made: MadeScan) -> None:
    """Named by its hash; attempts begin behind the scan's."""
    one = planned(made, wish())
    assert (one.campaign, one.run, one.number) == ("made", "2026-W48", 1)
    assert one.plan_hash == made.hash
    (visit,) = one.visits
    assert (visit.number, visit.attempt, visit.reason) == (1, 1, Reason.WISH)
    assert choose(made).round is None


def test_attempts_count_over_all_rounds(made: MadeScan) -> None:
    """So no observation key and no token comes twice in a run."""
    for number in (1, 2, 3):
        one = planned(made, wish(number), wish(number + 10, ip=FIRST + number))
        assert one.number == number
        attempts = {visit.ip: visit.attempt for visit in one.visits}
        assert attempts == {FIRST: number, FIRST + number: 1}
        write_round(made.run, one)


def test_a_target_is_visited_once_in_a_round(made: MadeScan) -> None:
    """What else waits for it waits on; another probe of it is another test."""
    chosen = choose(made, wish(1), wish(2, variants=("echo",)), wish(3, probe=Probe.SMTP_RELAY))
    assert chosen.round is not None
    assert {visit.number for visit in chosen.round.visits} == {1, 3}
    assert chosen.dropped == {}


def test_what_a_judgement_no_longer_asks_for_is_dropped(made: MadeScan) -> None:
    """The message has come, or somebody else proved it; wishes stay wishes."""
    stale = wish(1, reason=Reason.NEXT_ENVELOPE, variants=("V2",))
    fresh = wish(2, ip=FIRST + 1, reason=Reason.SECOND_OPINION)
    chosen = choose(made, stale, fresh, wish(3, ip=FIRST + 2), asked_for=(fresh.wanted,))
    assert chosen.round is not None
    assert {visit.number for visit in chosen.round.visits} == {2, 3}
    assert chosen.dropped == {"what came since has answered it": [1]}


def test_only_tests_of_the_plan_are_made(made: MadeScan) -> None:
    """Another address, port or probe is dropped; the gate would refuse it anyway."""
    chosen = choose(
        made,
        wish(1, ip=FIRST + 64),
        wish(2, port=PORT + 1),
        wish(3, probe=Probe.SOCKS4),
    )
    assert chosen.round is None
    assert chosen.dropped == {"it is not in the plan": [1, 2, 3]}


def test_three_messages_are_the_most_that_a_host_gets(made: MadeScan) -> None:
    """By any attempt of the run, lost ones too; a proxy test sends none."""
    for _ in range(2):
        note_message(made.run.messages(0), FIRST)
    relay = wish(1, probe=Probe.SMTP_RELAY)
    one = planned(made, relay)
    assert [visit.messages for visit in one.visits] == [2]
    note_message(made.run.round(1).messages(0), FIRST)
    chosen = choose(made, relay, wish(2))
    assert chosen.round is not None
    assert [visit.number for visit in chosen.round.visits] == [2]
    assert chosen.dropped == {"3 messages were sent to it in this run": [1]}


def test_messages_to_several_ports_of_a_host_count_together(made: MadeScan) -> None:
    """Each relay test may send one."""
    ports = (PORT, PORT + 1, PORT + 2, PORT + 3)
    plan = replace(made.plan, probes=(ProbePlan(Probe.SMTP_RELAY, ports),))
    due = [wish(number, probe=Probe.SMTP_RELAY, port=port) for number, port in enumerate(ports, 1)]
    chosen = plan_round(plan, made.hash, made.run, due, set(), NOW)
    assert chosen.round is not None
    assert len(chosen.round.visits) == 3
    assert [len(numbers) for numbers in chosen.dropped.values()] == [1]


def test_a_greylist_sees_the_same_address_and_an_opinion_comes_from_another(
    made: MadeScan,
) -> None:
    """Where the campaign has one; a wish goes out like any test."""
    known = {"probe": Probe.SMTP_RELAY, "source": SOURCES[1], "token_attempt": 0}
    grey = wish(1, reason=Reason.GREYLISTED, variants=("V1",), **known)
    opinion = wish(2, ip=FIRST + 1, reason=Reason.SECOND_OPINION, source=SOURCES[1])
    plain = wish(3, ip=FIRST + 2, source=SOURCES[1])
    sources = {one.number: one.source for one in planned(made, grey, opinion, plain).visits}
    assert sources == {1: SOURCES[1], 2: SOURCES[0], 3: None}
    lone = MadeScan(
        made.settings,
        replace(made.plan, identity=replace(made.plan.identity, source_addresses=SOURCES[1:])),
    )
    sources = {one.number: one.source for one in planned(lone, grey, opinion, plain).visits}
    assert sources == {1: SOURCES[1], 2: None, 3: None}


def test_a_token_has_room_for_so_many_attempts(made: MadeScan) -> None:
    """Beyond that a target is left alone for the rest of the run."""
    write_round(made.run, made_round(visit(ip=FIRST, port=PORT, attempt=255)))
    chosen = choose(made, wish())
    assert chosen.round is None
    assert chosen.dropped == {"it was tested 255 times in this run": [1]}


def test_visits_of_an_address_share_a_shard_and_shards_fill_the_slots(
    made: MadeScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Host limits are kept in one place; the order is spread, and the same for the same round."""
    monkeypatch.setattr(module, "SHARD_VISITS", 8)
    due = [
        wish(2 * host + turn, ip=FIRST + host, probe=probe)
        for host in range(20)
        for turn, probe in enumerate((Probe.SMTP_RELAY, Probe.SOCKS5), 1)
    ]
    one = planned(made, *due)
    assert sorted(visit.number for visit in one.visits) == list(range(1, 41))
    shards = [one.shard(index) for index in range(one.shards)]
    assert [len(shard) for shard in shards] == [8] * 5
    homes = [{visit.ip for visit in shard} for shard in shards]
    assert sum(map(len, homes)) == len(set().union(*homes)) == one.targets == 20
    assert planned(made, *due) == one
    assert [visit.ip for visit in one.visits] != sorted(visit.ip for visit in one.visits)
    assert planned(made, wish(1), wish(2, ip=FIRST + 1)).shards == made.plan.slots


def test_what_does_not_fit_into_a_round_waits_for_the_next(
    made: MadeScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither made nor dropped."""
    monkeypatch.setattr(module, "MOST_VISITS", 2)
    chosen = choose(made, *(wish(number, ip=FIRST + number) for number in (1, 2, 3)))
    assert chosen.round is not None
    assert len(chosen.round.visits) == 2
    assert chosen.dropped == {}


def test_rounds_are_dated(made: MadeScan) -> None:
    """By the clock that is handed in."""
    later = NOW + timedelta(days=3)
    chosen = plan_round(made.plan, made.hash, made.run, [wish()], set(), later)
    assert chosen.round is not None
    assert chosen.round.created_at == later


def test_of_two_days_that_are_due_one_look_stands_for_both(made: MadeScan) -> None:
    """Whoever retests once a week sends one test, not one for each day that has gone by."""
    earlier, later = (
        wish(number, reason=Reason.LIFECYCLE, not_before=NOW - timedelta(days=days))
        for number, days in ((1, 4), (2, 2))
    )
    chosen = choose(made, earlier, later)
    assert chosen.round is not None
    assert [visit.number for visit in chosen.round.visits] == [2]
    assert chosen.dropped == {"that of a later day is due, too": [1]}
