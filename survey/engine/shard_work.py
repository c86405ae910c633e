"""What a shard has to do, read from the data directory as its coordinator named it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from survey.errors import StorageError
from survey.model.assignment import Assignment
from survey.model.followup import Visit
from survey.model.plan import Plan
from survey.probes.messages import Messages
from survey.storage.layout import RunLayout
from survey.storage.rounds import load_round, round_hash
from survey.storage.watched import read_watched
from survey.storage.workplace import Workplace, open_workplace
from survey.targets.plan import load_plan, plan_hash
from survey.targets.shards import shard_addresses, shard_bounds


@dataclass(frozen=True, slots=True)
class ShardWork:
    """One shard of a scan, or of a round of follow-ups.

    Attributes:
        plan: The run's.
        paths: Where the shard belongs.
        visits: What a round's shard does; None for a scan's, which dials its targets.
        first: Its first plan index, or place in the round's list.
        places: How many of these it holds.
        targets: (address, port) pairs.
        messages: What each host may still get.
        place: Where it is found and committed.
        watched: Targets that get a row whatever they say; a round's all do.
    """

    plan: Plan
    paths: RunLayout
    visits: tuple[Visit, ...] | None
    first: int
    places: int
    targets: int
    messages: Messages
    place: Workplace
    watched: frozenset[tuple[int, int]] = frozenset()


def read_work(assignment: Assignment) -> ShardWork:
    """The work of an assignment.

    Raises:
        StorageError: What lies here is not what the coordinator hands out.
    """
    place = open_workplace(assignment.data)
    run = place.layout.run(assignment.campaign, assignment.run)
    place.have(run.plan)
    plan = load_plan(run.plan)
    if assignment.round:
        return _of_round(place, plan, run, assignment)
    if plan.discovery.found:
        place.have(run.found)
    place.may_have(run.watched)
    if plan_hash(plan) != assignment.plan_hash:
        raise _foreign(run.plan)
    first, stop = shard_bounds(plan, assignment.shard)
    return ShardWork(
        plan=plan,
        paths=run,
        visits=None,
        first=first,
        places=stop - first,
        targets=(stop - first) * len(plan.ports),
        messages=_messages(place, run.messages(assignment.shard), ()),
        place=place,
        watched=_watched(plan, run, assignment.shard),
    )


def _watched(plan: Plan, run: RunLayout, shard: int) -> frozenset[tuple[int, int]]:
    """Those of this shard, on ports of the plan."""
    if not run.watched.exists():
        return frozenset()
    targets = read_watched(run.watched, shard_addresses(plan, shard))
    return frozenset((ip, port) for ip, port in targets if port in plan.ports)


def _of_round(place: Workplace, plan: Plan, run: RunLayout, assignment: Assignment) -> ShardWork:
    paths = run.round(assignment.round)
    place.have(paths.plan)
    one = load_round(paths.plan)
    if round_hash(one) != assignment.plan_hash or one.plan_hash != plan_hash(plan):
        raise _foreign(paths.plan)
    visits = one.shard(assignment.shard)
    return ShardWork(
        plan=plan,
        paths=paths,
        visits=visits,
        first=one.bounds[assignment.shard],
        places=len(visits),
        targets=len({(visit.ip, visit.port) for visit in visits}),
        messages=_messages(place, paths.messages(assignment.shard), visits),
        place=place,
    )


def _foreign(path: Path) -> StorageError:
    return StorageError(f"{path}: is not the plan of this scan; does every worker share it?")


def _messages(place: Workplace, path: Path, visits: Sequence[Visit]) -> Messages:
    """Counted from what the round's list says, and from what lost attempts at this shard noted."""
    sent, note = place.messages(path)
    for ip, before in {visit.ip: visit.messages for visit in visits}.items():
        sent[ip] += before
    return Messages(sent, note)
