"""Other protocols are told from their first bytes."""

from collections.abc import Callable

import pytest

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.protocols.dialogue import Answer, Dialogue, Inbox
from survey.protocols.recognise import recognise, unexpected

SAMPLES = {
    b"HTTP/1.1 400 Bad Request\r\n": Protocol.HTTP,
    b"<!DOCTYPE HTML PUBLIC": Protocol.HTTP,
    b"<html><body>": Protocol.HTTP,
    b"SSH-2.0-OpenSSH_9.2\r\n": Protocol.SSH,
    b"220 mail.example.com ESMTP Postfix\r\n": Protocol.SMTP,
    b"220 ftp.example.com ESMTP Postfix\r\n": Protocol.SMTP,
    b"554 mail.example.com ESMTP not accepting\r\n": Protocol.SMTP,
    b"220 ProFTPD Server ready\r\n": Protocol.FTP,
    b"\x15\x03\x01\x00\x02\x02\x0a": Protocol.TLS,
    b"\x05\xff": Protocol.SOCKS5,
    b"\x05\x00": Protocol.SOCKS5,
    b"\x00\x5b\x00\x00\x00\x00\x00\x00": Protocol.SOCKS4,
    b"hello world\r\n": None,
    b"\xff\xfb\x01\xff\xfb\x03": Protocol.TELNET,
    b"220 hello\r\n": None,
    b"": None,
}


@pytest.mark.parametrize(("data", "protocol"), SAMPLES.items())
def test_protocols_are_told_from_their_beginnings(data: bytes, protocol: Protocol | None) -> None:
    """And other bytes are none."""
    assert recognise(data) is protocol


def strange(data: bytes = b"") -> Dialogue:
    """A dialogue that finds all that it hears strange."""
    inbox = Inbox(data)
    yield from inbox.until(1, b"?")
    return (yield from unexpected(inbox, Protocol.SOCKS4))


@pytest.mark.parametrize(("data", "protocol"), [item for item in SAMPLES.items() if item[0]])
def test_pieces_do_not_matter(
    play: Callable, cut: Callable, data: bytes, protocol: Protocol | None
) -> None:
    """What is concluded does not depend on how the network cut the bytes."""
    answer: Answer = play(strange(), cut(data))[0]
    assert answer.protocol is protocol
    assert answer.step is Step.CONNECTED
    wrong = protocol not in (None, Protocol.SOCKS4)
    assert answer.failure is (Failure.WRONG_PROTOCOL if wrong else Failure.GARBAGE)


def test_endless_garbage_is_not_heard_out(play: Callable) -> None:
    """Evidence has a size, and so has patience."""
    answer: Answer = play(strange(), [b"x" * 100] * 50)[0]
    assert answer.failure is Failure.GARBAGE
    assert len(answer.reply) == MAX_EVIDENCE
