"""Each target leaves the supply once: dialled, or kept back for one reason."""

from collections.abc import Callable, Iterator
from typing import Any

from survey.engine.supply import Supply

Cut = Callable[..., Iterator[Any]]
TARGETS = [(0xC0000200 + number % 50, 1000 + number) for number in range(100)]


def drained(supply: Supply, at_once: int = 7) -> list[tuple[int, int]]:
    """All that it gives, as (address, port)."""
    out: list[tuple[int, int]] = []
    now = 0.0
    while not supply.exhausted:
        out += [(ip, port) for ip, (_, port) in supply.take(at_once, now)]
        now += 1
    return out


def test_everything_is_given_once_in_order(gate: Any, batches: Cut) -> None:
    """With an open gate it is the shard, whatever the batches."""
    assert drained(Supply(batches(TARGETS), gate)) == TARGETS


def test_addresses_are_ready_for_connect(gate: Any, batches: Cut) -> None:
    """A number for us, text for the kernel."""
    (target,) = Supply(batches([(0xC0000201, 25)]), gate).take(1, 0.0)

    assert target == (0xC0000201, ("192.0.2.1", 25))


def test_kept_back_targets_are_counted_by_reason(gate: Any, batches: Cut) -> None:
    """Planned = given + excluded + opted out."""
    gate.change(excluded={0xC0000201, 0xC0000202}, opted_out={0xC0000203})
    supply = Supply(batches(TARGETS), gate)

    given = drained(supply)

    assert (supply.kept_back.excluded, supply.kept_back.opted_out) == (4, 2)
    assert len(given) == 94


def test_opt_out_holds_for_what_was_sorted_already(gate: Any, batches: Cut) -> None:
    """Fresh and deferred targets are sorted anew when the gate changes."""
    supply = Supply(batches(TARGETS, size=100), gate)
    first = supply.take(10, 0.0)
    for target in first[:4]:
        supply.defer(target, 0.0)
    gate.change(opted_out={first[0][0], TARGETS[20][0]})

    given = drained(supply)

    assert {ip for ip, _ in given}.isdisjoint(gate.opted_out)
    assert len(given) == 90 + 4 - 1 - 3
    assert supply.kept_back.opted_out == 4


def test_deferred_target_waits_for_its_time_and_goes_first(gate: Any, batches: Cut) -> None:
    """It comes before fresh ones, never before it is due."""
    supply = Supply(batches(TARGETS), gate)
    early = supply.take(1, 0.0)
    supply.defer(early[0], 5.0)

    assert early[0] not in supply.take(20, 4.9)
    assert supply.due == 5.0
    assert supply.take(3, 5.0)[0] == early[0]


def test_crowded_supply_gives_deferred_ones_alone(gate: Any, batches: Cut) -> None:
    """So what waits can shrink."""
    supply = Supply(batches(TARGETS), gate)
    one = supply.take(1, 0.0)
    supply.defer(one[0], 1.0)

    assert supply.take(10, 0.5, only_deferred=True) == []
    assert supply.take(10, 1.0, only_deferred=True) == one


def test_gate_is_asked_shortly_before(gate: Any, batches: Cut) -> None:
    """Only the batch that is needed next is sorted."""
    supply = Supply(batches(TARGETS, size=10), gate)
    supply.take(5, 0.0)

    assert gate.asked == 10


def test_nothing_planned_is_exhausted_at_once(gate: Any, batches: Cut) -> None:
    """An empty shard gives nothing and ends."""
    supply = Supply(batches([]), gate)

    assert supply.take(5, 0.0) == []
    assert supply.exhausted
