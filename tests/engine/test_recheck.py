"""What one look misses is told by a second one at a few targets, and by nothing else."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_leases import MadeCoordinator
from made_scan import FIRST, PORT, MadeScan, make_scan, open_socks5, world

from survey.engine import recheck as recheck_module
from survey.engine.shard import run_shard
from survey.model.address import Range, format_ip
from survey.storage.shard_file import read_address
from survey.targets import shards as shards_module
from survey.targets.optouts import add
from survey.targets.shards import recheck_order, shard_addresses

Lead = Callable[[MadeScan], MadeCoordinator]


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """Every fourth target is looked at again."""
    monkeypatch.setattr(shards_module, "RECHECKED", 4)
    with ExitStack() as made:
        yield made


def sample(made: MadeScan) -> list[int]:
    """The addresses that are looked at again."""
    return [int(shard_addresses(made.plan, 0)[place]) for place in recheck_order(made.plan, 0)]


def test_port_that_opens_in_between_was_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, lead: Lead
) -> None:
    """It is counted, beside those that were open both times; it is not tested."""
    first = sample(make_scan(tmp_path / "before", shard_addresses=64))
    first_look = recheck_module.Recheck.run

    async def run(recheck: recheck_module.Recheck) -> None:
        for ip in first[2:5]:
            stack.enter_context(socket.create_server((format_ip(ip), PORT)))
        await first_look(recheck)

    monkeypatch.setattr(recheck_module.Recheck, "run", run)
    with world(tmp_path, {first[0]: open_socks5, first[1]: open_socks5}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        receipt = run_shard(lead(made).grant(), lambda _: None)

    assert (receipt.sent, receipt.open, receipt.refused) == (64, 2, 62)
    assert (receipt.rechecked, receipt.reopened, receipt.missed) == (16, 5, 3)
    assert receipt.packets >= 64 + 16
    assert read_address(made.run.shard(0), first[2]) == ()


def test_opted_out_address_is_not_looked_at_again(tmp_path: Path, lead: Lead) -> None:
    """The second look goes through the gate, too."""
    made = make_scan(tmp_path, shard_addresses=64)
    now = datetime.now(UTC)
    ranges = tuple(Range(ip, ip) for ip in sample(made)[:6])
    add(Path(made.plan.optouts), ranges, "a test", "", now, now)

    receipt = run_shard(lead(made).grant(), lambda _: None)

    assert (receipt.sent, receipt.opted_out, receipt.rechecked) == (58, 6, 10)
    assert min(sample(made)) >= FIRST
