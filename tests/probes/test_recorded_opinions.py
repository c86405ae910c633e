"""Second opinions over what real servers said: the libraries' readers meet hostile bytes, too."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from mutations import mutated, pieces
from player import Player
from recordings import Recording, recordings

from survey.model.address import parse_ip
from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Step
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.evidence import MAX_BYTES
from survey.probes.messages import Messages
from survey.probes.opinion import second_opinion

LOOPBACK = parse_ip("127.0.0.1")
CARRIED = (
    Probe.SMTP_RELAY,
    Probe.HTTP_CONNECT,
    Probe.HTTP_GET,
    Probe.SOCKS4,
    Probe.SOCKS5,
)
AT_ONCE = 25
"""Tests at one time."""
PIECE = 65_536
"""Bytes that a loop may hand over at once, so that may come beyond a limit."""
FEW, MANY = 1, 40
"""Mutations of each recorded test: in every run of the tests, and in the long one."""


async def opined(
    serve: Callable, context: Context, probe: Probe, player: Player
) -> tuple[Observation, ...]:
    """Ask a server that plays, impatiently."""
    limits = replace(context.timeouts, greeting=0.15, command=0.15, message=0.15, reply=0.15)
    mine = replace(
        context,
        timeouts=limits,
        messages=Messages(),
        only=("V1", "C2") if probe.is_relay else None,
    )
    return await second_opinion(probe, LOOPBACK, await serve(player), mine)


def check(rows: tuple[Observation, ...], player: Player, fed: list[bytes]) -> None:
    """What holds whatever a server says."""
    assert rows
    for row in rows:
        assert row.client is not Client.OURS
        assert row.step is not Step.NOTHING
        assert (row.step is Step.ECHOED) == (row.nonce != "")
        assert row.nonce == "" or row.nonce.encode() in b"".join(fed)
        assert max(len(row.reply), len(row.received), len(row.sent)) <= MAX_EVIDENCE
        assert row.bytes_in <= MAX_BYTES + PIECE
        assert row.failure is not Failure.ABORTED
    assert player.messages <= 1


async def hostile(serve: Callable, context: Context, probe: Probe, seed: int, times: int) -> None:
    """Every recorded test of a probe, mutated."""
    draw, room = Random(seed), asyncio.Semaphore(AT_ONCE)
    tests = recordings(probe)
    words = [talk.heard for one in tests for talk in one.talks]

    async def one(recording: Recording, mark: int) -> None:
        mine, fed = Random(mark), list[bytes]()

        def say(_: int, __: int, said: bytes) -> list[bytes]:
            changed = mutated(mine, said, words) if mine.random() < 0.5 else said
            fed.append(changed)
            return pieces(mine, changed)

        player = Player(recording.talks, say)
        async with room:
            check(await opined(serve, context, probe, player), player, fed)

    marks = [(recording, draw.getrandbits(64)) for recording in tests for _ in range(times)]
    await asyncio.gather(*(one(*mark) for mark in marks))


@pytest.mark.parametrize("probe", CARRIED)
async def test_mutated_servers_raise_nothing_in_another_client(
    serve: Callable, context: Context, probe: Probe
) -> None:
    """h11, python-socks and aiosmtplib may refuse what they hear, but that is a fact."""
    await hostile(serve, context, probe, seed=1, times=FEW)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("probe", CARRIED)
async def test_many_mutated_servers_raise_nothing_in_another_client(
    serve: Callable, context: Context, probe: Probe
) -> None:
    """The same for hours of a hostile internet."""
    await hostile(serve, context, probe, seed=2, times=MANY)
