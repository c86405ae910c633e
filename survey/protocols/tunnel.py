r"""What is said inside a tunnel to our canary, by both sides; the same on its echo host and its MX.

The canary speaks first, as SMTP does (RFC 5321 s3.1), so that a proxy which loses or delays the
first bytes is noticed.  We name our token, and the canary answers with a nonce that only it can
make.  Token and nonce equal in observation and arrival prove a tunnel in both directions; a proxy
that echoes what we say, a cache or a captive portal can't know the nonce::

    canary  220 <name> ESMTP ...\r\n
    prober  NOOP <token>\r\n
    canary  250 2.0.0 <nonce>\r\n
    prober  QUIT\r\n

To our MX this is plain SMTP (NOOP takes an argument, RFC 5321 s4.1.1.9), so a tunnel to its port
shows that mail could be sent through it, and no mail is.
"""

import re
from collections.abc import Generator

from survey.model.failure import Failure
from survey.model.observation import Step
from survey.protocols.dialogue import Heard, Inbox
from survey.protocols.token import NONCE_CHARS

GOODBYE = b"QUIT\r\n"

# RFC 5321 s4.5.3.1.5 gives a reply line 512 octets; our canary needs far fewer.
_LINE = 512
_GREETING_LINES = 8
_ANSWER = re.compile(rb"250 2\.0\.0 ([a-z2-7]{%d})" % NONCE_CHARS)


def ask(token: str) -> bytes:
    """What we say to the canary: one line."""
    return b"NOOP " + token.encode("ascii") + b"\r\n"


def answer(nonce: str) -> bytes:
    """What the canary says back: one line."""
    return b"250 2.0.0 " + nonce.encode("ascii") + b"\r\n"


class Tunnel:
    """One talk with the canary through a granted tunnel.

    Attributes:
        asked: Our token was said.
        nonce: The canary's nonce, or "" if it did not come.
        failure: Why no nonce came, or None.
    """

    __slots__ = ("asked", "failure", "nonce")

    def __init__(self) -> None:
        self.asked = False
        self.nonce = ""
        self.failure: Failure | None = None

    @property
    def step(self) -> Step:
        """How far it got: ACCEPTED, SENT or ECHOED."""
        if self.nonce:
            return Step.ECHOED
        return Step.SENT if self.asked else Step.ACCEPTED

    @property
    def farewell(self) -> bytes:
        """What is left to say: the canary deserves a goodbye, a stranger behind a port doesn't."""
        return GOODBYE if self.nonce else b""

    def talk(
        self, inbox: Inbox, token: str, most_repeats: int = 0
    ) -> Generator[bytes, Heard, None]:
        """Wait for the greeting (it may be in the inbox already), ask, and wait for the nonce.

        Args:
            inbox: What was heard until now.
            token: To be said.
            most_repeats: Lines that may come before the answer, where what we say is repeated.
        """
        self.failure = (yield from self._greeted(inbox)) or inbox.ended
        if self.failure is not None:
            return
        self.asked = True
        say = ask(token)
        for repeats in range(most_repeats, -1, -1):
            line = yield from inbox.line(_LINE, say, starting=b"" if repeats else b"250 ")
            say = b""
            if line is None:
                self.failure = inbox.ended
                return
            if found := _ANSWER.fullmatch(line):
                self.nonce = found[1].decode("ascii")
                return
        self.failure = Failure.GARBAGE

    def _greeted(self, inbox: Inbox) -> Generator[bytes, Heard, Failure | None]:
        """Wait for a whole greeting; why there is none, or None."""
        for _ in range(_GREETING_LINES):
            line = yield from inbox.line(_LINE, starting=b"220")
            if line is None:
                return inbox.ended
            if line[3:4] in (b" ", b""):
                return None
            if line[3:4] != b"-":
                break
        return Failure.GARBAGE
