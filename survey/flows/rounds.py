"""From what waits in a run's queue to one frozen round of visits."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from survey.model.followup import FollowUp, Key, Reason, Round, Visit
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.probes.messages import MOST_MESSAGES
from survey.storage.layout import RunLayout
from survey.storage.messages import all_messages
from survey.storage.rounds import load_round, rounds_of
from survey.targets.ranges import RangeSet

MOST_VISITS = 20_000
"""Of one round; what is left waits for the next."""

SHARD_VISITS = 500
"""Of one shard at most, about; all visits of an address are in one."""

MOST_ATTEMPTS = 255
"""A token has one byte for it."""

JUDGED = frozenset({Reason.GREYLISTED, Reason.NEXT_ENVELOPE, Reason.SECOND_OPINION})
"""Reasons of a judgement: what the newest one does not ask for any more is not made."""

Test = tuple[int, int, Probe]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What becomes of due follow-ups.

    Attributes:
        round: What is made now, or None.
        dropped: Numbers of those that will never be made, by why.
    """

    round: Round | None
    dropped: dict[str, list[int]]


def plan_round(  # noqa: PLR0917 - what a round is made of
    plan: Plan,
    plan_hash: str,
    run: RunLayout,
    due: Iterable[FollowUp],
    asked_for: Collection[Key],
    now: datetime,
) -> Chosen:
    """Choose what is made in the next round of a run; nothing is written down.

    One visit of each (address, port, probe) at a time: what else waits for it waits on.

    Args:
        plan: The run's.
        plan_hash: Its SHA-256, hex.
        run: Where it lies.
        due: What may be made.
        asked_for: Keys of what the newest judgement asks for.
        now: UTC.
    """
    before = [load_round(paths.plan) for paths in rounds_of(run)]
    attempts = _attempts(before)
    messages = all_messages(run)
    sent = Counter(messages)
    planned = RangeSet.of(plan.ranges)
    due = list(due)
    newest = _newest_days(due)
    chosen: dict[Test, Visit] = {}
    dropped: dict[str, list[int]] = {}
    for one in due:
        wanted = one.wanted
        test = (wanted.ip, wanted.port, wanted.probe)
        if test in chosen or len(chosen) >= MOST_VISITS:
            continue
        attempt = attempts[test] + 1
        why = None
        if wanted.probe not in plan.probes_on(wanted.port) or wanted.ip not in planned:
            why = "it is not in the plan"
        elif wanted.probe.is_relay and sent[wanted.ip] >= MOST_MESSAGES:
            why = f"{MOST_MESSAGES} messages were sent to it in this run"
        elif attempt > MOST_ATTEMPTS:
            why = f"it was tested {MOST_ATTEMPTS} times in this run"
        elif wanted.not_before < newest.get(wanted.key[:-1], wanted.not_before):
            why = "that of a later day is due, too"
        elif wanted.reason in JUDGED and wanted.key not in asked_for:
            why = "what came since has answered it"
        if why is not None:
            dropped.setdefault(why, []).append(one.number)
            continue
        sent[wanted.ip] += wanted.probe.is_relay
        chosen[test] = _visit(one, plan, attempt, messages[wanted.ip])
    number = max((one.number for one in before), default=0) + 1
    return Chosen(_round(plan, plan_hash, number, chosen.values(), now), dropped)


def _newest_days(due: Iterable[FollowUp]) -> dict[tuple[object, ...], datetime]:
    """Of lifecycles that are due, the last day of each test: one look now stands for all."""
    days: dict[tuple[object, ...], datetime] = {}
    for one in due:
        if one.wanted.reason is Reason.LIFECYCLE:
            test = one.wanted.key[:-1]
            days[test] = max(one.wanted.not_before, days.get(test, one.wanted.not_before))
    return days


def _attempts(before: Iterable[Round]) -> Counter[Test]:
    """The last attempt at each target by the rounds until now; 0 is the scan's."""
    last: Counter[Test] = Counter()
    for one in before:
        for visit in one.visits:
            test = (visit.ip, visit.port, visit.probe)
            last[test] = max(last[test], visit.attempt)
    return last


def _visit(one: FollowUp, plan: Plan, attempt: int, messages: int) -> Visit:
    wanted = one.wanted
    return Visit(
        number=one.number,
        ip=wanted.ip,
        port=wanted.port,
        probe=wanted.probe,
        reason=wanted.reason,
        variants=wanted.variants,
        attempt=attempt,
        token_attempt=wanted.token_attempt,
        source=_source(wanted.reason, wanted.source, plan.identity.source_addresses),
        independent=wanted.independent,
        messages=messages,
    )


def _source(reason: Reason, before: int | None, ours: tuple[int, ...]) -> int | None:
    """From where to send: a greylist knows us by our address, an opinion is better from another."""
    if reason is Reason.GREYLISTED:
        return before if before in ours else None
    if reason is Reason.SECOND_OPINION and before in ours:
        return next((source for source in ours if source != before), None)
    return None


def _round(
    plan: Plan, plan_hash: str, number: int, visits: Collection[Visit], now: datetime
) -> Round | None:
    if not visits:
        return None

    def place(visit: Visit) -> bytes:
        """Where an address stands in a round: spread over it, as in a scan."""
        mark = b"%b %d %d" % (plan.seed.encode("ascii"), number, visit.ip)
        return hashlib.blake2b(mark, digest_size=8).digest() + visit.ip.to_bytes(4, "big")

    ordered = sorted(visits, key=lambda visit: (place(visit), visit.number))
    size = min(SHARD_VISITS, -(-len(ordered) // plan.slots))
    bounds, filled, at = [0], 0, 0
    for _, group in groupby(ordered, key=place):
        at += (many := len(list(group)))
        filled += many
        if filled >= size:
            bounds.append(at)
            filled = 0
    if bounds[-1] != at:
        bounds.append(at)
    return Round(
        campaign=plan.campaign,
        run=plan.run,
        number=number,
        plan_hash=plan_hash,
        created_at=now,
        visits=tuple(ordered),
        bounds=tuple(bounds),
    )
