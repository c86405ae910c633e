"""One connection to the canary, and what becomes of the tokens that it brings."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field

from survey.canary.desk import Desk
from survey.canary.identity import identity_headers
from survey.canary.log import Then
from survey.canary.record import MAX_HELO, MAX_SENDER, mapped
from survey.model.arrival import Arrival, ArrivalKind
from survey.protocols.token import (
    TOKEN_CHARS,
    Claims,
    TokenKind,
    find_token,
    make_nonce,
    read_token,
)

OPENING = 4096
"""First bytes of a connection that are held, until its end, to look for a token in."""
MOST_TOKENS = 100
"""Different tokens of one connection that are kept apart."""
_SPOKEN = re.compile(rb"^NOOP ([A-Za-z2-7]{%d})\r?$" % TOKEN_CHARS, re.MULTILINE | re.IGNORECASE)


@dataclass(slots=True)
class Visit:
    """One connection to one of our ports, and what it brought.

    Attributes:
        desk: Ours.
        peer: Address of the last hop, 16 bytes.
        peer_port: Its source port.
        canary_port: Our port that it came to.
        connection: Random bytes that its nonces are made of.
        sender: Envelope sender of the transaction under way.
        helo: What the peer called itself.
        size: Bytes received.
    """

    desk: Desk
    peer: bytes
    peer_port: int
    canary_port: int
    connection: bytes
    sender: bytes = b""
    helo: bytes = b""
    size: int = 0
    _opening: bytearray = field(default_factory=bytearray)
    _told: set[str] = field(default_factory=set)
    _probes: set[tuple[object, ...]] = field(default_factory=set)
    _waiting: dict[str, tuple[ArrivalKind, Claims, bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, desk: Desk, transport: asyncio.Transport) -> "Visit":
        """The visit that begins with this connection."""
        host, port = transport.get_extra_info("peername")[:2]
        ours = transport.get_extra_info("sockname")[1]
        return cls(desk, mapped(host), port, ours, secrets.token_bytes(8))

    def hear(self, data: bytes) -> None:
        """Count the bytes and hold the first ones."""
        self.size += len(data)
        if len(self._opening) < OPENING:
            self._opening += data[: OPENING - len(self._opening)]

    def tunnel_nonce(self, argument: bytes) -> tuple[str, Claims, str] | None:
        """Token, claims and our nonce for a NOOP's argument; None unless it is for this port."""
        argument = argument.rstrip(b"\r\0")  # a telnet client says a CR as CR NUL (RFC 854)
        claims = read_token(self.desk.key, argument)
        if (
            claims is None
            or claims.kind is not TokenKind.TUNNEL
            or claims.canary_port != self.canary_port
        ):
            return None
        token = argument.decode("ascii").lower()
        return token, claims, make_nonce(self.desk.key, token, self.connection)

    def note(  # noqa: D417 - the other arguments are those of Arrival
        self,
        kind: ArrivalKind,
        token: str,
        claims: Claims,
        then: Then | None = None,
        *,
        nonce: str = "",
        complete: bool = False,
        size: int | None = None,
    ) -> bool:
        """Put an arrival of this visit into the log; False if it was only counted.

        Args:
            then: Called once it is durable or has failed; never, if it was only counted.
        """
        if len(self._told) < MOST_TOKENS:
            self._told.add(token)
            self._probes.add(_probe(claims))
        self._waiting.pop(token, None)
        return self.desk.note(
            self._arrival(kind, token, self.sender, nonce=nonce, complete=complete, size=size), then
        )

    def expect(self, kind: ArrivalKind, token: str, claims: Claims) -> None:
        """Remember a token that will be ``kind`` unless something better comes of it."""
        if token not in self._told and len(self._waiting) < MOST_TOKENS:
            self._waiting.setdefault(token, (kind, claims, self.sender))

    def overheard(self, text: bytes) -> None:
        """Remember a token in a place where it proves nothing (EHLO, MAIL FROM)."""
        found = find_token(self.desk.key, text)
        if found is not None:
            self.expect(ArrivalKind.STRAY, *found)

    def end(self) -> None:
        """The connection is over: what came to nothing better is put into the log as what it is."""
        if not self._told:
            self._unanswered()
        if not self._told and not self._waiting:
            self.overheard(bytes(self._opening))
        for token, (kind, claims, sender) in self._waiting.items():
            # a sender token of a message that we have is no news
            if kind is ArrivalKind.STRAY and _probe(claims) in self._probes:
                continue
            self.desk.note(self._arrival(kind, token, sender))
        if not self._told and not self._waiting:
            self.desk.note(self._arrival(ArrivalKind.CONNECTION, "", self.sender))
        self._waiting.clear()

    def _unanswered(self) -> None:
        """A proxy may bring the body of a POST and hang up at once, since we speak no HTTP.

        Its token came all the way, though nobody heard our nonce.
        """
        spoken = _SPOKEN.search(bytes(self._opening))
        asked = self.tunnel_nonce(spoken[1]) if spoken else None
        if asked is not None:
            token, claims, _ = asked
            self.note(ArrivalKind.TUNNEL, token, claims)

    def _arrival(
        self,
        kind: ArrivalKind,
        token: str,
        sender: bytes,
        *,
        nonce: str = "",
        complete: bool = False,
        size: int | None = None,
    ) -> Arrival:
        return Arrival(
            at=self.desk.now(),
            kind=kind,
            token=token,
            nonce=nonce,
            peer=self.peer,
            peer_port=self.peer_port,
            canary_port=self.canary_port,
            complete=complete,
            sender=sender[:MAX_SENDER],
            helo=self.helo[:MAX_HELO],
            size=min(self.size if size is None else size, 2**32 - 1),
            headers=identity_headers(bytes(self._opening)) if kind is ArrivalKind.TUNNEL else b"",
        )


def _probe(claims: Claims) -> tuple[object, ...]:
    """What the tokens of one conversation have in common."""
    return claims.run, claims.ip, claims.port, claims.probe, claims.variant, claims.attempt
