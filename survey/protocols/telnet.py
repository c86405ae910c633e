r"""Does a telnet gateway open a connection for a stranger?  The old ones, told by their prompt.

They have no protocol but a prompt, and each wants its own sentence.  We say nothing before a prompt
that we know, so nobody is told a sentence that is not his; one who asks for a name or a password is
left at once, and no credential is ever said.  Options of telnet (RFC 854) are read past and never
answered: a server that waits for them is no gateway of this kind.

A gateway prints lines of its own before our canary's greeting, and some repeat what they are told.
So the greeting is looked for at the beginning of each line; only the nonce proves anything.
"""

import re
from collections.abc import Generator

from survey.model.address import format_ip
from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Answer, Dialogue, Heard, Inbox
from survey.protocols.recognise import recognise
from survey.protocols.tunnel import Tunnel

MAX_WORDS = 4096
"""Bytes of banner and prompt, or of talk before the far end's greeting, that are read."""

MOST_REPEATS = 2
"""Lines between our words and the answer: a terminal shows what it was told."""

_OPTION = re.compile(
    rb"\xff(?:[\xfb-\xfe].|\xfa(?:[^\xff]|\xff[^\xf0])*\xff\xf0|[\xf0-\xf9])", re.DOTALL
)
_PROMPTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"WinGate ?> ?\Z", re.IGNORECASE), "{host}:{port}"),
    (re.compile(rb"CCProxy Telnet ?> ?\Z", re.IGNORECASE), "open {host} {port}"),
    (re.compile(rb"host\[:port\] ?: ?\Z", re.IGNORECASE), "{host}:{port}"),
    (re.compile(rb"tn-gw-?> ?\Z", re.IGNORECASE), "c {host} {port}"),
    (re.compile(rb"(?:^|[\r\n])telnet ?> ?\Z", re.IGNORECASE), "open {host} {port}"),
    (re.compile(rb"(?:^|[\r\n])cisco ?> ?\Z", re.IGNORECASE), "telnet {host} {port}"),
)
"""What a gateway that waits for us says last, and what it wants to hear."""

_LOGIN = re.compile(
    rb"(?:log ?in|user ?name|user|account|pass ?word|passcode) ?[:>] ?\Z", re.IGNORECASE
)
_REFUSED = re.compile(
    rb"(?:refused|denied|not allowed|not permitted|forbidden|unauthori[sz]ed|invalid|unknown|"
    rb"bad command|unreachable|timed? ?out|failed|can'?t connect|cannot)",
    re.IGNORECASE,
)
# The blank behind a prompt may come late.
_GREETING = re.compile(rb"(?:^ ?|\n)220[ -]")


def telnet(to: Endpoint, token: str) -> Dialogue:
    """Wait for a prompt, ask for a connection to our canary in its words, and talk with it."""
    inbox = Inbox()
    sentence = yield from _prompt(inbox, to)
    if sentence is None:
        return _no_gateway(inbox)
    prompt = inbox.take(len(inbox.data))[-MAX_EVIDENCE:]
    found = yield from _connected(inbox, sentence)
    if not found:
        return _not_connected(prompt, inbox)
    tunnel = Tunnel()
    yield from tunnel.talk(inbox, token, MOST_REPEATS)
    return Answer(
        tunnel.step,
        tunnel.failure,
        Protocol.TELNET,
        reply=prompt,
        nonce=tunnel.nonce,
        farewell=tunnel.farewell,
    )


def _prompt(inbox: Inbox, to: Endpoint) -> Generator[bytes, Heard, bytes | None]:
    """Hear the banner out until it ends with a prompt; the sentence, or None if none is wanted."""
    while True:
        words = _OPTION.sub(b"", inbox.data)
        for prompt, sentence in _PROMPTS:
            if prompt.search(words):
                text = sentence.format(host=format_ip(to.ip), port=to.port)
                return text.encode("ascii") + b"\r\n"
        if inbox.ended is not None or _LOGIN.search(words) or _stranger(words):
            return None
        if len(inbox.data) > MAX_WORDS:
            inbox.ended = Failure.TOO_MUCH
            return None
        yield from inbox.more()


def _no_gateway(inbox: Inbox) -> Answer:
    """It never came to a prompt that we know."""
    words, reply = _OPTION.sub(b"", inbox.data), inbox.data[-MAX_EVIDENCE:]
    if _LOGIN.search(words):
        return Answer(Step.SPOKE, None, Protocol.TELNET, refused_at="LOGIN", reply=reply)
    if stranger := _stranger(words):
        return Answer(Step.CONNECTED, Failure.WRONG_PROTOCOL, stranger, reply=reply)
    return Answer(Step.CONNECTED, inbox.ended, recognise(inbox.data), reply=reply)


def _stranger(words: bytes) -> Protocol | None:
    """Another protocol, or None; an option of which a part has come is none."""
    protocol = recognise(words)
    return None if protocol is Protocol.TELNET else protocol


def _connected(inbox: Inbox, sentence: bytes) -> Generator[bytes, Heard, bool]:
    """Say the sentence and drop everything before the far end's greeting; False if none comes."""
    yield from inbox.until(1, sentence)
    while True:
        found = _GREETING.search(inbox.data)
        if found is not None:
            inbox.take(found.end() - len(b"220 "))
            return True
        if inbox.ended is not None or _LOGIN.search(inbox.data):
            return False
        if len(inbox.data) > MAX_WORDS:
            inbox.ended = Failure.TOO_MUCH
            return False
        yield from inbox.more()


def _not_connected(prompt: bytes, inbox: Inbox) -> Answer:
    """It heard our sentence and brought no greeting."""
    said = inbox.data
    reply = said[:MAX_EVIDENCE] or prompt
    at = "LOGIN" if _LOGIN.search(said) else "CONNECT" if _REFUSED.search(said) else None
    return Answer(
        Step.SPOKE, None if at else inbox.ended, Protocol.TELNET, refused_at=at, reply=reply
    )
