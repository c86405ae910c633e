"""One dialogue over one socket: every way it can go, and every way it can end."""

import asyncio
import socket
import struct
from collections.abc import Callable, Generator

import pytest

from survey.errors import SurveyError
from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Step
from survey.probes import conversation as module
from survey.probes.conversation import Talk
from survey.probes.dialer import Dialer
from survey.probes.evidence import MAX_BYTES
from survey.protocols.dialogue import Answer, Dialogue, Inbox

LOOPBACK = parse_ip("127.0.0.1")
CLOSED = 7
"""TCP_CLOSE of linux/tcp_states.h: nothing is left of a connection."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def questions(*asked: bytes, farewell: bytes = b"") -> Dialogue:
    """Asks each question when a line has answered the one before."""
    inbox = Inbox()
    answers: list[bytes] = []
    for question in asked:
        line = yield from inbox.line(100_000_000, say=question)
        if line is None:
            return Answer(Step.SPOKE, inbox.ended, reply=b"|".join(answers))
        answers.append(line)
    return Answer(Step.SENT, reply=b"|".join(answers), farewell=farewell)


async def talk(
    dialer: Dialer, port: int, dialogue: Dialogue, *, reply: float = 0.4, total: float = 1.0
) -> Talk:
    """One conversation with a server on loopback."""
    return await dialer.converse(
        LOOPBACK, port, 10, dialogue, connect=0.9, reply=reply, total=total
    )


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset."""
    sock = writer.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_questions_and_answers_take_turns(dialer: Dialer, serve: Callable) -> None:
    """The whole of it, with its evidence."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(b"<" + await reader.readexactly(3) + b">\n")

    result = await talk(dialer, await serve(handler), questions(b"one", b"two"))
    assert result.answer == Answer(Step.SENT, reply=b"<one>|<two>")
    assert result.evidence.sent == b"onetwo"
    assert result.evidence.received == b"<one>\n<two>\n"
    assert (result.evidence.bytes_in, result.evidence.bytes_out) == (12, 6)
    assert result.started_at.utcoffset() is not None
    assert 0 <= result.duration < 1
    assert dialer.running == 0


@pytest.mark.parametrize("size", range(1, 8))
async def test_answers_in_pieces_are_answers(dialer: Dialer, serve: Callable, size: int) -> None:
    """Each piece in a segment of its own."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        data = b"answer\n"
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await asyncio.sleep(0.002)
        await reader.read()

    result = await talk(dialer, await serve(handler), questions(b"one"))
    assert result.answer.reply == b"answer"


async def test_an_answer_and_an_end_in_one_segment_are_both_heard(
    dialer: Dialer, serve: Callable
) -> None:
    """The answer counts; the end is the answer to the next question."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"answer\n")
        writer.write_eof()
        await reader.read()

    port = await serve(handler)
    assert (await talk(dialer, port, questions(b"one"))).answer.failure is None
    result = await talk(dialer, port, questions(b"one", b"two"))
    assert result.answer == Answer(Step.SPOKE, Failure.CLOSED, reply=b"answer")


@pytest.mark.parametrize("turns", range(3))
async def test_a_close_after_any_turn_is_closed(
    dialer: Dialer, serve: Callable, turns: int
) -> None:
    """What was answered until then is kept."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(turns):
            await reader.readexactly(3)
            writer.write(b"x\n")
        await reader.readexactly(3)
        writer.write(b"half")
        await writer.drain()
        writer.close()

    result = await talk(dialer, await serve(handler), questions(b"one", b"two", b"six"))
    assert result.answer.failure is Failure.CLOSED
    assert result.answer.reply == b"|".join([b"x"] * turns)


@pytest.mark.parametrize("turns", range(3))
async def test_a_reset_after_any_turn_is_a_reset(
    dialer: Dialer, serve: Callable, turns: int
) -> None:
    """What was answered until then is kept."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(turns):
            await reader.readexactly(3)
            writer.write(b"x\n")
        await reader.readexactly(3)
        reset(writer)

    result = await talk(dialer, await serve(handler), questions(b"one", b"two", b"six"))
    assert result.answer.failure is Failure.RESET
    assert result.answer.reply == b"|".join([b"x"] * turns)


async def test_silence_is_a_stall(dialer: Dialer, serve: Callable) -> None:
    """The reply's own limit."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ha")
        await reader.read()

    result = await talk(dialer, await serve(handler), questions(b"one"), reply=0.1)
    assert result.answer.failure is Failure.STALLED
    assert result.evidence.received == b"ha"


async def test_a_drip_can_t_stretch_a_reply(dialer: Dialer, serve: Callable) -> None:
    """A byte now and then keeps nobody."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)

    result = await talk(dialer, await serve(handler), questions(b"one"), reply=0.2)
    assert result.answer.failure is Failure.STALLED


async def test_slow_answers_can_t_stretch_the_whole(dialer: Dialer, serve: Callable) -> None:
    """Each reply in its time, and still too long."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readexactly(3)
            await asyncio.sleep(0.1)
            if not writer.is_closing():
                writer.write(b"x\n")

    result = await talk(
        dialer, await serve(handler), questions(*[b"one"] * 50), reply=0.3, total=0.5
    )
    assert result.answer.failure is Failure.DEADLINE


