"""Servers of ours whose answers are known: what a worker asks to see whether its path is honest.

An open control carries a stranger's mail or connection, but only ever to our own canary, so it is
of no use to anybody else; a closed one refuses.  They should stand apart from the workers' network:
what they show is the path between.  A control that does not exist is served by nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from email.errors import MessageError
from functools import partial
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP, Envelope, Session

from survey.errors import ConfigError, SurveyError
from survey.model.address import format_ip
from survey.model.plan import Canary, Endpoint, KnownAs, PathControl
from survey.model.probe import Probe

PATIENCE = 10.0
"""Seconds for one connection to say what it wants, and to reach the canary."""

LONGEST = 60.0
"""Seconds that a carried connection lives."""

MOST_BYTES = 64 * 1024
"""Of one message."""

_REQUEST = 10
_GRANTED = b"\x05\x00\x00\x01" + bytes(6)
_DENIED = b"\x05\x02\x00\x01" + bytes(6)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def running(
    controls: tuple[PathControl, ...], canary: Canary, name: str
) -> AsyncIterator[int]:
    """The open and closed controls, while the block runs; yields how many.

    Args:
        controls: As the campaign has them.
        canary: The only place that open ones reach.
        name: What the mail controls call themselves.

    Raises:
        ConfigError: There is no server of ours for a control's probe.
        SurveyError: A port can't be bound.
    """
    served = [one for one in controls if one.known_as is not KnownAs.NONEXISTENT]
    async with AsyncExitStack() as stack:
        for control in served:
            server = await _serve(control, canary, name)
            stack.callback(server.close)
        yield len(served)


async def _serve(control: PathControl, canary: Canary, name: str) -> asyncio.Server:
    carries = control.known_as is KnownAs.OPEN
    host, port = format_ip(control.at.ip), control.at.port
    loop = asyncio.get_running_loop()
    try:
        if control.probe is Probe.SMTP_RELAY:
            handler = _Relay(canary) if carries else _Closed()
            return await loop.create_server(partial(_mail_host, handler, name), host, port)
        if control.probe is Probe.SOCKS5:
            talk = partial(_socks5, canary if carries else None)
            return await asyncio.start_server(partial(_bounded, talk), host, port, limit=4096)
    except OSError as error:
        raise SurveyError(
            f"controls.{control.known_as}: can't listen on {host}:{port}: "
            f"{error.strerror or error}; free the port, or give an address of this host"
        ) from error
    raise ConfigError(
        f"controls.{control.known_as}",
        "",
        f"no server of ours for {control.probe}",
        "use smtp_relay and socks5, or serve that control yourself",
    )


def _mail_host(handler: object, name: str) -> SMTP:
    return SMTP(
        handler,
        hostname=name,
        ident="ESMTP control",
        data_size_limit=MOST_BYTES,
        timeout=PATIENCE,
        decode_data=False,
    )


class _Closed:
    """Refuses every recipient."""

    async def handle_RCPT(self, *_: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Refuse."""
        return "550 5.7.1 Relaying denied"


class _Relay:
    """Hands each message for the canary's domains to the canary's MX, and takes no other."""

    def __init__(self, canary: Canary) -> None:
        self._canary = canary

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take it if it is the canary's, one per message."""
        if envelope.rcpt_tos or address.rpartition("@")[2].lower() not in self._canary.domains:
            return "550 5.7.1 Relaying denied"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Hand it on before we say that we have it."""
        canary = self._canary.smtp
        client = aiosmtplib.SMTP(
            hostname=format_ip(canary.ip),
            port=canary.port,
            local_hostname="control.invalid",
            timeout=PATIENCE,
            start_tls=False,
        )
        try:
            async with client:
                await client.sendmail(
                    envelope.mail_from or "", envelope.rcpt_tos, envelope.content or b""
                )
        except (aiosmtplib.SMTPException, OSError, MessageError):
            return "451 4.4.1 The canary did not take it"
        return "250 2.0.0 Ok"


async def _bounded(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(LONGEST):
            await talk(reader, writer)


async def _socks5(
    canary: Canary | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """RFC 1928 without authentication; without a canary every request is refused (s6, reply 2)."""
    async with asyncio.timeout(PATIENCE):
        version, methods = await reader.readexactly(2)
        if version != 5:  # noqa: PLR2004 - the protocol's number
            return
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        request = await reader.readexactly(_REQUEST)
        door = _wanted(request, canary)
        if door is None:
            writer.write(_DENIED)
            await writer.drain()
            return
        far_reader, far_writer = await asyncio.open_connection(format_ip(door.ip), door.port)
    with closing(far_writer):
        writer.write(_GRANTED)
        await _carry(reader, far_writer, far_reader, writer)


def _wanted(request: bytes, canary: Canary | None) -> Endpoint | None:
    """The canary's door that a CONNECT by IPv4 address asks for; None for anything else."""
    if canary is None or request[:4] != b"\x05\x01\x00\x01":
        return None
    asked = Endpoint(int.from_bytes(request[4:8], "big"), int.from_bytes(request[8:10], "big"))
    return next((door for _, door in canary.doors if door == asked), None)


async def _carry(
    reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Both ways, until one side ends."""

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(4096):
            sink.write(data)
            await sink.drain()

    ways = [
        asyncio.create_task(one_way(reader, far_writer)),
        asyncio.create_task(one_way(far_reader, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
