"""Evidence is bounded; counts are not."""

import asyncio
import socket
from collections.abc import Callable

from survey.model.observation import MAX_EVIDENCE
from survey.probes.evidence import MAX_BYTES, Evidence, packets_sent


def test_the_first_bytes_are_kept_and_all_are_counted() -> None:
    """Each way."""
    evidence = Evidence()
    for _ in range(4):
        assert evidence.hear(b"h" * 300)
        evidence.say(b"s" * 200)
    assert evidence.received == b"h" * MAX_EVIDENCE
    assert evidence.sent == b"s" * MAX_EVIDENCE
    assert (evidence.bytes_in, evidence.bytes_out) == (1200, 800)


def test_too_many_bytes_are_too_much() -> None:
    """By one."""
    evidence = Evidence()
    assert evidence.hear(b"x" * MAX_BYTES)
    assert not evidence.hear(b"x")


async def test_the_kernel_counts_our_packets(serve: Callable) -> None:
    """The handshake's two, and each word."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    with socket.create_connection(("127.0.0.1", await serve(server))) as sock:
        assert packets_sent(sock) == 2
        sock.send(b"x")
        assert packets_sent(sock) == 3
