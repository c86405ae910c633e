"""Bounds on connections."""

import asyncio
from typing import cast

from survey.canary.crowd import Crowd


class Guest:
    """A transport that remembers whether it was cut off."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.aborted = False

    def abort(self) -> None:
        """As asyncio does it: the connection is lost a little later."""
        self.aborted = True
        asyncio.get_running_loop().call_soon(self.crowd.leave, self)

    @property
    def transport(self) -> asyncio.Transport:
        """What the crowd takes it for."""
        return cast("asyncio.Transport", self)


async def test_bounds_hold_overall_and_per_peer() -> None:
    """One peer can't take all the places, nor can all peers together take more than there are."""
    crowd = Crowd(most=5, most_per_peer=2, seconds=10)
    guests = [Guest(crowd) for _ in range(8)]

    let_in = [
        crowd.enter(guest.transport, peer, 0.0)
        for guest, peer in zip(
            guests, [b"a", b"a", b"a", b"b", b"b", b"c", b"d", b"e"], strict=True
        )
    ]

    assert let_in == [True, True, False, True, True, True, False, False]
    assert len(crowd) == 5


async def test_place_is_free_again_after_leaving() -> None:
    """Leaving twice, or without having entered, changes nothing."""
    crowd = Crowd(most=5, most_per_peer=1, seconds=10)
    first, second = Guest(crowd).transport, Guest(crowd).transport
    crowd.enter(first, b"a", 0.0)
    crowd.leave(second)
    assert not crowd.enter(second, b"a", 0.0)

    crowd.leave(first)
    crowd.leave(first)

    assert crowd.enter(second, b"a", 0.0)
    assert crowd._peers == {b"a": 1}


async def test_sweep_cuts_off_who_stayed_too_long() -> None:
    """Only those whose time is over."""
    crowd = Crowd(most=5, most_per_peer=5, seconds=10)
    old, young = Guest(crowd), Guest(crowd)
    crowd.enter(old.transport, b"a", 0.0)
    crowd.enter(young.transport, b"a", 5.0)

    crowd.sweep(9.9)
    assert not old.aborted
    crowd.sweep(10.0)

    assert (old.aborted, young.aborted) == (True, False)


async def test_disperse_waits_then_cuts_off() -> None:
    """At the end nobody is left, and each connection was told."""
    crowd = Crowd(most=5, most_per_peer=5, seconds=10)
    leaves, stays = Guest(crowd), Guest(crowd)
    crowd.enter(leaves.transport, b"a", 0.0)
    crowd.enter(stays.transport, b"a", 0.0)
    asyncio.get_running_loop().call_soon(crowd.leave, leaves.transport)

    await crowd.disperse(0.05)

    assert len(crowd) == 0
    assert (leaves.aborted, stays.aborted) == (False, True)


async def test_disperse_of_nobody_is_at_once() -> None:
    """An idle canary stops without a wait (the test's time limit would end it)."""
    await Crowd(most=5, most_per_peer=5, seconds=10).disperse(100_000)
