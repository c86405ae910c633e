"""Open targets are tested within bounds, and only answers that can be trusted are kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from survey.engine.canary_watch import CanaryWatch
from survey.engine.conversations import Conversations, Test, unproven
from survey.engine.hosts import Hosts
from survey.errors import LocalError, SurveyError
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.plan import Canary, Endpoint
from survey.model.probe import Probe

IP, PORT = 0xC0000201, 1080
NOWHERE = Endpoint(0x7F500000, 9)


def seen(ip: int, port: int, probe: Probe, step: Step = Step.ECHOED, **more: object) -> Observation:
    """What a probe saw."""
    blank = Observation(
        ip=ip,
        port=port,
        probe=probe,
        variant="V1" if probe.is_relay else "echo",
        canary_port=0,
        tls=False,
        attempt=0,
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        duration=0.1,
        step=step,
        failure=None,
        protocol=None,
        refused_at=None,
        code=None,
        reply=b"",
        token="",
        nonce="",
        received=b"",
        sent=b"",
        bytes_in=0,
        bytes_out=0,
    )
    return replace(blank, **more)


class Watch(CanaryWatch):
    """A canary whose health a test decides."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(Canary(("a.example", "b.example"), NOWHERE, NOWHERE), clock)
        self.good = True
        self.checks = 0

    async def check(self) -> bool:
        """As the test says."""
        self.checks += 1
        await asyncio.sleep(0)
        return self.tell(self.good)

    def tell(self, good: bool) -> bool:  # noqa: FBT001
        """Be found so just now."""
        began = self._clock()
        if good:
            self._ill_since = None
            self._recovered.set()
        elif self._ill_since is None:
            self._ill_since = began
            self.illnesses += 1
            self._recovered.clear()
        for listener in self._listeners:
            listener(began, good)
        return good


class Stage:
    """Conversations with probes that a test plays."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.now = 0.0
        self.watch = Watch(self.clock)
        self.watch.tell(True)
        self.tests: dict[Probe, Test] = {}
        self.plan: tuple[Probe, ...] = ()
        self.conversations = Conversations(
            self.tests,
            lambda _: self.plan,
            Hosts(1),
            self.watch,
            self.clock,
            tasks=tasks,
            most=3,
        )

    def clock(self) -> float:
        """Later at each look."""
        self.now += 1.0
        return self.now

    async def quiet(self) -> None:
        """Let every conversation that can end come to its end."""
        for _ in range(20):
            await asyncio.sleep(0)

    def play(self, probe: Probe, *answers: Observation) -> list[tuple[int, int]]:
        """Let a probe see these one after another, the last for ever; returns who was asked."""
        asked: list[tuple[int, int]] = []

        async def test(ip: int, port: int) -> tuple[Observation, ...]:
            await asyncio.sleep(0)
            answer = answers[min(len(asked), len(answers) - 1)]
            asked.append((ip, port))
            return (replace(answer, ip=ip, port=port),)

        self.tests[probe] = test
        self.plan = (*self.plan, probe)
        return asked


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A stage inside a task group."""
    async with asyncio.TaskGroup() as tasks:
        yield Stage(tasks)


async def test_every_probe_of_the_port_is_tried_in_order(stage: Stage) -> None:
    """One after another, and each answer is kept."""
    stage.play(Probe.SOCKS5, seen(IP, PORT, Probe.SOCKS5))
    stage.play(Probe.SOCKS4, seen(IP, PORT, Probe.SOCKS4))

    stage.conversations.add(IP, PORT)
    await stage.conversations.drain()

    assert [one.probe for one in stage.conversations.observations] == [Probe.SOCKS5, Probe.SOCKS4]
    assert stage.conversations.finished == 2


async def test_other_protocol_saves_connections(stage: Stage) -> None:
    """What an SSH server says to one proxy probe it says to all."""
    ssh = seen(
        IP,
        PORT,
        Probe.SOCKS5,
        Step.CONNECTED,
        failure=Failure.WRONG_PROTOCOL,
        protocol=Protocol.SSH,
    )
    stage.play(Probe.SOCKS5, ssh)
    asked = stage.play(Probe.SOCKS4, seen(IP, PORT, Probe.SOCKS4))

    stage.conversations.add(IP, PORT)
    await stage.conversations.drain()

    assert asked == []
    assert len(stage.conversations.observations) == 1


