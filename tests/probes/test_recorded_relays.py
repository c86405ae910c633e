"""The relay test over what real mail servers said: cut anywhere, torn, and made hostile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from made_data import arrived
from made_judgement import judged
from mutations import mutated, pieces
from player import Player, Say
from recordings import Recording, recordings

from survey.model.address import parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Protocol, Step
from survey.model.probe import Probe
from survey.model.verdict import Verdict
from survey.probes import smtp_relay
from survey.probes.context import Context
from survey.probes.evidence import MAX_BYTES
from survey.probes.messages import Messages

LOOPBACK = parse_ip("127.0.0.1")
RELAYS = recordings(Probe.SMTP_RELAY)
REAL = [one for one in RELAYS if not one.situation.startswith("lab-")]
WORDS = [talk.heard for one in RELAYS for talk in one.talks]
AT_ONCE = 25
"""Tests at one time."""
PIECE = 65_536
"""Bytes that a loop may hand over at once, so that may come beyond a limit."""

FEW, MANY = 2, 60
"""Mutations of each recorded test: in every run of the tests, and in the long one."""


class OwnNames:
    """Every name belongs to every address, as when the recordings were made."""

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Yes."""
        del name, ip
        return True


@pytest.fixture
def hasty(context: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """No patience with who stalls; packets for who comes byte by byte."""
    monkeypatch.setattr(smtp_relay, "FORM_PACKETS", 10_000)
    limits = replace(
        context.timeouts, greeting=0.15, command=0.15, message=0.15, goodbye=0.05, relay=5.0
    )
    return replace(context, names=OwnNames(), timeouts=limits)


async def relayed(
    serve: Callable, context: Context, player: Player, **more: object
) -> tuple[Observation, ...]:
    """Test a server that plays; messages are counted for it alone."""
    mine = replace(context, messages=Messages(), **more)
    return await smtp_relay.run(LOOPBACK, await serve(player), mine)


def facts(rows: tuple[Observation, ...]) -> list[tuple[object, ...]]:
    """What of the rows must not hang on how the network cut the replies."""
    return [(row.variant, row.step, row.refused_at, row.code, row.failure) for row in rows]


def check(rows: tuple[Observation, ...], player: Player) -> None:
    """What holds whatever a server says."""
    assert 1 <= len(rows) <= 8
    for row in rows:
        assert row.step is not Step.ECHOED
        assert row.nonce == ""
        assert row.protocol in {None, *Protocol}
        assert max(len(row.reply), len(row.received), len(row.sent)) <= MAX_EVIDENCE
        assert row.bytes_in <= MAX_BYTES + PIECE
        assert row.failure is not Failure.ABORTED
    assert sum(row.step is Step.SENT for row in rows) <= 1
    assert player.messages <= 1


async def several(tests: Iterable[Awaitable[None]]) -> None:
    """Some at a time, so that none waits for the others' stalls."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(test: Awaitable[None]) -> None:
        async with room:
            await test

    await asyncio.gather(*(one(test) for test in tests))


async def test_a_recorded_test_means_the_same_however_it_is_cut(
    serve: Callable, hasty: Context
) -> None:
    """Byte by byte, and in two at some place of every reply; real servers, standard depth."""
    draw = Random(3)

    async def compare(recording: Recording) -> None:
        expected = await played(recording, lambda _, __, words: [words])
        singly = await played(
            recording, lambda _, __, words: [words[at : at + 1] for at in range(len(words))]
        )
        halved = await played(recording, lambda _, __, words: halves(draw, words))
        assert facts(singly) == facts(expected), recording.name
        assert facts(halved) == facts(expected), recording.name

    async def played(recording: Recording, say: Say) -> tuple[Observation, ...]:
        player = Player(recording.talks, say)
        patient = replace(hasty.timeouts, greeting=3.0, command=3.0, message=3.0, relay=20.0)
        rows = await relayed(serve, hasty, player, timeouts=patient)
        check(rows, player)
        return rows

    fitting = [one for one in REAL if all(talk.turns for talk in one.talks)]
    quick = [one for one in fitting if one.talks[-1].closed]
    assert len(quick) > 20
    await several(compare(one) for one in quick)


def halves(draw: Random, words: bytes) -> list[bytes]:
    """In two anywhere."""
    at = draw.randrange(len(words) + 1)
    return [piece for piece in (words[:at], words[at:]) if piece]


async def hostile(serve: Callable, hasty: Context, tmp_path: Path, seed: int, times: int) -> None:
    """Every recorded test, mutated; judged beside every arrival of the recorded tests."""
    draw = Random(seed)
    rows: list[Observation] = []

    async def one(recording: Recording, mark: int) -> None:
        mine = Random(mark)
        chance = mine.choice([0.1, 0.3, 1.0])

        def say(_: int, __: int, words: bytes) -> list[bytes]:
            changed = mutated(mine, words, WORDS) if mine.random() < chance else words
            return pieces(mine, changed)

        player = Player(recording.talks, say)
        seen = await relayed(serve, hasty, player)
        check(seen, player)
        ip = 0x0A000000 + len(rows)  # each test an address of its own
        rows.extend(replace(row, ip=ip) for row in seen)

    tests = ((recording, draw.getrandbits(64)) for recording in RELAYS for _ in range(times))
    await several(one(*test) for test in tests)
    findings = judged(tmp_path, rows, arrivals())
    assert len(findings) > len(RELAYS)
    assert max(finding["rung"] for finding in findings) <= 4  # R6 is a message at our canary
    assert Verdict.OPEN not in {finding["verdict"] for finding in findings}


def arrivals() -> tuple[object, ...]:
    """Messages to every recipient that the recorded tests named, as if all had come."""
    tokens = {
        word[:56].decode("latin-1")
        for one in RELAYS
        for talk in one.talks
        for turn in talk.turns
        for word in turn.said.split(b"RCPT TO:<")[1:]
        if len(word) > 56
    }
    assert len(tokens) > 40
    return tuple(arrived(ArrivalKind.MESSAGE, token) for token in sorted(tokens))


async def test_mutated_mail_servers_raise_nothing_and_prove_nothing(
    serve: Callable, hasty: Context, tmp_path: Path
) -> None:
    """One message at most goes out, and nothing is open by what a server says."""
    await hostile(serve, hasty, tmp_path, seed=1, times=FEW)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 5))
async def test_many_mutated_mail_servers_prove_nothing(
    serve: Callable, hasty: Context, tmp_path: Path, seed: int
) -> None:
    """The same for hours of a hostile internet."""
    await hostile(serve, hasty, tmp_path, seed=seed, times=MANY)
