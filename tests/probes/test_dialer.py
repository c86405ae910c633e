"""No connection without the gate's permit; shortages of ours are no one's status."""

import asyncio
import errno
import gc
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from survey.errors import GateClosedError, LocalError
from survey.model.address import Range, parse_ip
from survey.model.failure import Failure
from survey.model.observation import Step
from survey.probes import dialer as module
from survey.probes.conversation import Talk
from survey.probes.dialer import Dialer
from survey.protocols.dialogue import Answer, Dialogue, Inbox
from survey.targets.gate import Gate, Permit
from survey.targets.optouts import add

LOOPBACK = parse_ip("127.0.0.1")


def question() -> Dialogue:
    """Asks for a line."""
    inbox = Inbox()
    line = yield from inbox.line(100, say=b"hello\n")
    return Answer(Step.SPOKE, inbox.ended if line is None else None, reply=line or b"")


async def talk(dialer: Dialer, port: int, ip: int = LOOPBACK) -> Talk:
    """One conversation."""
    return await dialer.converse(ip, port, 7, question(), connect=0.9, reply=5, total=5)


async def answer_with_peer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Tells who called."""
    writer.write(writer.get_extra_info("peername")[0].encode() + b"\n")
    await writer.drain()
    await asyncio.sleep(5)


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing."""
    del writer
    await reader.read(100_000)
    await asyncio.sleep(60)


class Generous:
    """A pacer's other ways, which nobody waits for."""

    async def pay(self, packets: int) -> None:
        """At once."""

    def charge(self, packets: int) -> None:
        """Whatever it is."""

    def begun(self) -> None:
        """A connection."""

    def left(self, packets: int) -> None:
        """Paid before."""

    def ended(self) -> None:
        """A connection."""


async def until_running(dialer: Dialer, count: int) -> None:
    """Wait until so many conversations are in the air."""
    while dialer.running < count:  # noqa: ASYNC110 - the dialer has no event for it
        await asyncio.sleep(0.001)


