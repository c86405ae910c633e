"""Second opinions on SOCKS proxies: python-socks asks, aiosmtplib talks through the tunnel."""

import re
import socket

import aiosmtplib
from python_socks import ProxyError, ProxyTimeoutError, ProxyType
from python_socks.async_.asyncio import Proxy

from survey.model.address import format_ip
from survey.model.client import Client
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.probe import Probe
from survey.probes import socks4, socks5
from survey.probes.failures import failure_of_smtp
from survey.probes.opinion_tunnel import Errand, TunnelOpinion
from survey.protocols.dialogue import Answer
from survey.protocols.socks import SOCKS4_GRANTED, SOCKS5_GRANTED, grant_in
from survey.protocols.token import NONCE_CHARS

_MORE = 2
"""Packets beyond our own dialogue's: handshake and words don't share segments."""

_GRANTED = {Protocol.SOCKS4: SOCKS4_GRANTED, Protocol.SOCKS5: SOCKS5_GRANTED}
_OK = 250
_NONCE = re.compile(rf"2\.0\.0 ([a-z2-7]{{{NONCE_CHARS}}})")


class _Given:
    """Stands where python-socks expects a proxy before the proxy: our connection is there."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def connect(self, **_: object) -> socket.socket:
        """The connection."""
        return self._sock


async def _socks4(errand: Errand) -> Answer:
    return await _through(errand, ProxyType.SOCKS4, Protocol.SOCKS4)


async def _socks5(errand: Errand) -> Answer:
    return await _through(errand, ProxyType.SOCKS5, Protocol.SOCKS5)


async def _through(errand: Errand, kind: ProxyType, protocol: Protocol) -> Answer:
    proxy = Proxy(kind, format_ip(errand.splice.ip), 1, forward=_Given(errand.splice.near))  # type: ignore[arg-type]
    to = errand.to
    try:
        await proxy.connect(format_ip(to.ip), to.port, timeout=errand.patience)
    except ProxyTimeoutError:
        return Answer(Step.CONNECTED, errand.failure(Failure.STALLED), reply=errand.heard)
    except ProxyError as error:
        if error.error_code is not None:
            code = int(error.error_code)
            return Answer(
                Step.SPOKE, None, protocol, refused_at="CONNECT", code=code, reply=errand.heard
            )
        return Answer(Step.CONNECTED, errand.failure(Failure.GARBAGE), reply=errand.heard)
    except (OSError, ValueError):  # ValueError: a bound name that is no text
        return Answer(Step.CONNECTED, errand.failure(Failure.GARBAGE), reply=errand.heard)
    return await _talk(errand, protocol)


async def _talk(errand: Errand, protocol: Protocol) -> Answer:
    """Our canary speaks SMTP; so does aiosmtplib."""
    step, nonce = Step.ACCEPTED, ""
    failure: Failure | None = None
    smtp = aiosmtplib.SMTP(
        hostname=None,
        sock=errand.splice.near,
        local_hostname=errand.context.identity.helo,
        start_tls=False,
        timeout=errand.patience,
    )
    try:
        await smtp.connect()
        step = Step.SENT
        response = await smtp.execute_command(b"NOOP", errand.token.encode("ascii"))
        found = _NONCE.fullmatch(response.message) if response.code == _OK else None
        if found is None:
            failure = Failure.GARBAGE
        else:
            step, nonce = Step.ECHOED, found[1]
            await smtp.quit(timeout=errand.context.timeouts.goodbye)
    except aiosmtplib.SMTPException as error:
        failure = None if nonce else errand.failure(failure_of_smtp(error))
    finally:
        smtp.close()
    reply = grant_in(protocol, errand.heard)
    return Answer(step, failure, protocol, code=_GRANTED[protocol], reply=reply, nonce=nonce)


SOCKS4 = TunnelOpinion(Probe.SOCKS4, Client.PYTHON_SOCKS, socks4.PACKETS + _MORE, _socks4)
SOCKS5 = TunnelOpinion(Probe.SOCKS5, Client.PYTHON_SOCKS, socks5.PACKETS + _MORE, _socks5)
