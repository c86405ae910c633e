"""What a person should know about a plan before it is scanned."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.model.discovery import DiscoveryPlan
from survey.model.plan import Kind, Plan
from survey.targets.duration import effective_rate, seconds
from survey.targets.optouts import OptOuts
from survey.targets.plan import plan_hash
from survey.targets.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class Summary:
    """A plan in figures, as ``survey plan`` prints it; counts only, nothing about a host.

    Attributes:
        campaign: Campaign id.
        run: Run id.
        kind: Where it may send.
        plan_hash: SHA-256 of the plan, hex.
        addresses: Allowed addresses.
        ports: Ports tried on each.
        targets: (address, port) pairs.
        excluded_by: Why and how many addresses were taken out: (reason, addresses).
        opted_out: Allowed addresses that an opt-out keeps back as of now.
        packets_per_second: The cap.
        targets_per_second: What the caps allow on this space; less than the cap if it is dense.
        shards: How many.
        shard_addresses: Addresses in each.
        slots: Shards at a time.
        seconds: About how long discovery takes; conversations come on top.
        ends_at: When it would end if it began now, UTC.
        snapshots: Registry snapshots that the targets were resolved with.
        missing: What has to be done before a scan, one line each.
        discovery: How open ports are found.
    """

    campaign: str
    run: str
    kind: Kind
    plan_hash: str
    addresses: int
    ports: tuple[int, ...]
    targets: int
    excluded_by: tuple[tuple[str, int], ...]
    opted_out: int
    packets_per_second: int
    targets_per_second: float
    shards: int
    shard_addresses: int
    slots: int
    seconds: float
    ends_at: datetime
    snapshots: tuple[str, ...]
    missing: tuple[str, ...]
    discovery: DiscoveryPlan


def summarise(
    plan: Plan, optouts: OptOuts, now: datetime, missing: tuple[str, ...] = ()
) -> Summary:
    """The summary of a plan at this moment; ``missing`` is what the caller found lacking."""
    allowed = RangeSet.of(plan.ranges)
    duration = seconds(plan)
    ends_at = now + timedelta(seconds=duration)
    if plan.valid_until is not None and ends_at > plan.valid_until:
        late = f"the authority ends at {plan.valid_until:%Y-%m-%d %H:%M} UTC, before the scan would"
        missing = (*missing, late)
    return Summary(
        campaign=plan.campaign,
        run=plan.run,
        kind=plan.kind,
        plan_hash=plan_hash(plan),
        addresses=plan.addresses,
        ports=plan.ports,
        targets=plan.targets,
        excluded_by=plan.excluded_by,
        opted_out=(allowed & optouts.ranges).size,
        packets_per_second=plan.rate.packets_per_second,
        targets_per_second=effective_rate(allowed, plan.rate),
        shards=plan.shards,
        shard_addresses=plan.shard_addresses,
        slots=plan.slots,
        seconds=duration,
        ends_at=ends_at,
        snapshots=plan.snapshots,
        missing=missing,
        discovery=plan.discovery,
    )
