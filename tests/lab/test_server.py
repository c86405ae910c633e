"""Every door of a world opens, and closes again."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from survey.errors import ConfigError, SurveyError
from survey.lab import server
from survey.lab.listening import allow_descriptors
from survey.lab.personality import Personality
from survey.lab.server import running, serve
from survey.lab.world import World
from survey.model.address import Range, format_ip, parse_ip
from survey.model.plan import Canary, Endpoint

if TYPE_CHECKING:
    from tests.lab.conftest import FarEnd, Visit

HERE = (Range(parse_ip("127.80.0.0"), parse_ip("127.80.255.255")),)


def canary(ip: str = "127.0.0.99") -> Canary:
    """A canary that is not there."""
    return Canary(("canary.example",), Endpoint(parse_ip(ip), 2525), Endpoint(parse_ip(ip), 2526))


async def test_two_thousand_machines_stand_and_are_gone_afterwards() -> None:
    """Each door accepts, drops or resets as it should; then all of them refuse."""
    world = World("server", HERE, 2000)
    doors = [(machine, door) for machine, door in world.doors()][::40]

    async with running(world, canary()) as lab:
        assert lab.doors == sum(1 for _ in world.doors()) > 2000
        for machine, door in doors:
            if door.personality is not Personality.SILENT:
                with socket.create_connection((format_ip(machine.ip), door.port)):
                    pass

    assert not lab.present
    for machine, door in doors:
        with socket.socket() as link:
            assert link.connect_ex((format_ip(machine.ip), door.port)) == 111


async def test_serve_tells_that_it_is_ready_and_stops_when_told() -> None:
    """Ready comes once every door is open."""
    stop = asyncio.Event()
    world = World("server", HERE, 20)

    await serve(world, canary(), lambda lab: stop.set() if lab.doors else None, stop)

    assert stop.is_set()


@pytest.mark.parametrize("ip", ["192.0.2.1", "10.0.0.1"])
async def test_a_canary_off_loopback_is_refused(ip: str) -> None:
    """The lab would be a proxy into the world."""
    with pytest.raises(ConfigError, match=r"canary\.smtp"):
        async with running(World("server", HERE, 20), canary(ip)):
            pass


async def test_a_canary_inside_the_lab_is_refused() -> None:
    """Its address would be a machine's."""
    world = World("server", HERE, 20)

    with pytest.raises(ConfigError, match="outside the lab's ranges"):
        async with running(world, canary(format_ip(world.machines[0].ip))):
            pass


async def test_a_port_that_is_taken_is_named_and_nothing_stays_open() -> None:
    """A second lab on the same addresses says what to do."""
    world = World("server", HERE, 20)
    async with running(world, canary()):
        with pytest.raises(SurveyError, match=r"127\.80\.\d+\.\d+:\d+ is taken"):
            async with running(world, canary()):
                pass

    async with running(world, canary()):
        pass


def test_more_doors_than_files_are_refused() -> None:
    """The text says how many would be needed."""
    with pytest.raises(SurveyError, match="need 10002000 open files"):
        allow_descriptors(10_000_000)


async def test_a_conversation_has_an_end_whatever_the_peer_does(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab hangs up on who stays too long."""
    monkeypatch.setattr(server, "LONGEST_CONVERSATION", 0.05)
    async with visit(Personality.MUTE) as client:
        assert await client.rest() == b""


async def test_stopping_breaks_conversations_off(far_end: FarEnd) -> None:
    """Nobody has to wait for a tarpit."""
    world = World("server", HERE, 400)
    slow = {Personality.MUTE, Personality.DRIP, Personality.FLOOD, Personality.HALF_CLOSES}
    links = []
    async with running(world, far_end.canary) as lab:
        for machine, door in world.doors():
            if door.personality in slow:
                links.append(await asyncio.open_connection(format_ip(machine.ip), door.port))
        while len(lab.present) < len(links):  # noqa: ASYNC110 - the lab tells nobody
            await asyncio.sleep(0.01)

    assert links
    assert not lab.present
    for _, writer in links:
        writer.transport.abort()