async def test_a_flood_is_cut(dialer: Dialer, serve: Callable) -> None:
    """The evidence stays small, and we take hardly more than the cap."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    result = await talk(dialer, await serve(handler), questions(b"one"))
    assert result.answer.failure is Failure.TOO_MUCH
    assert len(result.evidence.received) == MAX_EVIDENCE
    assert MAX_BYTES < result.evidence.bytes_in <= MAX_BYTES + 8192


async def test_a_flood_of_whole_answers_is_cut(dialer: Dialer, serve: Callable) -> None:
    """Endless lines, each of them right."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x\n" * 10000)
            await writer.drain()

    def insatiable() -> Generator[bytes, bytes | Failure, Answer]:
        heard: bytes | Failure = b"x"
        while not isinstance(heard, Failure):
            heard = yield b"more"
        return Answer(Step.SPOKE, heard)

    result = await talk(dialer, await serve(handler), insatiable())
    assert result.answer.failure is Failure.TOO_MUCH


async def test_more_than_a_socket_takes_is_said_in_the_end(dialer: Dialer, serve: Callable) -> None:
    """Whatever the buffers hold."""
    size = 8_000_000

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(size)
        writer.write(b"all\n")
        await reader.read()

    result = await talk(
        dialer, await serve(handler), questions(b"x" * size), reply=20.0, total=20.0
    )
    assert result.answer.reply == b"all"
    assert result.evidence.bytes_out == size


async def test_a_farewell_arrives_before_the_end(dialer: Dialer, serve: Callable) -> None:
    """It is not lost by closing."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"x\n")
        heard.set_result(await reader.read())

    result = await talk(dialer, await serve(handler), questions(b"one", farewell=b"QUIT\r\n"))
    assert await heard == b"QUIT\r\n"
    assert result.evidence.sent == b"oneQUIT\r\n"


async def test_a_conversation_is_over_when_the_server_has_ended_it_too(
    dialer: Dialer, serve: Callable
) -> None:
    """Else the next connection to this host would be one too many."""
    over = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"yes\n")
        await reader.read()
        await asyncio.sleep(0.1)
        over.set()

    result = await talk(dialer, await serve(handler), questions(b"one", farewell=b"QUIT\r\n"))
    assert over.is_set()
    assert result.answer.step is Step.SENT


async def test_a_server_that_never_ends_is_left_with_a_reset(
    dialer: Dialer, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while; and at once if the conversation is aborted."""
    broken = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"yes\n")
        await reader.read()
        sock = writer.get_extra_info("socket")
        while sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != CLOSED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        broken.set()

    monkeypatch.setattr(module, "FAREWELL_SECONDS", 0.1)
    port = await serve(handler)
    result = await talk(dialer, port, questions(b"one", farewell=b"QUIT\r\n"))
    assert result.answer.step is Step.SENT
    await asyncio.wait_for(broken.wait(), 5)

    monkeypatch.setattr(module, "FAREWELL_SECONDS", 60.0)
    broken.clear()
    going = asyncio.create_task(
        talk(dialer, port, questions(b"one", farewell=b"QUIT\r\n"), total=60.0)
    )
    while not dialer.running:  # noqa: ASYNC110 - the dialer has no event for it
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    dialer.abort(lambda _: False)
    assert (await going).answer.step is Step.SENT
    await asyncio.wait_for(broken.wait(), 5)


async def test_without_a_farewell_we_leave_with_one_packet(dialer: Dialer, serve: Callable) -> None:
    """A reset: nothing is in flight that could be lost."""
    ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"x\n")
        try:
            await reader.read()
        except ConnectionResetError as error:
            ended.set_result(error)
        else:
            ended.set_result(None)

    await talk(dialer, await serve(handler), questions(b"one"))
    assert isinstance(await ended, ConnectionResetError)


async def test_a_closed_port_is_refused(dialer: Dialer) -> None:
    """No connection, no dialogue."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = await talk(dialer, bound.getsockname()[1], questions(b"one"))
    assert result.answer == Answer(Step.NOTHING, Failure.REFUSED)
    assert result.evidence.bytes_out == 0


async def test_a_silent_port_times_out(dialer: Dialer) -> None:
    """A listener whose queue is full drops what we send."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address):
            result = await dialer.converse(
                LOOPBACK, address[1], 10, questions(b"one"), connect=0.2, reply=1.0, total=1.0
            )
    assert result.answer == Answer(Step.NOTHING, Failure.CONNECT_TIMEOUT)


async def test_our_own_mistake_is_raised_where_it_is_awaited(
    dialer: Dialer, serve: Callable
) -> None:
    """And the others go on."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"x\n")
        await reader.read()

    def broken() -> Dialogue:
        yield b"one"
        raise SurveyError("ours")

    port = await serve(handler)
    other = asyncio.create_task(talk(dialer, port, questions(b"one")))
    with pytest.raises(SurveyError, match="ours"):
        await talk(dialer, port, broken())
    assert (await other).answer.reply == b"x"
    assert dialer.running == 0


async def test_five_hundred_at_once_all_end(dialer: Dialer, serve: Callable) -> None:
    """Good ones among bad ones, none mixed up with another."""
    number = iter(range(10**6))

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readexactly(5)
        match next(number) % 3:
            case 0:
                writer.write(asked + b"\n")
                await reader.read()
            case 1:
                reset(writer)
            case _:
                writer.write(asked + b"\n")
                writer.close()

    port = await serve(handler)
    results = await asyncio.gather(
        *[talk(dialer, port, questions(b"%05d" % each), reply=20, total=20) for each in range(500)]
    )
    for each, result in enumerate(results):
        assert result.answer.reply in {b"", b"%05d" % each}
        assert (result.answer.failure is Failure.RESET) == (result.answer.reply == b"")
