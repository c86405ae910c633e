"""A dialogue inside TLS, which is itself a dialogue: of what passes on the wire.

So the driver, its limits and its counts stay as they are.  Whose certificate it is, nobody asks
(``probes.tls``).  A handshake that fails is a fact in the answer, like all that a peer does.
"""

import ssl
from collections.abc import Generator
from dataclasses import replace

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.probes.evidence import Evidence
from survey.probes.tls import Tls, client_context
from survey.protocols.dialogue import Answer, Dialogue, Heard
from survey.protocols.recognise import recognise


class Secured:
    """One dialogue inside TLS."""

    def __init__(self, inner: Dialogue) -> None:
        """Carry ``inner``, which is not begun yet."""
        self._inner = inner
        self._tls = Tls(client_context())
        self._received = b""
        self._sent = b""
        self._clear = b""

    def dialogue(self) -> Dialogue:
        """What passes on the wire; the answer is that of the inner dialogue."""
        self._tls.begin()
        raw = b""
        while not self._tls.established:
            heard = yield self._tls.to_send()
            if isinstance(heard, Failure) or not heard:
                return _no_tls(raw, Failure.CLOSED if heard == b"" else heard)
            raw = (raw + heard)[:MAX_EVIDENCE]
            failure = self._hear(heard)
            if failure is not None:
                self._received = raw
                return _no_tls(raw, Failure.HANDSHAKE)
        try:
            self._say(next(self._inner))
            while True:
                self._say(self._inner.send((yield from self._heard())))
        except StopIteration as end:
            answer: Answer = end.value
        return replace(answer, farewell=self._farewell(answer.farewell))

    def show(self, evidence: Evidence) -> None:
        """Put what was said inside TLS in the place of what stood on the wire; counts stay."""
        evidence.received, evidence.sent = self._received, self._sent

    def _heard(self) -> Generator[bytes, Heard, Heard]:
        """Wait for the peer's next words, or its end."""
        while not self._clear:
            heard = yield self._tls.to_send()
            if isinstance(heard, Failure) or not heard:
                return heard
            failure = self._hear(heard)
            if failure is not None:
                return failure
            if self._tls.ended and not self._clear:
                return b""
        clear, self._clear = self._clear, b""
        self._received = (self._received + clear)[:MAX_EVIDENCE]
        return clear

    def _hear(self, data: bytes) -> Failure | None:
        try:
            self._clear += self._tls.hear(data)
        except ssl.SSLError:
            return Failure.GARBAGE
        return None

    def _say(self, words: bytes) -> None:
        """Keep it for the next yield; to a peer that has closed TLS, nothing is said any more."""
        self._sent = (self._sent + words)[:MAX_EVIDENCE]
        if words and not self._tls.ended:
            self._tls.say(words)

    def _farewell(self, words: bytes) -> bytes:
        if not words or self._tls.ended:
            return b""
        self._say(words)
        return self._tls.to_send()


def _no_tls(raw: bytes, failure: Failure) -> Answer:
    """No handshake: another protocol, or why."""
    protocol = recognise(raw)
    if protocol not in (None, Protocol.TLS):
        failure = Failure.WRONG_PROTOCOL
    return Answer(Step.CONNECTED, failure, protocol, reply=raw)
