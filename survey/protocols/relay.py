"""Is a stranger's letter taken?  One connection of the relay test as a pure dialogue (RFC 5321).

The dialogue wishes for one thing at a time and hears what came of it; whoever runs it speaks SMTP
with a library, asks a name server, or reads from a list in a test.  Envelopes are exact bytes.
Which envelopes there are: ``protocols.envelopes``; which connection follows: ``relay_course``.
"""

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.protocols.dialogue import Answer
from survey.protocols.envelopes import Envelope, Form
from survey.protocols.recognise import recognise


@dataclass(frozen=True, slots=True)
class Listen:
    """A wish: wait for the greeting; a Reply comes back."""


@dataclass(frozen=True, slots=True)
class Command:
    """A wish: say this and wait; a Reply comes back."""

    verb: bytes
    argument: bytes = b""


@dataclass(frozen=True, slots=True)
class Letter:
    """A wish: send this message, stuffed and ended by us, and wait; a Reply comes back."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Secure:
    """A wish: go over to TLS, no certificate checked; a Reply without a code comes back.

    Its failure is None once TLS stands.
    """


@dataclass(frozen=True, slots=True)
class OwnName:
    """A wish: does this name resolve to the tested address?  A bool comes back."""

    name: bytes


@dataclass(frozen=True, slots=True)
class CanaryHealthy:
    """A wish: may a message be sent, and would our mailbox take it now?  A bool comes back."""


Wish = Listen | Command | Letter | Secure | OwnName | CanaryHealthy


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a code and its bytes, or why there is none.

    Attributes:
        code: 200 to 599, or None.
        raw: The reply as it came, at most MAX_EVIDENCE bytes.
        failure: Why there is no code, or None.
    """

    code: int | None
    raw: bytes = b""
    failure: Failure | None = None

    @property
    def accepted(self) -> bool:
        """A 2xx reply."""
        return self.code is not None and 200 <= self.code < 300  # noqa: PLR2004 - RFC 5321 s4.2.1

    @property
    def final(self) -> bool:
        """Nothing can be said after it: the connection is gone or going (RFC 5321 s3.8)."""
        return self.failure is not None or self.code == CLOSING


@dataclass(frozen=True, slots=True)
class Offer:
    """One envelope that was tried, and its answer.

    Attributes:
        variant: Id of its form.
        token: Its recipient token; "" for a control, or if it could not be said.
        tls: Whether its answer came inside TLS.
        answer: What came of it.
        tried: Whether it was said at all.
    """

    variant: str
    token: str
    tls: bool
    answer: Answer
    tried: bool = True


class Security(Enum):
    """When a connection goes over to TLS."""

    IF_ASKED = auto()
    """When the server wants it before it takes an envelope."""
    STARTTLS = auto()
    """Right after EHLO: this server is known to want it."""
    AT_ONCE = auto()
    """Before the greeting (RFC 8314 s3.3)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one connection.

    Attributes:
        offers: One per envelope that was tried, at least one: if none could be, the first form's,
            without a token, says why.
        left: The forms that it ended before.
        afterwards: What came of the control behind a message that was taken, if it was asked.
    """

    offers: tuple[Offer, ...]
    left: tuple[Form, ...] = ()
    afterwards: Offer | None = None


Relay = Generator[Wish, Reply | bool, Outcome]

CLOSING = 421
_START_INPUT = 354
_READY = 220
# "Must issue a STARTTLS command first", "TLS required", "Session encryption is required" ...
_WANTS_TLS = re.compile(
    rb"(?<![\w.@-])start ?tls(?![\w@-])(?!\.\w)|\b(use|requires?|needs?) (a )?(tls|ssl|encrypt)|"
    rb"\b(tls|ssl|encryption|encrypted)\b[a-z ,]{0,40}\b(required?|needed|mandatory|first)\b",
    re.IGNORECASE,
)
_OFFERS_TLS = re.compile(rb"^250[ -]STARTTLS\b", re.IGNORECASE | re.MULTILINE)
_POLICY = 530
# RFC 1123 s2.1, and at least one dot: a bare word is nobody's own name.
_HOST = re.compile(
    rb"[2-5]\d\d[ -]((?=[^ ]{4,253}(?:[ \r\n]|\Z))(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    rb"[a-z](?:[a-z0-9-]{0,61}[a-z0-9]))\.?(?=[ \r\n]|\Z)",
    re.IGNORECASE,
)


def own_name(reply: bytes) -> bytes | None:
    """The host name that a greeting or EHLO reply begins with, in lower case, or None."""
    found = _HOST.match(reply)
    return found[1].lower() if found else None


