"""Which protocol a peer speaks, told from its first bytes, when it is not the one we spoke."""

import re
from collections.abc import Generator

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.protocols.dialogue import Answer, Heard, Inbox

# Each tells its protocol from a beginning, and more bytes never change that, so that the answer
# does not depend on how the network cut them.
_BEGINNINGS = (
    (re.compile(rb"HTTP/\d|(?i:<!doctype html|<html)"), Protocol.HTTP),
    (re.compile(rb"SSH-"), Protocol.SSH),
    # A mail server may be called ftp.example.com, so the whole line decides.
    (re.compile(rb"[245]\d\d[ -][^\n]*SMTP[^\n]*\n", re.IGNORECASE), Protocol.SMTP),
    (re.compile(rb"[245]\d\d[ -][^\n]*FTP[^\n]*\n", re.IGNORECASE), Protocol.FTP),
    # RFC 8446 s5.1: a record of type alert or handshake, version 3.x.
    (re.compile(rb"[\x15\x16]\x03[\x00-\x04]"), Protocol.TLS),
    # RFC 1928 s3: a chosen method; microsocks says 05 FF to whatever it does not understand.
    (re.compile(rb"\x05[\x00-\x02\xff]"), Protocol.SOCKS5),
    (re.compile(rb"\x00[\x5a-\x5d]"), Protocol.SOCKS4),
    # RFC 854: options are negotiated before the first word.
    (re.compile(rb"\xff[\xfb-\xfe]"), Protocol.TELNET),
)


def recognise(data: bytes) -> Protocol | None:
    """The protocol that a peer's first bytes belong to, or None if they fit none that we know."""
    for beginning, protocol in _BEGINNINGS:
        if beginning.match(data, 0, MAX_EVIDENCE):
            return protocol
    return None


def unexpected(inbox: Inbox, wanted: Protocol) -> Generator[bytes, Heard, Answer]:
    """Hear out a peer that said no word of the ``wanted`` protocol, until we know what it speaks.

    An inbox that has ended was cut off; one that has not holds bytes that can't be right.
    """
    cut = inbox.ended
    while (protocol := recognise(inbox.data)) is None and inbox.ended is None:
        if b"\n" in inbox.data or len(inbox.data) >= MAX_EVIDENCE:
            break
        yield from inbox.more()
    stranger = protocol not in (None, wanted)
    failure = Failure.WRONG_PROTOCOL if stranger else cut or Failure.GARBAGE
    return Answer(Step.CONNECTED, failure, protocol, reply=inbox.data[:MAX_EVIDENCE])