async def test_the_pacer_is_paid_before_the_gate_is_asked(
    gate: Gate, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the permit is fresh when the packet leaves."""
    order: list[str] = []

    class SlowPacer(Generous):
        async def admit(self, ip: int, packets: int) -> None:
            assert (ip, packets) == (LOOPBACK, 7)
            await asyncio.sleep(0.01)
            order.append("paid")

    permit = gate.permit

    def noted(ip: int, port: int) -> Permit | None:
        order.append("permit")
        return permit(ip, port)

    monkeypatch.setattr(gate, "permit", noted)
    dialer = Dialer(gate, SlowPacer())
    assert (await talk(dialer, await serve(answer_with_peer))).answer.reply == b"127.0.0.1"
    assert order == ["paid", "permit"]


async def test_an_address_that_is_not_allowed_gets_no_packet(
    dialer: Dialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a socket is made."""

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.setattr(module, "_open", never)
    outside = parse_ip("127.9.0.1")
    assert (await talk(dialer, 80, outside)).answer == Answer(Step.NOTHING, Failure.ABORTED)
    assert await dialer.connect(outside, 80, 7, 0.9) is Failure.ABORTED


async def test_an_opt_out_while_waiting_for_the_pacer_is_in_force(
    gate: Gate, optouts: Path, serve: Callable
) -> None:
    """It came after the target was chosen, and before its turn."""

    class OptOutPacer(Generous):
        async def admit(self, ip: int, packets: int) -> None:
            del packets
            now = datetime.now(UTC)
            add(optouts, (Range(ip, ip),), "owner", "mail", now, now)
            gate.refresh()

    dialer = Dialer(gate, OptOutPacer())
    result = await talk(dialer, await serve(answer_with_peer))
    assert result.answer.failure is Failure.ABORTED
    assert result.evidence.bytes_out == 0


async def test_a_closed_gate_stops_the_work(
    dialer: Dialer, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is ours to solve, not a fact about the target."""
    monkeypatch.setattr(gate, "_lease", lambda: False)
    with pytest.raises(GateClosedError):
        await talk(dialer, 80)


async def test_abort_ends_only_the_addresses_that_are_not_allowed(
    dialer: Dialer, serve: Callable
) -> None:
    """Within the moment, with what was seen until then."""
    port = await serve(hold)
    staying = asyncio.create_task(talk(dialer, port))
    leaving = asyncio.create_task(talk(dialer, await serve(hold)))
    await until_running(dialer, 2)
    victims = iter([True, False])
    assert dialer.abort(lambda _: next(victims)) == 1
    done, running = await asyncio.wait(
        {staying, leaving}, return_when=asyncio.FIRST_COMPLETED, timeout=5
    )
    assert [task.result().answer.failure for task in done] == [Failure.ABORTED]
    assert dialer.running == 1
    dialer.close()
    assert [(await task).answer.failure for task in running] == [Failure.ABORTED]
    assert dialer.running == 0


async def test_a_cancelled_conversation_leaves_nothing_behind(
    dialer: Dialer, serve: Callable
) -> None:
    """Its socket is closed."""
    port = await serve(hold)
    task = asyncio.create_task(talk(dialer, port))
    await until_running(dialer, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert dialer.running == 0
    gc.collect()  # a socket that nobody closed would warn now


async def test_source_addresses_are_used_in_turn(
    gate: Gate, pacer: module.Pacer, serve: Callable
) -> None:
    """Each connection from the next."""
    port = await serve(answer_with_peer)
    dialer = Dialer(gate, pacer, [parse_ip("127.0.0.2"), parse_ip("127.0.0.3")])
    peers = [(await talk(dialer, port)).answer.reply for _ in range(3)]
    assert peers == [b"127.0.0.2", b"127.0.0.3", b"127.0.0.2"]


async def test_one_source_address_can_be_chosen(dialer: Dialer, serve: Callable) -> None:
    """What goes out from it is aborted with the rest."""
    chosen = dialer.sending_from(parse_ip("127.0.0.9"))
    assert (await talk(chosen, await serve(answer_with_peer))).answer.reply == b"127.0.0.9"
    assert dialer.sending_from(None) is dialer
    held = asyncio.create_task(talk(chosen, await serve(hold)))
    await until_running(dialer, 1)
    assert dialer.abort(lambda _: False) == 1
    assert (await held).answer.failure is Failure.ABORTED


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL])
async def test_a_shortage_of_ours_is_waited_out(
    dialer: Dialer, serve: Callable, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """And then the target is tested as if nothing had been."""
    real, failing = module._open, iter([True, True])

    def scarce(permit: Permit, source: str, *, we_speak_first: bool) -> socket.socket:
        if next(failing, False):
            raise OSError(code, os.strerror(code))
        return real(permit, source, we_speak_first=we_speak_first)

    monkeypatch.setattr(module, "_open", scarce)
    monkeypatch.setattr(module, "_SHORTAGE_PAUSE", 0.001)
    assert (await talk(dialer, await serve(answer_with_peer))).answer.reply == b"127.0.0.1"


async def test_a_shortage_without_end_is_raised(
    dialer: Dialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a target's status."""

    def scarce(*_: Any, **__: Any) -> socket.socket:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(module, "_open", scarce)
    monkeypatch.setattr(module, "_SHORTAGE_PAUSE", 0.0001)
    with pytest.raises(LocalError, match="ulimit"):
        await talk(dialer, 80)


async def test_a_local_firewall_is_our_own_problem(
    dialer: Dialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EPERM comes from this machine."""

    def forbidden(*_: Any, **__: Any) -> socket.socket:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(module, "_open", forbidden)
    with pytest.raises(LocalError, match="firewall"):
        await talk(dialer, 80)


async def test_no_way_to_the_host_is_the_network_s_doing(
    dialer: Dialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may know it at once."""

    def nowhere(*_: Any, **__: Any) -> socket.socket:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(module, "_open", nowhere)
    assert (await talk(dialer, 80)).answer == Answer(Step.NOTHING, Failure.UNREACHABLE)


async def test_a_connected_socket_is_handed_on(dialer: Dialer, serve: Callable) -> None:
    """For a library to speak over, with our options set."""
    sock = await dialer.connect(LOOPBACK, await serve(answer_with_peer), 7, 0.9)
    assert isinstance(sock, socket.socket)
    with sock:
        assert sock.getblocking() is False
        waits = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert waits == module.USER_TIMEOUT_MS
        loop = asyncio.get_running_loop()
        assert await loop.sock_recv(sock, 100) == b"127.0.0.1\n"


async def test_a_killed_process_leaves_no_half_open_connection(
    dialer: Dialer, serve: Callable
) -> None:
    """The kernel closes for it, with a reset: an end of file would let the server keep its end."""
    broken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except ConnectionResetError:
            broken.set_result(True)
        else:
            broken.set_result(False)

    sock = await dialer.connect(LOOPBACK, await serve(wait_for_the_end), 7, 0.9)
    assert isinstance(sock, socket.socket)
    os.close(sock.detach())  # as the kernel closes the descriptors of who is killed
    assert await broken


async def test_a_connect_that_fails_says_why(dialer: Dialer) -> None:
    """Refused, or silent for too long."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert await dialer.connect(LOOPBACK, port, 7, 0.9) is Failure.REFUSED
        bound.listen(0)
        with socket.create_connection(("127.0.0.1", port)):
            assert await dialer.connect(LOOPBACK, port, 7, 0.1) is Failure.CONNECT_TIMEOUT
    assert dialer.running == 0


async def test_a_connect_in_progress_can_be_aborted(dialer: Dialer) -> None:
    """Also before there is anything to talk over."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(0)
        port = bound.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            task = asyncio.create_task(dialer.connect(LOOPBACK, port, 7, 5))
            await until_running(dialer, 1)
            assert dialer.abort(lambda _: False) == 1
            assert await task is Failure.ABORTED
