"""One line of the canary's log: an arrival as JSON, and back.

A line is ASCII: bytes from strangers are written as Latin-1 text and every character beyond ASCII
or below space is escaped, so no byte of theirs reaches a terminal, and every byte comes back.
"""

import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from typing import Any

from survey.model.arrival import Arrival, ArrivalKind

MAX_SENDER = 320
"""Bytes of an envelope sender that are kept."""
MAX_HELO = 255
"""Bytes of the peer's own name that are kept."""
MAX_HEADERS = 512
"""Bytes of a proxy's own header lines that are kept."""
_MAPPED = b"\0" * 10 + b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Unlisted:
    """How many events since the last such line were beyond the bounds, and only counted.

    Attributes:
        at: When it was written, UTC.
        events: How many, at least 1.
    """

    at: datetime
    events: int


def mapped(peer: str) -> bytes:
    """The 16 bytes of a peer's address as the socket names it; IPv4 as ``::ffff:a.b.c.d``."""
    if ":" in peer:
        return socket.inet_pton(socket.AF_INET6, peer.partition("%")[0])
    return _MAPPED + socket.inet_aton(peer)


def to_line(record: Arrival | Unlisted) -> bytes:
    r"""The record as one line with its ``\n``."""
    at = record.at.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(record, Unlisted):
        return b'{"at":"%b","unlisted":%d}\n' % (at.encode("ascii"), record.events)
    # written out: a JSON encoder took a tenth of the echo host's time
    return (
        f'{{"at":"{at}","kind":"{record.kind}","token":"{record.token}","nonce":"{record.nonce}",'
        f'"peer":"{socket.inet_ntop(socket.AF_INET6, record.peer)}",'
        f'"peer_port":{record.peer_port},"canary_port":{record.canary_port},'
        f'"complete":{"true" if record.complete else "false"},'
        f'"sender":{_text(record.sender[:MAX_SENDER])},"helo":{_text(record.helo[:MAX_HELO])},'
        f'"size":{record.size}{_headers(record.headers)}}}\n'
    ).encode("ascii")


def from_line(line: bytes) -> Arrival | Unlisted:
    """The record of one line.

    Raises:
        ValueError: The line was not written by ``to_line``.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        at = datetime.fromisoformat(values["at"])
        if "unlisted" in values:
            return Unlisted(at=at, events=int(values["unlisted"]))
        return Arrival(
            at=at,
            kind=ArrivalKind(values["kind"]),
            token=values["token"],
            nonce=values["nonce"],
            peer=socket.inet_pton(socket.AF_INET6, values["peer"]),
            peer_port=values["peer_port"],
            canary_port=values["canary_port"],
            complete=values["complete"],
            sender=values["sender"].encode("latin-1"),
            helo=values["helo"].encode("latin-1"),
            size=values["size"],
            headers=values.get("headers", "").encode("latin-1"),
        )
    except (KeyError, TypeError, AttributeError, OSError) as error:
        raise ValueError("not a line of an arrivals log") from error


def _headers(headers: bytes) -> str:
    """Left out where there are none: most events are no HTTP requests."""
    return f',"headers":{_text(headers[:MAX_HEADERS])}' if headers else ""


def _text(hostile: bytes) -> str:
    return encode_basestring_ascii(hostile.decode("latin-1"))
