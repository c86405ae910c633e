"""What the relay test costs on the wire, counted outside: never more than was charged (law 5)."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from mail_server import TLS_FIRST, MailServer
from packet_counter import Counter, counting

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import Observation, Step
from survey.model.plan import Depth, ProbePlan
from survey.model.probe import Probe
from survey.probes import opinion_smtp, smtp_relay
from survey.probes.context import Context
from survey.probes.smtp_relay import MOST_PACKETS, TLS_PACKETS, packets
from survey.protocols.envelopes import connections

LOOPBACK = parse_ip("127.0.0.1")
SETTLED = 0.1
"""Seconds for the last acknowledgement; the loopback device takes none."""


class OwnNames:
    """Every name belongs to every address."""

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Yes."""
        del name, ip
        return True


@pytest.fixture
def counter() -> Iterator[Counter]:
    """A tap on the loopback device; needs root."""
    with counting() as tapped:
        yield tapped


async def costs(
    serve: Callable,
    context: Context,
    server: MailServer,
    depth: Depth = Depth.STANDARD,
    *,
    tls: bool = False,
) -> tuple[int, tuple[Observation, ...]]:
    """Test a server that owns its name; its port, and the rows."""
    port = await serve(server)
    part = ProbePlan(Probe.SMTP_RELAY, (), (port,) if tls else (), depth)
    patient = replace(context.timeouts, greeting=5, command=5, message=5, relay=60)
    named = replace(context, names=OwnNames(), timeouts=patient, parts=(part,))
    rows = await smtp_relay.run(LOOPBACK, port, named)
    await asyncio.sleep(SETTLED)
    return port, rows


@pytest.mark.parametrize(
    ("depth", "connected", "pause"),
    [(Depth.STANDARD, 2, 0.0), (Depth.STANDARD, 2, 0.045), (Depth.FULL, 4, 0.0)],
    ids=["standard", "standard, slow", "full"],
)
async def test_a_closed_server_costs_what_was_paid(  # noqa: PLR0917 - fixtures and parameters
    depth: Depth,
    connected: int,
    pause: float,
    serve: Callable,
    context: Context,
    counter: Counter,
) -> None:
    """Two connections, or four; no message; also where no acknowledgement can ride on a word."""
    server = MailServer(pause=pause)
    port, rows = await costs(serve, context, server, depth)
    assert {row.code for row in rows} == {554}
    assert server.messages == []
    paid = sum(packets(len(forms)) for forms in connections(depth))
    seen = counter.connections_and_packets(port)
    assert seen[0] == connected
    assert 0 < seen[1] <= paid <= MOST_PACKETS


@pytest.mark.parametrize("pause", [0.0, 0.045], ids=["quick", "slow"])
async def test_an_open_server_costs_one_connection_and_one_message(
    pause: float, serve: Callable, context: Context, counter: Counter
) -> None:
    """The first form is the one."""
    server = MailServer({"RCPT": b"250 ok\r\n"}, pause=pause)
    port, rows = await costs(serve, context, server)
    assert [row.step for row in rows] == [Step.SENT]
    assert len(server.messages) == 1
    count = counter.connections_and_packets(port)
    assert count[0] == 1
    assert count[1] <= packets(1)


@pytest.mark.parametrize("opinion", [False, True], ids=["ours", "aiosmtplib"])
async def test_the_control_behind_a_message_is_paid_for(
    opinion: bool,  # noqa: FBT001 - a column
    serve: Callable,
    context: Context,
    counter: Counter,
) -> None:
    """One form more, in the same connection."""
    server = MailServer({"RCPT": b"250 ok\r\n"}, pause=0.045)
    port = await serve(server)
    patient = replace(context.timeouts, greeting=5, command=5, message=5, relay=60)
    again = replace(context, timeouts=patient, only=("V1", "C2"))
    run = opinion_smtp.run if opinion else smtp_relay.run
    rows = await run(LOOPBACK, port, again)
    await asyncio.sleep(SETTLED)
    assert [row.variant for row in rows] == ["V1", "C2"]
    count = counter.connections_and_packets(port)
    assert count[0] == 1
    assert count[1] <= packets(2)


@pytest.mark.parametrize("pause", [0.0, 0.045], ids=["quick", "slow"])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "STARTTLS"])
async def test_tls_costs_what_was_paid_for_it(
    pause: float, serve: Callable, context: Context, counter: Counter, *, at_once: bool
) -> None:
    """A handshake in each connection."""
    wants = {} if at_once else {"MAIL": TLS_FIRST}
    server = MailServer(wants, {"MAIL": b"250 ok\r\n"}, at_once=at_once, pause=pause)
    port, rows = await costs(serve, context, server, tls=at_once)
    assert {(row.tls, row.code) for row in rows} == {(True, 554)}
    paid = sum(packets(len(forms), tls=True) for forms in connections(Depth.STANDARD))
    count = counter.connections_and_packets(port)
    assert count[0] == 2
    assert count[1] <= paid


async def test_tls_is_paid_before_the_handshake(
    serve: Callable, context: Context, pacer: object
) -> None:
    """The pacer may let it wait."""
    server = MailServer({"MAIL": TLS_FIRST}, {"MAIL": b"250 ok\r\n"})
    await costs(serve, context, server)
    first, tls, second = getattr(pacer, "charged")[:3]  # noqa: B009 - the fixture's own class
    assert (first[1], tls[1]) == (packets(4), TLS_PACKETS)
    assert second[1] == packets(4, tls=True)


async def test_replies_in_tiny_pieces_are_paid_and_heard_out(
    serve: Callable, context: Context, counter: Counter, pacer: object
) -> None:
    """Each makes our kernel acknowledge; what that is beyond the budget is charged at once."""
    server = MailServer({"RCPT": b"550 no\r\n"}, piece=3)
    port, rows = await costs(serve, context, server)
    assert [row.failure for row in rows] == [None] * 8
    charged = sum(count for _, count in getattr(pacer, "charged"))  # noqa: B009
    assert counter.connections_and_packets(port)[1] <= charged
    assert charged > 2 * packets(4)


async def test_a_server_that_makes_us_send_without_end_is_cut_off(
    serve: Callable, context: Context, counter: Counter, pacer: object
) -> None:
    """At four times what was paid; all of that was charged."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"2")
            await asyncio.sleep(0.0005)

    port, rows = await costs(serve, context, drip)  # type: ignore[arg-type]
    assert [row.failure for row in rows] == [Failure.TOO_MUCH]
    charged = sum(count for _, count in getattr(pacer, "charged"))  # noqa: B009
    assert charged == 4 * packets(4)
    assert counter.connections_and_packets(port)[1] <= charged