async def test_conversations_are_bounded_and_crowding_is_told(stage: Stage) -> None:
    """At most three at once here; discovery pauses when as many more wait."""
    at_once: list[int] = []
    go = asyncio.Event()

    async def test(ip: int, port: int) -> tuple[Observation, ...]:
        at_once.append(stage.conversations.running)
        await go.wait()
        return (seen(ip, port, Probe.SOCKS5),)

    stage.tests[Probe.SOCKS5] = test
    stage.plan = (Probe.SOCKS5,)
    for number in range(5):
        stage.conversations.add(IP + number, PORT)
    assert not stage.conversations.crowded
    stage.conversations.add(IP + 5, PORT)
    assert stage.conversations.crowded
    go.set()
    await stage.conversations.drain()

    assert max(at_once) == 3
    assert len(stage.conversations.observations) == 6


async def test_failed_tunnel_is_believed_only_after_a_good_check(stage: Stage) -> None:
    """The canary must be found well after the answer."""
    stage.play(Probe.SOCKS5, seen(IP, PORT, Probe.SOCKS5, Step.SPOKE))
    stage.conversations.add(IP, PORT)
    await stage.quiet()

    assert stage.conversations.observations == []
    await stage.conversations.drain()
    assert len(stage.conversations.observations) == 1
    assert stage.watch.checks == 1


async def test_tunnel_that_met_an_ill_canary_is_tried_again(stage: Stage) -> None:
    """Its first answer is thrown away: it said more about us than about the proxy."""
    closed = seen(IP, PORT, Probe.SOCKS5, Step.SPOKE, code=5)
    asked = stage.play(Probe.SOCKS5, closed, seen(IP, PORT, Probe.SOCKS5))
    stage.conversations.add(IP, PORT)
    await stage.quiet()
    stage.watch.tell(False)
    await asyncio.sleep(0)
    assert asked == [(IP, PORT)]

    stage.watch.tell(True)
    await stage.conversations.drain()

    assert asked == [(IP, PORT)] * 2
    assert [one.step for one in stage.conversations.observations] == [Step.ECHOED]


async def test_illness_during_a_conversation_counts_though_it_is_over(stage: Stage) -> None:
    """Well before and well after is not enough."""
    stage.plan = (Probe.SOCKS5,)
    answers = [Step.SPOKE, Step.ECHOED]

    async def test(ip: int, port: int) -> tuple[Observation, ...]:
        if len(answers) == 2:
            stage.watch.tell(False)
            stage.watch.tell(True)
        return (seen(ip, port, Probe.SOCKS5, answers.pop(0)),)

    stage.tests[Probe.SOCKS5] = test
    stage.conversations.add(IP, PORT)
    await stage.conversations.drain()

    assert [one.step for one in stage.conversations.observations] == [Step.ECHOED]


async def test_nothing_begins_while_the_canary_is_ill(stage: Stage) -> None:
    """Targets wait for it."""
    asked = stage.play(Probe.SOCKS5, seen(IP, PORT, Probe.SOCKS5))
    stage.watch.tell(False)
    stage.conversations.add(IP, PORT)
    for _ in range(5):
        await asyncio.sleep(0)
    assert asked == []

    stage.watch.tell(True)
    await stage.conversations.drain()
    assert asked == [(IP, PORT)]


async def test_canary_that_flaps_is_an_error(stage: Stage) -> None:
    """A target is not bothered again and again for our canary's sake."""
    stage.play(Probe.SOCKS5, seen(IP, PORT, Probe.SOCKS5, Step.SPOKE))
    stage.conversations.add(IP, PORT)

    for _ in range(2):
        await stage.quiet()
        stage.watch.tell(False)
        stage.watch.tell(True)
    await stage.quiet()
    with pytest.raises(SurveyError, match="again and again"):
        stage.watch.tell(False)


async def test_message_that_was_taken_is_not_sent_again(stage: Stage) -> None:
    """A relay keeps it and tries later; a second one would be one too many."""
    asked = stage.play(Probe.SMTP_RELAY, seen(IP, PORT, Probe.SMTP_RELAY, Step.SENT))
    stage.conversations.add(IP, PORT)
    await stage.quiet()
    stage.watch.tell(False)
    stage.watch.tell(True)
    await stage.conversations.drain()

    assert len(asked) == 1
    assert len(stage.conversations.observations) == 1


async def test_aborted_conversations_are_counted(stage: Stage) -> None:
    """An opt-out that broke in leaves a row and a count."""
    stage.play(Probe.SOCKS5, seen(IP, PORT, Probe.SOCKS5, Step.NOTHING, failure=Failure.ABORTED))
    stage.conversations.add(IP, PORT)
    await stage.conversations.drain()

    assert stage.conversations.aborted == 1
    assert stage.conversations.observations[0].failure is Failure.ABORTED


