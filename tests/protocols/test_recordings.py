"""Every dialogue over what real servers said: whole, cut anywhere, cut off, and made hostile.

No input may raise, make us talk without end, or bring a proof that our canary did not give.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_data import arrived, seen
from made_judgement import judged
from mutations import mutated, pieces
from recordings import Recording, Talk, recordings

from survey.model.address import parse_ip
from survey.model.arrival import Arrival, ArrivalKind
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Step
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.model.verdict import Verdict
from survey.protocols.dialogue import Answer, Dialogue, Heard
from survey.protocols.http import http_connect
from survey.protocols.http_fetch import http_get, http_post
from survey.protocols.socks import socks4, socks4_request, socks4a_request, socks5
from survey.protocols.telnet import telnet
from survey.protocols.token import TOKEN_CHARS
from survey.protocols.tunnel import GOODBYE

CANARY = Endpoint(parse_ip("192.0.2.25"), 25)
TOKEN = "t" * TOKEN_CHARS
AGENT = "secure-your-server (+https://survey.example; survey@survey.example)"
START = {
    Probe.HTTP_CONNECT: lambda: http_connect(CANARY, AGENT, TOKEN),
    Probe.HTTP_GET: lambda: http_get(CANARY, AGENT, TOKEN),
    Probe.HTTP_POST: lambda: http_post(CANARY, AGENT, TOKEN),
    Probe.SOCKS4: lambda: socks4(socks4_request(CANARY), TOKEN),
    Probe.SOCKS4A: lambda: socks4(socks4a_request(CANARY), TOKEN),
    Probe.SOCKS5: lambda: socks5(CANARY, TOKEN),
    Probe.TELNET: lambda: telnet(CANARY, TOKEN),
}
MOST_SAID = 600
"""Bytes that we say in any conversation at most."""

STEPS = list(Step)
TESTS = recordings(*START)
TALKS = [(one.probe, talk) for one in TESTS for talk in one.talks]
ALL = [talk.heard for _, talk in TALKS]
FEW, MANY = 4, 150
"""Mutations of each recorded connection: in every run of the tests, and in the long one."""

each_recording = pytest.mark.parametrize("recording", TESTS, ids=lambda one: one.name)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a conversation.

    Attributes:
        answer: The dialogue's.
        said: All that we said.
        fed: All that it heard.
    """

    answer: Answer
    said: bytes
    fed: bytes


def follow(dialogue: Dialogue, turns: list[list[bytes]], end: Heard) -> Came:
    """Feed the pieces of each turn once we have had our say; then the end."""
    said, fed = next(dialogue), b""
    heard: list[Heard] = [piece for turn in turns for piece in turn if piece]
    for piece in [*heard, end, Failure.DEADLINE, Failure.DEADLINE]:
        fed += piece if isinstance(piece, bytes) else b""
        try:
            said += dialogue.send(piece)
        except StopIteration as stop:
            return Came(stop.value, said, fed)
    raise AssertionError("it never returned")


def end_of(talk: Talk) -> Heard:
    """How a recorded connection ended for us, if we went on waiting."""
    return b"" if talk.closed else Failure.STALLED


def check(probe: Probe, came: Came) -> None:
    """What holds whatever a peer says."""
    answer = came.answer
    assert len(came.said) + len(answer.farewell) <= MOST_SAID
    assert len(answer.reply) <= MAX_EVIDENCE
    assert answer.farewell in {b"", GOODBYE}
    assert (answer.step is Step.ECHOED) == (answer.nonce != "")
    assert answer.nonce == "" or b"250 2.0.0 " + answer.nonce.encode() in came.fed
    assert answer.step is not Step.NOTHING
    assert answer.failure is not None or answer.refused_at is not None or answer.nonce
    if probe is Probe.TELNET and answer.step is Step.CONNECTED:
        assert came.said == b""


def test_there_are_recordings_of_every_probe() -> None:
    """Open, closed and treacherous ones, of real servers and of the lab."""
    for probe in Probe:
        mine = [one.situation for one in recordings(probe)]
        assert any(name.startswith("lab-") for name in mine), probe
        assert any(not name.startswith("lab-") for name in mine), probe
    assert len(recordings()) > 200


def alike(probe: Probe, one: bytes, other: bytes) -> bool:
    """Whether one is where the other begins: evidence ends with the piece that decided."""
    return probe is Probe.TELNET or one.startswith(other) or other.startswith(one)


