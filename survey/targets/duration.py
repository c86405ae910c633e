"""How fast a plan may really go, how it is cut into shards, and how long it will take at least.

A fixed rate on a small space is an attack: the cap per /24 bounds the rate of a dense plan.
"""

import numpy as np

from survey.model.discovery import Method
from survey.model.plan import Plan, Rate
from survey.targets.ranges import RangeSet

MAX_SHARDS = 20_000
"""More tasks than this make the coordinator, not the rate, the limit (measured at 1 ms each)."""

_NETWORK_BITS = 8
_NETWORK = 1 << _NETWORK_BITS


def fullest_24(allowed: RangeSet) -> int:
    """Most allowed addresses in any one /24, 0 to 256."""
    if not allowed.size:
        return 0
    starts, ends = allowed.starts.astype(np.int64), allowed.ends.astype(np.int64)
    first, last = starts >> _NETWORK_BITS, ends >> _NETWORK_BITS
    if np.any(last - first > 1):
        return _NETWORK  # one range holds a whole /24 between its ends
    # what each range has in its first and in its last /24 (none if that is the same one)
    border = (first + 1) << _NETWORK_BITS
    heads = np.minimum(ends + 1, border) - starts
    tails = np.maximum(ends + 1 - border, 0)
    networks, places = np.unique(np.concatenate((first, last)), return_inverse=True)
    counts = np.bincount(places, np.concatenate((heads, tails)), minlength=len(networks))
    return int(counts.max())


def effective_rate(allowed: RangeSet, rate: Rate) -> float:
    """Targets/s that the caps allow on this space: the cap, or less where it is dense.

    The order is uniform over the space, so a /24 gets its share of the rate; the fullest one
    must stay below its own cap.
    """
    if not allowed.size:
        return float(rate.packets_per_second)
    dense = rate.per_24_per_second * allowed.size / fullest_24(allowed)
    return min(float(rate.packets_per_second), dense)


def shard_addresses(
    allowed: RangeSet, ports: int, rate: Rate, slots: int, shard_seconds: float
) -> int:
    """Addresses per shard, at least 1: ``shard_seconds`` of one slot's work.

    Fewer if else some slots would stay without any; more if else there would be over MAX_SHARDS.
    """
    per_slot = effective_rate(allowed, rate) / slots
    wanted = int(shard_seconds * per_slot / ports)
    fair, least = -(-allowed.size // slots), -(-allowed.size // MAX_SHARDS)
    return max(1, least, min(wanted, fair))


def seconds(plan: Plan) -> float:
    """About how long the plan's discovery takes, in seconds.

    One packet for each target, no /24 above its cap, shards in waves of ``slots``.  Conversations
    with what is found come on top: how many, only the scan can tell.
    """
    if not plan.targets or plan.discovery.method is Method.IMPORT:
        return 0.0
    ports = len(plan.ports)
    slot_rate = effective_rate(RangeSet.of(plan.ranges), plan.rate) / plan.slots
    waves = -(-plan.shards // plan.slots)
    return waves * min(plan.shard_addresses, plan.addresses) * ports / slot_rate
