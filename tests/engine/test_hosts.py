"""No address ever has more connections than allowed, and nobody waits in vain."""

import asyncio

import pytest

from survey.engine.hosts import Hosts

IP = 0xC0000201


def test_limit_holds_and_is_per_address() -> None:
    """One full address keeps no other waiting."""
    hosts = Hosts(2)

    assert [hosts.enter(IP), hosts.enter(IP), hosts.enter(IP)] == [True, True, False]
    assert hosts.enter(IP + 1)
    hosts.leave(IP)
    assert hosts.enter(IP)


async def test_conversations_take_turns_in_order() -> None:
    """First come, first served, one at a time."""
    hosts = Hosts(1)
    order: list[int] = []
    busy = 0

    async def talk(number: int) -> None:
        nonlocal busy
        async with hosts.connection(IP):
            busy += 1
            assert busy == 1
            await asyncio.sleep(0)
            order.append(number)
            busy -= 1

    await asyncio.gather(*(talk(number) for number in range(5)))

    assert order == [0, 1, 2, 3, 4]
    assert hosts._busy == {}
    assert hosts._waiting == {}


async def test_discovery_gets_a_place_only_when_nobody_waits() -> None:
    """A connection given back goes to a conversation that waits for it."""
    hosts = Hosts(1)
    assert hosts.enter(IP)
    release = asyncio.Event()

    async def talk() -> None:
        async with hosts.connection(IP):
            await release.wait()

    task = asyncio.create_task(talk())
    await asyncio.sleep(0)
    hosts.leave(IP)

    assert not hosts.enter(IP)
    release.set()
    await task
    assert hosts.enter(IP)


@pytest.mark.parametrize("handed_over", [False, True])
async def test_cancelled_waiter_blocks_nobody(handed_over: bool) -> None:  # noqa: FBT001
    """Whether it was still waiting or had just been given the place."""
    hosts = Hosts(1)
    assert hosts.enter(IP)

    async def talk() -> None:
        async with hosts.connection(IP):
            raise AssertionError("never begins")

    task = asyncio.create_task(talk())
    await asyncio.sleep(0)
    if handed_over:
        hosts.leave(IP)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if not handed_over:
        hosts.leave(IP)

    assert hosts.enter(IP)