@each_recording
def test_a_conversation_means_the_same_however_it_is_cut(recording: Recording) -> None:
    """Whole turns, byte by byte, and in two at every place."""
    for talk in recording.talks:
        whole = [[turn.heard] for turn in talk.turns]
        expected = follow(START[recording.probe](), whole, end_of(talk))
        check(recording.probe, expected)
        ways = [[[turn.heard[at : at + 1] for at in range(len(turn.heard))] for turn in talk.turns]]
        for number, turn in enumerate(talk.turns):
            for at in range(1, len(turn.heard), 1 + len(turn.heard) // 400):
                cut = [turn.heard[:at], turn.heard[at:]]
                ways.append([*whole[:number], cut, *whole[number + 1 :]])
        for way in ways:
            came = follow(START[recording.probe](), way, end_of(talk))
            assert replace(came.answer, reply=b"") == replace(expected.answer, reply=b"")
            assert came.said == expected.said
            assert alike(recording.probe, came.answer.reply, expected.answer.reply)


@each_recording
def test_a_conversation_that_is_cut_off_gets_no_farther(recording: Recording) -> None:
    """At every byte: closed, reset, silent, or cut off by our own limit."""
    ends: list[Heard] = [b"", Failure.RESET, Failure.STALLED, Failure.TOO_MUCH]
    for talk in recording.talks:
        whole = [[turn.heard] for turn in talk.turns]
        farthest = STEPS.index(follow(START[recording.probe](), whole, end_of(talk)).answer.step)
        for number, turn in enumerate(talk.turns):
            for at in range(0, len(turn.heard), 1 + len(turn.heard) // 300):
                end = ends[at % len(ends)]
                came = follow(START[recording.probe](), [*whole[:number], [turn.heard[:at]]], end)
                check(recording.probe, came)
                assert STEPS.index(came.answer.step) <= farthest


@each_recording
def test_what_comes_behind_changes_no_proof(recording: Recording) -> None:
    """Trailing bytes are dropped; nothing is proven by them."""
    behind = (b"\0", b"\xff\n", b"HTTP/1.1 200 OK\r\n\r\n", b"9" * 70_000)
    for talk, more in product(recording.talks, behind):
        whole = [[turn.heard] for turn in talk.turns]
        before = follow(START[recording.probe](), whole, end_of(talk)).answer
        glued = [*whole[:-1], [*(whole or [[]])[-1], more]]
        for trailing in (glued, [*whole, [more]]):
            came = follow(START[recording.probe](), trailing, Failure.TOO_MUCH)
            check(recording.probe, came)
            assert came.answer.nonce == before.nonce


def hostile(seed: int, times: int) -> Iterator[tuple[Probe, Came]]:
    """Every recorded connection, mutated so many times, to its probe, now and then to another."""
    draw = Random(seed)
    ends: list[Heard] = [b"", Failure.RESET, Failure.STALLED, Failure.TOO_MUCH, Failure.ABORTED]
    for its_probe, talk in TALKS:
        for _ in range(times):
            probe = its_probe if draw.random() < 0.9 else draw.choice(list(START))
            turns = [[mutated(draw, turn.heard, ALL)] for turn in talk.turns] or [[]]
            cut = [pieces(draw, turn[0]) if turn else [] for turn in turns]
            yield probe, follow(START[probe](), cut, draw.choice(ends))


def test_mutated_conversations_raise_nothing_and_prove_nothing(tmp_path: Path) -> None:
    """Judged by the rules beside every arrival of the recorded tests: nothing is open."""
    prove_nothing(tmp_path, seed=1, times=FEW)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_mutated_conversations_prove_nothing(tmp_path: Path, seed: int) -> None:
    """The same for hours of a hostile internet."""
    prove_nothing(tmp_path, seed=seed, times=MANY)


def prove_nothing(tmp_path: Path, *, seed: int, times: int) -> None:
    """Check each and judge all."""
    rows = []
    for number, (probe, came) in enumerate(hostile(seed, times)):
        check(probe, came)
        rows.append(observed(number, probe, came))
    findings = judged(tmp_path, rows, recorded_arrivals())
    assert len(findings) == len(rows)
    assert max(finding["rung"] for finding in findings) <= 4  # R5 is a proof
    assert Verdict.OPEN not in {finding["verdict"] for finding in findings}


def observed(number: int, probe: Probe, came: Came) -> Observation:
    """The row of a conversation, at an address of its own; the token is none that was recorded."""
    answer = came.answer
    return seen(
        f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
        probe,
        "web" if probe is Probe.HTTP_GET else "mail",
        step=answer.step,
        failure=answer.failure,
        protocol=answer.protocol,
        refused_at=answer.refused_at,
        code=answer.code,
        reply=answer.reply,
        token=f"{number:056d}",
        nonce=answer.nonce,
        received=came.fed[:MAX_EVIDENCE],
        sent=came.said[:MAX_EVIDENCE],
    )


def recorded_arrivals() -> tuple[Arrival, ...]:
    """What the canary heard when they were recorded: tokens and nonces that once were true."""
    found = {}
    for probe, talk in TALKS:
        came = follow(START[probe](), [[turn.heard] for turn in talk.turns], end_of(talk))
        if came.answer.nonce:
            said = b"".join(turn.said for turn in talk.turns)
            token = said.partition(b"NOOP ")[2][:TOKEN_CHARS].decode("latin-1")
            found[came.answer.nonce] = token
    assert len(found) > 20  # of open ones
    return tuple(arrived(ArrivalKind.TUNNEL, token, nonce=nonce) for nonce, token in found.items())


@given(
    st.sampled_from(TALKS),
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=40)), max_size=4
    ),
    st.sampled_from([b"", Failure.STALLED, Failure.RESET]),
)
def test_no_edit_of_a_recorded_conversation_raises(
    recorded: tuple[Probe, Talk], edits: list[tuple[int, int, bytes]], end: Heard
) -> None:
    """Replaced, inserted and dropped bytes anywhere, and the smallest that fails is shown."""
    probe, talk = recorded
    data = talk.heard
    for at, size, bytes_ in edits:
        data = data[:at] + bytes_ + data[at + size :]
    for whole in ([data], [data[at : at + 1] for at in range(len(data))]):
        check(probe, follow(START[probe](), [whole], end))
