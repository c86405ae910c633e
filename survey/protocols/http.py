r"""Does an HTTP proxy open a tunnel for a stranger?  CONNECT and its reply (RFC 9110 s9.3.6).

The reader is incremental: status line and headers may come in any pieces, and the canary's greeting
may be glued to them.  (A client that reads once lost that greeting in 98 of 100 tries, measured
with tinyproxy.)  What a 2xx reply says of its content is not believed: a length or an HTML page
means that there is no tunnel, but only the canary's nonce decides.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass

from survey.model.address import format_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Answer, Dialogue, Heard, Inbox
from survey.protocols.recognise import unexpected
from survey.protocols.tunnel import Tunnel

# Status line and headers of one reply together; RFC 9112 s3 asks for 8000 octets a line at least.
MAX_HEAD = 32768
# RFC 9110 s15.2 sets no limit to interim replies; real proxies send one at most.
MAX_INTERIM = 4

_START = b"HTTP/"
_STATUS = re.compile(rb"HTTP/\d\.\d ([1-5]\d\d)(?=[ \r\n])")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r?\n", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SWITCHING = 101
_INTERIM = 1
_SUCCESSFUL = 2


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of one reply.

    Attributes:
        code: The status.
        raw: Their bytes, at most MAX_EVIDENCE.
        complete: The peer did not end within them.
        length: Bytes that follow, if it says so.
    """

    code: int
    raw: bytes
    complete: bool
    length: int | None = None

    @property
    def successful(self) -> bool:
        """Whether it is a 2xx."""
        return self.code // 100 == _SUCCESSFUL


def connect_request(to: Endpoint, agent: str) -> bytes:
    """The CONNECT request; ``agent`` says who we are and where to opt out."""
    host = f"{format_ip(to.ip)}:{to.port}"
    return f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n\r\n".encode("ascii")


def http_connect(to: Endpoint, agent: str, token: str) -> Dialogue:
    """Ask for a tunnel to our canary and, if it is granted, talk with it."""
    inbox = Inbox()
    head = yield from final_head(inbox, connect_request(to, agent))
    if head is None:
        return (yield from unexpected(inbox, Protocol.HTTP))
    if not head.successful:
        return refused("CONNECT", head, inbox)
    if not head.complete:
        return Answer(
            Step.SPOKE, inbox.ended, protocol=Protocol.HTTP, code=head.code, reply=head.raw
        )
    tunnel = Tunnel()
    yield from tunnel.talk(inbox, token)
    return Answer(
        tunnel.step,
        tunnel.failure,
        protocol=Protocol.HTTP,
        code=head.code,
        reply=head.raw,
        nonce=tunnel.nonce,
        farewell=tunnel.farewell,
    )


def head_in(heard: bytes) -> bytes:
    """The first head in all that came, with its blank line; all of it if there is none."""
    end = _BLANK_LINE.search(heard)
    return heard if end is None else heard[: end.end()]


def refused(method: str, head: Head, inbox: Inbox) -> Answer:
    """What a status other than 2xx means, whether its head got complete or not."""
    return Answer(
        Step.SPOKE,
        failure=None if head.complete else inbox.ended,
        protocol=Protocol.HTTP,
        refused_at=method,
        code=head.code,
        reply=head.raw,
    )


def final_head(inbox: Inbox, request: bytes) -> Generator[bytes, Heard, Head | None]:
    """Say the request and take the head of the final reply off the inbox; None if it is no HTTP."""
    head = yield from _read_head(inbox, request)
    for _ in range(MAX_INTERIM):
        if head is None or head.code // 100 != _INTERIM or head.code == _SWITCHING:
            break
        head = yield from _read_head(inbox)
    return head


def _read_head(inbox: Inbox, request: bytes = b"") -> Generator[bytes, Heard, Head | None]:
    """Say the request and take one reply's head off the inbox; None if it is not HTTP."""
    yield from inbox.until(1, request)
    searched = 0
    while True:
        if inbox.data[: len(_START)] != _START[: len(inbox.data)]:
            return None
        end = _BLANK_LINE.search(inbox.data, max(0, searched - 2), MAX_HEAD)
        if end is not None or inbox.ended is not None:
            break
        if len(inbox.data) > MAX_HEAD:
            inbox.ended = Failure.TOO_MUCH
            break
        searched = len(inbox.data)
        yield from inbox.more()
    status = _STATUS.match(inbox.data)
    if status is None:
        return None
    size = len(inbox.data) if end is None else end.end()
    raw = inbox.take(size)
    length = _LENGTH.search(raw) if end is not None else None
    return Head(
        int(status[1]), raw[:MAX_EVIDENCE], end is not None, int(length[1]) if length else None
    )
