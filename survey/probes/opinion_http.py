"""Second opinions on HTTP proxies: h11 asks for the tunnel or the page and reads the answer.

Of the HTTP libraries it is the one that keeps what comes glued to the 200, so that our canary's
greeting is not lost and the very same ports can be asked for as by our own dialogue.
"""

import asyncio
import re
import socket

import h11

from survey.model.address import format_ip
from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.probes import http_connect, http_get
from survey.probes.introduction import agent
from survey.probes.opinion_tunnel import Errand, TunnelOpinion
from survey.protocols.dialogue import Answer
from survey.protocols.http import head_in
from survey.protocols.http_fetch import MAX_BODY
from survey.protocols.token import NONCE_CHARS

_PIECE = 8192
_MORE = 2
"""Packets beyond our own dialogue's: handshake and words don't share segments."""

_SWITCHING = 101
_SUCCESSFUL = range(200, 300)
_GREETING = re.compile(rb"(?:220-[^\n]*\n)*220 [^\n]*\n")
_ANSWER = re.compile(rb"250 2\.0\.0 ([a-z2-7]{%d})\r?\n" % NONCE_CHARS)


async def _connect(errand: Errand) -> Answer:
    proxy = h11.Connection(our_role=h11.CLIENT)
    near = errand.splice.near
    name = agent(errand.context.identity)
    try:
        async with asyncio.timeout(errand.patience):
            await _send(near, proxy.send(_request(errand.to, name)) or b"")
            await _send(near, proxy.send(h11.EndOfMessage()) or b"")
            reply = await _reply(near, proxy)
    except TimeoutError:
        return Answer(Step.CONNECTED, errand.failure(Failure.STALLED), reply=errand.heard)
    except (h11.RemoteProtocolError, OSError):
        return Answer(Step.CONNECTED, errand.failure(Failure.GARBAGE), reply=errand.heard)
    if reply.status_code not in _SUCCESSFUL:
        return Answer(
            Step.SPOKE,
            None,
            Protocol.HTTP,
            refused_at="CONNECT",
            code=reply.status_code,
            reply=head_in(errand.heard),
        )
    return await _talk(errand, reply.status_code, proxy.trailing_data[0])


async def _get(errand: Errand) -> Answer:
    proxy = h11.Connection(our_role=h11.CLIENT)
    near = errand.splice.near
    host = f"{format_ip(errand.to.ip)}:{errand.to.port}"
    request = h11.Request(
        method="GET",
        target=f"http://{host}/{errand.token}",
        headers=[
            ("Host", host),
            ("User-Agent", agent(errand.context.identity)),
            ("Connection", "close"),
        ],
    )
    code: int | None = None
    page = b""
    failure: Failure | None = None
    try:
        async with asyncio.timeout(errand.patience):
            await _send(near, proxy.send(request) or b"")
            reply = await _reply(near, proxy)
            code = reply.status_code
            if code in _SUCCESSFUL:
                page = await _page(near, proxy)
                failure = errand.splice.failure or Failure.GARBAGE
    except TimeoutError:
        failure = errand.failure(Failure.STALLED)
    except (h11.RemoteProtocolError, OSError):
        failure = errand.failure(Failure.GARBAGE)
    if found := _ANSWER.search(page):
        return Answer(
            Step.ECHOED,
            protocol=Protocol.HTTP,
            code=code,
            reply=head_in(errand.heard),
            nonce=found[1].decode("ascii"),
        )
    if code is None:
        return Answer(Step.CONNECTED, failure, reply=errand.heard)
    refused_at = None if code in _SUCCESSFUL else "GET"
    return Answer(Step.SPOKE, failure, Protocol.HTTP, refused_at, code, head_in(errand.heard))


async def _page(near: socket.socket, proxy: h11.Connection) -> bytes:
    """The body of the reply, as far as our canary's line can be in it."""
    page = b""
    while len(page) < MAX_BODY and not _ANSWER.search(page):
        event = proxy.next_event()
        if isinstance(event, h11.Data):
            page += event.data
        elif event is h11.NEED_DATA:
            proxy.receive_data(await asyncio.get_running_loop().sock_recv(near, _PIECE))
        else:
            break
    return page


def _request(to: Endpoint, agent: str) -> h11.Request:
    host = f"{format_ip(to.ip)}:{to.port}"
    return h11.Request(
        method="CONNECT", target=host, headers=[("Host", host), ("User-Agent", agent)]
    )


async def _reply(near: socket.socket, proxy: h11.Connection) -> h11.Response:
    """The final reply's head."""
    while True:
        event = proxy.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            proxy.receive_data(await asyncio.get_running_loop().sock_recv(near, _PIECE))
        elif not isinstance(event, h11.InformationalResponse) or event.status_code == _SWITCHING:
            raise h11.RemoteProtocolError("no final reply")


async def _talk(errand: Errand, code: int, heard: bytes) -> Answer:
    """Our canary greets, hears the token, and answers its nonce."""
    step, nonce = Step.ACCEPTED, ""
    failure: Failure | None = None
    try:
        near = errand.splice.near
        greeting, heard = await _match(near, _GREETING, heard, errand.patience)
        if greeting is not None:
            step = Step.SENT
            await _send(near, b"NOOP %s\r\n" % errand.token.encode("ascii"))
            answer, _ = await _match(near, _ANSWER, heard, errand.patience)
            if answer is not None:
                step, nonce = Step.ECHOED, answer[1].decode("ascii")
                await _send(near, b"QUIT\r\n")
        if not nonce:
            failure = errand.failure(Failure.GARBAGE)
    except TimeoutError:
        failure = errand.failure(Failure.STALLED)
    except OSError:
        failure = None if nonce else errand.failure(Failure.CLOSED)
    head = head_in(errand.heard)
    return Answer(step, failure, Protocol.HTTP, code=code, reply=head, nonce=nonce)


async def _match(
    near: socket.socket, wanted: re.Pattern[bytes], heard: bytes, patience: float
) -> tuple[re.Match[bytes] | None, bytes]:
    """What the next bytes match, once they do, and what follows; nothing if the peer ends first."""
    async with asyncio.timeout(patience):
        while (found := wanted.match(heard)) is None:
            piece = await asyncio.get_running_loop().sock_recv(near, _PIECE)
            if not piece:
                return None, b""
            heard += piece
    return found, heard[found.end() :]


async def _send(near: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(near, data)


HTTP_GET = TunnelOpinion(
    Probe.HTTP_GET, Client.H11, http_get.PACKETS + _MORE, _get, http_get.VARIANTS
)
HTTP_CONNECT = TunnelOpinion(Probe.HTTP_CONNECT, Client.H11, http_connect.PACKETS + _MORE, _connect)
