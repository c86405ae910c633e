r"""Does an HTTP proxy fetch or deliver for a stranger?  GET and POST with an absolute URI.

The target of both is our canary and nobody else (RFC 9112 s3.2.2).  GET goes to its web host, which
waits for the client.  The body of POST is what we say in a tunnel, sent to a port that speaks
first: a proxy that passes it on to a mail server sends mail, also where it refuses CONNECT.

The canary's one line, ``250 2.0.0 <nonce>``, must come back in the answer.  A proxy may wrap it in
a reply of its own (squid does), or pass on the bare words of a server that speaks no HTTP.  Many do
neither and say 502, though the body went through: the canary's log knows.
"""

import re
from collections.abc import Generator

from survey.model.address import format_ip
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.plan import Endpoint
from survey.protocols.dialogue import Answer, Dialogue, Heard, Inbox
from survey.protocols.http import Head, final_head, refused
from survey.protocols.recognise import unexpected
from survey.protocols.token import NONCE_CHARS
from survey.protocols.tunnel import GOODBYE, ask

MAX_BODY = 8192
"""Bytes of an answer in which the canary's line is looked for; its own have fewer than 2000."""

_LINE = re.compile(rb"250 2\.0\.0 ([a-z2-7]{%d})\r?\n" % NONCE_CHARS)
_LINE_BYTES = 64
# What a server that speaks first says through a proxy that adds no head.
_BARE = b"220"


def get_request(to: Endpoint, agent: str, token: str) -> bytes:
    """The GET request; ``agent`` says who we are.  No two tests share a path, nor a cache entry."""
    host = f"{format_ip(to.ip)}:{to.port}"
    return (
        f"GET http://{host}/{token} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n"
        "Connection: close\r\n\r\n"
    ).encode("ascii")


def post_request(to: Endpoint, agent: str, token: str) -> bytes:
    """The POST request with its body, HTTP/1.0 so that nobody waits for a ``100 Continue``."""
    host = f"{format_ip(to.ip)}:{to.port}"
    body = ask(token) + GOODBYE
    return (
        f"POST http://{host}/ HTTP/1.0\r\nHost: {host}\r\nUser-Agent: {agent}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode("ascii") + body


def http_get(to: Endpoint, agent: str, token: str) -> Dialogue:
    """Ask for our canary's page, and look for its nonce in the answer."""
    inbox = Inbox()
    head = yield from final_head(inbox, get_request(to, agent, token))
    if head is None:
        return (yield from unexpected(inbox, Protocol.HTTP))
    return (yield from _answered("GET", head, inbox))


def http_post(to: Endpoint, agent: str, token: str) -> Dialogue:
    """Deliver our words to our canary, and look for its nonce in the answer."""
    inbox = Inbox()
    head = yield from final_head(inbox, post_request(to, agent, token))
    if head is not None:
        return (yield from _answered("POST", head, inbox))
    if (yield from _begins(inbox, _BARE)) and (nonce := (yield from _find_nonce(inbox, None))):
        # what came is our canary's; the proxy has said nothing of its own
        return Answer(Step.ECHOED, protocol=Protocol.HTTP, nonce=nonce)
    return (yield from unexpected(inbox, Protocol.HTTP))


def _begins(inbox: Inbox, word: bytes) -> Generator[bytes, Heard, bool]:
    """Whether what comes begins with a word; nobody waits once it can't."""
    while len(inbox.data) < len(word) and word.startswith(inbox.data) and inbox.ended is None:
        yield from inbox.more()
    return inbox.data.startswith(word)


def _answered(method: str, head: Head, inbox: Inbox) -> Dialogue:
    """A reply in HTTP: the nonce is in it, or something else."""
    if not head.successful:
        return refused(method, head, inbox)
    nonce = ""
    if head.complete:
        nonce = yield from _find_nonce(inbox, head.length)
    step, failure = (Step.ECHOED, None) if nonce else (Step.SPOKE, _why_not(head, inbox))
    return Answer(step, failure, Protocol.HTTP, code=head.code, reply=head.raw, nonce=nonce)


def _why_not(head: Head, inbox: Inbox) -> Failure | None:
    """GARBAGE for a whole answer that is not our canary's; else what cut it off."""
    if not head.complete:
        return inbox.ended
    size = len(inbox.data)
    by_itself = head.length is None and inbox.ended is Failure.CLOSED and size > 0
    whole = by_itself or size >= (MAX_BODY if head.length is None else min(head.length, MAX_BODY))
    return Failure.GARBAGE if whole else inbox.ended


def _find_nonce(inbox: Inbox, length: int | None) -> Generator[bytes, Heard, str]:
    """Hear an answer out until our canary's line is in it; "" if it never is."""
    searched = 0
    most = MAX_BODY if length is None else min(length, MAX_BODY)
    while (found := _LINE.search(inbox.data, max(0, searched - _LINE_BYTES), most)) is None:
        searched = len(inbox.data)
        if inbox.ended is not None or searched >= most:
            return ""
        yield from inbox.more()
    return found[1].decode("ascii")