def relay(
    helo: bytes,
    address: Callable[[Form, bytes | None, bool], Envelope],
    compose: Callable[[Envelope], bytes],
    wanted: Sequence[Form],
    security: Security = Security.IF_ASKED,
    *,
    afterwards: Form | None = None,
) -> Relay:
    """Introduce ourselves, try one envelope after the other, and send at most one message.

    The first recipient that is accepted gets the message; then, or when all were refused, we quit.
    A server that takes no envelope in the clear gets the same one again inside TLS, and so the
    others; the refusal in the clear is then no answer of its own.

    Args:
        helo: Our own host name.
        address: Makes the envelope of a form, given the server's own name if that is proven, and
            whether it goes out inside TLS.
        compose: Makes the message to an envelope, as ``relay_message.payload`` does.
        wanted: The forms to try, in this order; at least one.
        security: When to go over to TLS.
        afterwards: A control to ask once a message was taken.
    """
    visit = _Visit(helo, address, compose, tuple(wanted), security, afterwards)
    return (yield from visit.relay())


@dataclass(slots=True)
class _Visit:
    """One connection."""

    helo: bytes
    address: Callable[[Form, bytes | None, bool], Envelope]
    compose: Callable[[Envelope], bytes]
    wanted: tuple[Form, ...]
    security: Security
    afterwards: Form | None
    tls: bool = False
    offers_tls: bool = False
    name: bytes | None = None
    offers: list[Offer] = field(default_factory=list)
    left: tuple[Form, ...] = ()
    behind: Offer | None = None

    def relay(self) -> Relay:
        """The whole of it."""
        if self.security is Security.AT_ONCE:
            self.tls = True
            if (secured := (yield from _hear(Secure()))).failure is not None:
                return self._nothing_said(_no_tls(secured))
        greeting = yield from _hear(Listen())
        if not greeting.accepted:
            return self._nothing_said(_no_word("GREETING", greeting, greeting))
        hello = yield from self._introduce()
        if not hello.accepted:
            return self._nothing_said(_no_word("EHLO", hello, greeting))
        if any(form.own_name for form in self.wanted):
            self.name = yield from _proven_name(hello.raw, greeting.raw)
        self.offers_tls = _OFFERS_TLS.search(hello.raw) is not None
        if self.security is Security.STARTTLS:
            broken = yield from self._upgrade()
            if broken is not None:
                return self._nothing_said(broken)
        if (yield from self._try_all()):
            yield from _hear(Command(b"QUIT"))
        if not self.offers:
            return self._nothing_said(_answer(Step.SPOKE, None, hello))
        return Outcome(tuple(self.offers), self.left, self.behind)

    def _introduce(self) -> Generator[Wish, Reply | bool, Reply]:
        """EHLO, or HELO for who does not know it; after a refusal of both we have quit."""
        hello = yield from _hear(Command(b"EHLO", self.helo))
        if not hello.accepted and not hello.final:
            hello = yield from _hear(Command(b"HELO", self.helo))
        if not hello.accepted and not hello.final:
            yield from _hear(Command(b"QUIT"))
        return hello

    def _try_all(self) -> Generator[Wish, Reply | bool, bool]:
        """Try the forms; whether all were, so that a goodbye is still due."""
        for place, form in enumerate(self.wanted):
            if form.own_name and self.name is None:
                continue
            if self.offers and not (yield from _hear(Command(b"RSET"))).accepted:
                self.left = self.wanted[place:]
                return False
            if not (yield from self._try(form)):
                self.left = self.wanted[place + 1 :]
                return False
        return True

    def _try(self, form: Form) -> Generator[Wish, Reply | bool, bool]:
        """Try one form; whether another may follow."""
        tried = self.address(form, self.name, self.tls)
        answer, goes_on = yield from self._offer(tried, control=form.control)
        if goes_on and self._must_be_secure(answer):
            broken = yield from self._upgrade()
            tried = self.address(form, self.name, self.tls)
            if broken is None:
                answer, goes_on = yield from self._offer(tried, control=form.control)
            else:
                answer, goes_on = broken, False
        self.offers.append(Offer(tried.variant, tried.token, self.tls, answer))
        return goes_on

    def _must_be_secure(self, answer: Answer) -> bool:
        """Whether an envelope was refused only because it came in the clear (RFC 3207 s4)."""
        return (
            not self.tls
            and answer.refused_at in ("MAIL", "RCPT")
            and (self.offers_tls or answer.code == _POLICY)
            and _WANTS_TLS.search(answer.reply) is not None
        )

    def _upgrade(self) -> Generator[Wish, Reply | bool, Answer | None]:
        """Go over to TLS and introduce ourselves again; why it failed, or None.

        Source: RFC 3207 s4.
        """
        ready = yield from _hear(Command(b"STARTTLS"))
        if ready.code != _READY:
            if not ready.final:
                yield from _hear(Command(b"QUIT"))
            return _answer(Step.SPOKE, "STARTTLS", ready)
        secured = yield from _hear(Secure())
        if secured.failure is not None:
            return _answer(Step.SPOKE, "STARTTLS", secured)
        self.tls = True
        hello = yield from self._introduce()
        return None if hello.accepted else _answer(Step.SPOKE, "EHLO", hello)

    def _offer(
        self, tried: Envelope, *, control: bool
    ) -> Generator[Wish, Reply | bool, tuple[Answer, bool]]:
        """Say one envelope; whether another may follow comes with the answer."""
        for verb, argument in (
            (b"MAIL", b"FROM:<%s>" % tried.sender),
            (b"RCPT", b"TO:<%s>" % tried.recipient),
        ):
            reply = yield from _hear(Command(verb, argument))
            if not reply.accepted:
                return _answer(Step.SPOKE, verb.decode("ascii"), reply), not reply.final
        if control:
            return _answer(Step.ACCEPTED, None, reply), True
        return (yield from self._send(tried, reply))

    def _send(
        self, tried: Envelope, accepted: Reply
    ) -> Generator[Wish, Reply | bool, tuple[Answer, bool]]:
        """Send the message to an accepted recipient, unless our mailbox could not take it."""
        kept_back = Answer(
            Step.ACCEPTED, Failure.ABORTED, Protocol.SMTP, code=accepted.code, reply=accepted.raw
        )
        if not (yield from _ask(CanaryHealthy())):
            yield from _hear(Command(b"QUIT"))
            return kept_back, False
        reply = yield from _hear(Command(b"DATA"))
        if reply.code != _START_INPUT:
            if not reply.final:
                yield from _hear(Command(b"QUIT"))
            return _answer(Step.ACCEPTED, "DATA", reply), False
        if not (yield from _ask(CanaryHealthy())):
            return kept_back, False  # no QUIT: it would be read as the message; we hang up
        reply = yield from _hear(Letter(self.compose(tried)))
        goes_on = not reply.final
        if goes_on and reply.accepted and self.afterwards is not None:
            control = self.address(self.afterwards, self.name, self.tls)
            answer, goes_on = yield from self._offer(control, control=True)
            self.behind = Offer(control.variant, control.token, self.tls, answer)
        if goes_on:
            yield from _hear(Command(b"QUIT"))
        step = Step.SENT if reply.accepted else Step.ACCEPTED
        return _answer(step, "MESSAGE", reply), False

    def _nothing_said(self, answer: Answer) -> Outcome:
        """Why no envelope could be tried."""
        offer = Offer(self.wanted[0].variant, "", self.tls, answer, tried=False)
        return Outcome((offer,), self.wanted)