async def test_our_own_error_ends_everything() -> None:
    """What we did wrong is never a row."""

    async def broken(*_: int) -> tuple[Observation, ...]:
        raise LocalError("no ports")

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(tasks)
            stage.tests[Probe.SOCKS5] = broken
            stage.plan = (Probe.SOCKS5,)
            for number in range(9):
                stage.conversations.add(IP + number, PORT)
            await stage.conversations.drain()

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(LocalError)


@pytest.mark.parametrize(
    ("probe", "step", "doubted"),
    [
        (Probe.SOCKS5, Step.NOTHING, False),
        (Probe.SOCKS5, Step.CONNECTED, True),
        (Probe.SOCKS5, Step.SPOKE, True),
        (Probe.HTTP_CONNECT, Step.ACCEPTED, True),
        (Probe.SOCKS5, Step.SENT, True),
        (Probe.SOCKS5, Step.ECHOED, False),
        (Probe.SMTP_RELAY, Step.CONNECTED, False),
        (Probe.SMTP_RELAY, Step.SPOKE, False),
        (Probe.SMTP_RELAY, Step.ACCEPTED, False),
        (Probe.SMTP_RELAY, Step.SENT, False),
    ],
)
def test_only_answers_that_a_canary_could_spoil_are_doubted(
    probe: Probe,
    step: Step,
    doubted: bool,  # noqa: FBT001
) -> None:
    """A proof is a proof, and what never got as far as the canary does not depend on it."""
    assert unproven((seen(IP, PORT, probe, step),)) is doubted


def asked(variant: str, step: Step = Step.SPOKE, reply: bytes = b"", **more: object) -> Observation:
    """What came of an envelope that names our mailboxes."""
    code = int(reply[:3]) if reply else None
    said = {"variant": variant, "token": "t", "reply": reply, "code": code} | more
    return seen(IP, PORT, Probe.SMTP_RELAY, step, **said)


DENIED = asked("V1", reply=b"454 4.7.1 Relay access denied")
UNVERIFIED = asked("V1", reply=b"450 4.1.1 unverified address")


@pytest.mark.parametrize(
    ("answers", "doubted"),
    [
        ([DENIED], False),
        ([UNVERIFIED], True),
        ([asked("V1", reply=b"550 Sender verify failed")], True),
        ([asked("V1", failure=Failure.STALLED)], True),
        ([asked("V1", Step.ACCEPTED, failure=Failure.ABORTED)], True),
        ([asked("V1", Step.ACCEPTED, b"554 no", refused_at="DATA")], True),
        ([DENIED, UNVERIFIED], True),
        ([DENIED, asked("C0", Step.ACCEPTED, b"250 ok", token="")], False),
        ([DENIED, asked("C0", reply=b"550 Sender verify failed", token="")], False),
        ([UNVERIFIED, asked("V3", Step.SENT, b"250 ok")], False),
        ([asked("V1", Step.SENT, b"250 ok"), asked("C2", Step.ACCEPTED, token="")], False),
    ],
)
def test_a_refusal_is_doubted_if_it_may_hang_on_our_mail_server(
    answers: list[Observation],
    doubted: bool,  # noqa: FBT001 - a column
) -> None:
    """A callout's may; what speaks of relaying, a control's, and a message that was taken not."""
    assert unproven(tuple(answers)) is doubted


async def test_callout_that_met_an_ill_canary_is_tried_again(stage: Stage) -> None:
    """It could not ask us, so it refused; once we are well it relays."""
    refused = asked("V1", reply=b"550 5.1.1 unverified address: connection refused")
    tested = stage.play(Probe.SMTP_RELAY, refused, asked("V1", Step.SENT, b"250 ok"))
    stage.conversations.add(IP, PORT)
    await stage.quiet()
    stage.watch.tell(False)
    stage.watch.tell(True)
    await stage.conversations.drain()

    assert len(tested) == 2
    assert [one.step for one in stage.conversations.observations] == [Step.SENT]


async def test_relaying_that_is_denied_is_believed_whatever_our_canary_does(stage: Stage) -> None:
    """The server is left alone."""
    tested = stage.play(Probe.SMTP_RELAY, DENIED)
    stage.conversations.add(IP, PORT)
    await stage.quiet()
    stage.watch.tell(False)
    stage.watch.tell(True)
    await stage.conversations.drain()

    assert len(tested) == 1
    assert stage.conversations.observations == [replace(DENIED, ip=IP, port=PORT)]
