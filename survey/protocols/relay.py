"""Is a stranger's letter taken?  The SMTP relay test as a pure dialogue (RFC 5321).

The dialogue wishes for one thing at a time and hears what came of it; whoever runs it speaks SMTP
with a library, asks a name server, or reads from a list in a test.  Envelopes are exact bytes.
Only our own mailboxes, and the tested server's own postmaster, are ever named (law 2).
"""

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.protocols.dialogue import Answer
from survey.protocols.recognise import recognise


@dataclass(frozen=True, slots=True)
class Form:
    """One form of envelope; a published id, tried in the order of FORMS.

    Attributes:
        variant: Its id.
        sender: Pattern of the envelope sender.
        recipient: Pattern of the envelope recipient.
        own_name: It names a mailbox at the server's own name, so it is tried only if that name
            resolves to the tested address.
        control: It shows that RCPT is reached and answered; no message ever follows.
    """

    variant: str
    sender: str
    recipient: str
    own_name: bool = False
    control: bool = False


FORMS = (
    Form("V1", "{sender}@{domain}", "{recipient}@{domain}"),
    Form("V3", "postmaster@{name}", "{recipient}@{domain}", own_name=True),
    Form("V0", "", "{recipient}@{domain}"),
    Form("C0", "{sender}@{domain}", "postmaster@{name}", own_name=True, control=True),
)
"""V1 plain; V3 for servers that trust senders at their own name; V0 for those that wave bounces
through; C0 must be taken even by a closed server, else its refusals say nothing about relaying."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One envelope to try, in exact bytes, and the token that names it.

    Attributes:
        variant: Id of its form.
        sender: What stands in MAIL FROM's brackets.
        recipient: What stands in RCPT TO's brackets.
        token: The recipient token; "" for a control, which holds none.
    """

    variant: str
    sender: bytes
    recipient: bytes
    token: str


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
class OwnName:
    """A wish: does this name resolve to the tested address?  A bool comes back."""

    name: bytes


@dataclass(frozen=True, slots=True)
class CanaryHealthy:
    """A wish: may a message be sent, and would our mailbox take it now?  A bool comes back."""


Wish = Listen | Command | Letter | OwnName | CanaryHealthy


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
    """One envelope that was tried, and its answer."""

    variant: str
    token: str
    answer: Answer


Relay = Generator[Wish, Reply | bool, tuple[Offer, ...]]

CLOSING = 421
_START_INPUT = 354
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


def envelope(form: Form, sender: str, recipient: str, domain: str, name: bytes | None) -> Envelope:
    """The envelope of a form.

    Args:
        form: Which.
        sender: Our sender token.
        recipient: Our recipient token.
        domain: A mail domain whose MX is our canary.
        name: The server's own name, if it resolves to the tested address; a form that needs it
            must not be asked for without.
    """
    assert name or not form.own_name
    parts = {
        "sender": sender,
        "recipient": recipient,
        "domain": domain,
        "name": (name or b"").decode("ascii"),
    }
    return Envelope(
        form.variant,
        form.sender.format_map(parts).encode("ascii"),
        form.recipient.format_map(parts).encode("ascii"),
        "" if form.control else recipient,
    )


def relay(
    helo: bytes,
    address: Callable[[Form, bytes | None], Envelope],
    compose: Callable[[Envelope], bytes],
    wanted: Sequence[Form] = FORMS,
) -> Relay:
    """Introduce ourselves, try one envelope after the other, and send at most one message.

    The first recipient that is accepted gets the message; then, or when all were refused, we quit.

    Args:
        helo: Our own host name.
        address: Makes the envelope of a form, given the server's own name if that is proven.
        compose: Makes the message to an envelope, as ``relay_message.payload`` does.
        wanted: The forms to try, in this order.

    Returns:
        One offer per envelope that was tried, at least one: if none could be tried, the first
        form's, without a token, says why.
    """
    first = wanted[0].variant
    greeting = yield from _hear(Listen())
    if not greeting.accepted:
        return (_no_offer(first, "GREETING", greeting, greeting),)
    hello = yield from _hear(Command(b"EHLO", helo))
    if not hello.accepted and not hello.final:
        hello = yield from _hear(Command(b"HELO", helo))
    if not hello.accepted:
        if not hello.final:
            yield from _hear(Command(b"QUIT"))
        return (_no_offer(first, "EHLO", hello, greeting),)
    name = yield from _proven_name(hello.raw, greeting.raw)
    offers: list[Offer] = []
    for form in wanted:
        if form.own_name and name is None:
            continue
        if offers and not (yield from _hear(Command(b"RSET"))).accepted:
            break
        tried = address(form, name)
        answer, goes_on = yield from _offer(tried, compose, control=form.control)
        offers.append(Offer(tried.variant, tried.token, answer))
        if not goes_on:
            break
    else:
        yield from _hear(Command(b"QUIT"))
    return tuple(offers) or (Offer(first, "", _answer(Step.SPOKE, None, hello)),)


def _offer(
    tried: Envelope, compose: Callable[[Envelope], bytes], *, control: bool
) -> Generator[Wish, Reply | bool, tuple[Answer, bool]]:
    """Try one envelope; whether another may follow comes with the answer."""
    for verb, argument in (
        (b"MAIL", b"FROM:<%s>" % tried.sender),
        (b"RCPT", b"TO:<%s>" % tried.recipient),
    ):
        reply = yield from _hear(Command(verb, argument))
        if not reply.accepted:
            return _answer(Step.SPOKE, verb.decode("ascii"), reply), not reply.final
    if control:
        return _answer(Step.ACCEPTED, None, reply), True
    return (yield from _send(tried, compose, reply))


def _send(
    tried: Envelope, compose: Callable[[Envelope], bytes], accepted: Reply
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
        return _answer(Step.ACCEPTED, "DATA", reply), not reply.final
    if not (yield from _ask(CanaryHealthy())):
        return kept_back, False  # no QUIT: it would be read as the message; we hang up
    reply = yield from _hear(Letter(compose(tried)))
    if not reply.final:
        yield from _hear(Command(b"QUIT"))
    step = Step.SENT if reply.accepted else Step.ACCEPTED
    return _answer(step, "MESSAGE", reply), False


def _proven_name(*replies: bytes) -> Generator[Wish, Reply | bool, bytes | None]:
    """The first name that the server gave itself and that resolves to its address."""
    for name in dict.fromkeys(own_name(reply) for reply in replies):
        if name is not None and (yield from _ask(OwnName(name))):
            return name
    return None


def _no_offer(variant: str, at: str, reply: Reply, greeting: Reply) -> Offer:
    """Why no envelope could be tried; a refusal of EHLO may come from an FTP server."""
    heard = recognise(greeting.raw)
    if heard not in (None, Protocol.SMTP):
        answer = Answer(Step.CONNECTED, Failure.WRONG_PROTOCOL, heard, reply=greeting.raw)
    elif greeting.code is None:
        answer = Answer(Step.CONNECTED, reply.failure, heard, reply=greeting.raw)
    else:
        answer = _answer(Step.SPOKE, at, reply)
    return Offer(variant, "", answer)


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