def _proven_name(*replies: bytes) -> Generator[Wish, Reply | bool, bytes | None]:
    """The first name that the server gave itself and that resolves to its address."""
    for name in dict.fromkeys(own_name(reply) for reply in replies):
        if name is not None and (yield from _ask(OwnName(name))):
            return name
    return None


def _no_word(at: str, reply: Reply, greeting: Reply) -> Answer:
    """Why it never came to an envelope; a refusal of EHLO may come from an FTP server."""
    heard = recognise(greeting.raw)
    if heard not in (None, Protocol.SMTP):
        return Answer(Step.CONNECTED, Failure.WRONG_PROTOCOL, heard, reply=greeting.raw)
    if greeting.code is None:
        return Answer(Step.CONNECTED, reply.failure, heard, reply=greeting.raw)
    return _answer(Step.SPOKE, at, reply)


def _no_tls(secured: Reply) -> Answer:
    """Why TLS did not stand from the first byte; it may speak something else in the clear."""
    heard = recognise(secured.raw)
    stranger = heard not in (None, Protocol.TLS)
    failure = Failure.WRONG_PROTOCOL if stranger else secured.failure
    return Answer(Step.CONNECTED, failure, heard, reply=secured.raw)


def _answer(step: Step, at: str | None, reply: Reply) -> Answer:
    return Answer(
        step,
        reply.failure,
        Protocol.SMTP,
        refused_at=None if reply.accepted or reply.failure is not None else at,
        code=reply.code,
        reply=reply.raw[:MAX_EVIDENCE],
    )


def _hear(wish: Wish) -> Generator[Wish, Reply | bool, Reply]:
    heard = yield wish
    assert isinstance(heard, Reply)
    return heard


def _ask(wish: Wish) -> Generator[Wish, Reply | bool, bool]:
    heard = yield wish
    assert isinstance(heard, bool)
    return heard
