"""The canary: our MX, our echo host and our web host, serving until they are told to stop."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from survey.canary.crowd import Crowd
from survey.canary.delivery import Delivery
from survey.canary.desk import Desk
from survey.canary.echo import EchoHost
from survey.canary.flood import Floodgate
from survey.canary.limits import Limits
from survey.canary.log import ArrivalLog
from survey.canary.mx import MailHost
from survey.canary.postmaster import PostmasterFolder
from survey.canary.web import WebHost
from survey.errors import SurveyError
from survey.model.address import format_ip
from survey.model.plan import Canary, Endpoint

POSTMASTER = "postmaster"
"""Folder under the arrivals with the mail to our staff."""
BACKLOG = 4096
_COUNT_SECONDS = 60.0
_UNPRINTABLE = re.compile(r"[^ -~]+")


@dataclass(frozen=True, slots=True)
class Running:
    """A canary that answers.

    Attributes:
        smtp_port: Port of the MX.
        echo_port: Port of the echo host.
        web_port: Port of the web host, or None.
        desk: Its log, clocks and bounds.
    """

    smtp_port: int
    echo_port: int
    desk: Desk
    web_port: int | None = None


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


async def serve(
    canary: Canary,
    key: bytes,
    arrivals: Path,
    stop: asyncio.Event,
    *,
    about: str = "",
    limits: Limits | None = None,
    now: Callable[[], datetime] = utc_now,
    started: Callable[[Running], None] | None = None,
) -> None:
    """Serve all hosts until ``stop`` is set, then write what is left and return.

    Args:
        canary: Domains and endpoints; port 0 lets the system choose.
        key: Key of tokens and nonces.
        arrivals: Folder of the log.
        stop: Ends it.
        about: One line for the greeting: who we are, a page that explains it.
        limits: Bounds; those of a public canary by default.
        now: The time of day, UTC.
        started: Called once all hosts listen.

    Raises:
        SurveyError: A port can't be bound, or the arrivals folder can't be used.
    """
    async with running(
        canary, key, arrivals, about=about, limits=limits or Limits(), now=now
    ) as there:
        if started is not None:
            started(there)
        await stop.wait()


@contextlib.asynccontextmanager
async def running(
    canary: Canary,
    key: bytes,
    arrivals: Path,
    *,
    about: str = "",
    limits: Limits | None = None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Running]:
    """A canary for as long as the block lasts; arguments and errors as in ``serve``."""
    limits = limits or Limits()
    loop = asyncio.get_running_loop()
    reporter = loop.get_exception_handler()
    loop.set_exception_handler(_report)
    desk = Desk(
        key=key,
        name=canary.domains[0],
        about=_UNPRINTABLE.sub(" ", about)[:200].strip(),
        log=ArrivalLog(arrivals),
        floodgate=Floodgate(),
        now=now,
        monotonic=time.monotonic,
    )
    mail = Crowd(limits.mail_connections, limits.mail_per_peer, limits.mail_seconds)
    echo = Crowd(limits.echo_connections, limits.echo_per_peer, limits.echo_seconds)
    web = Crowd(limits.web_connections, limits.web_per_peer, limits.web_seconds)
    crowds = (mail, echo, web)
    postmaster = PostmasterFolder(arrivals / POSTMASTER)
    delivery = Delivery(desk, limits, postmaster)
    domains = frozenset(domain.lower().encode("ascii") for domain in canary.domains)
    try:
        async with contextlib.AsyncExitStack() as open_servers:
            mail_host = MailHost(desk, mail, limits, domains, delivery)
            smtp_port = await _listen(open_servers, "canary.smtp", mail_host, canary.smtp)
            echo_host = EchoHost(desk, echo, limits)
            echo_port = await _listen(open_servers, "canary.echo", echo_host, canary.echo)
            web_port = None
            if canary.web is not None:
                web_host = WebHost(desk, web, limits)
                web_port = await _listen(open_servers, "canary.web", web_host, canary.web)
            keeper = asyncio.create_task(_keep_house(desk, crowds, postmaster, limits))
            try:
                yield Running(smtp_port, echo_port, desk, web_port)
            finally:
                keeper.cancel()
        await asyncio.gather(*(c.disperse(limits.farewell_seconds) for c in crowds))
    finally:
        desk.note_unlisted()
        await desk.log.close()
        loop.set_exception_handler(reporter)


async def _listen(
    stack: contextlib.AsyncExitStack, name: str, host: Callable[[], Any], endpoint: Endpoint
) -> int:
    address = format_ip(endpoint.ip)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(host, address, endpoint.port, backlog=BACKLOG)
    except OSError as error:
        raise SurveyError(
            f"{name}: can't listen on {address}:{endpoint.port}: {error.strerror or error}; "
            "free the port, or give an address of this host and a port that it may bind "
            "(docs/canary.md)"
        ) from error
    stack.callback(server.close)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _keep_house(
    desk: Desk, crowds: tuple[Crowd, ...], postmaster: PostmasterFolder, limits: Limits
) -> None:
    """What has to be done again and again, whoever calls."""
    counted = desk.monotonic()
    while True:
        await asyncio.sleep(limits.sweep_seconds)
        now = desk.monotonic()
        for crowd in crowds:
            crowd.sweep(now)
        if not desk.log.healthy:
            desk.log.retry(desk.now())
        if now - counted >= _COUNT_SECONDS:
            counted = now
            desk.note_unlisted()
            await asyncio.to_thread(postmaster.expire, desk.now())


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report a mistake of ours by its kind alone: asyncio's text would name the peer (law 8)."""
    error = context.get("exception")
    kept = {"message": str(context.get("message", "")).partition(":")[0]}
    if error is not None:
        kept["message"] += f" ({type(error).__name__})"
    loop.default_exception_handler(kept)
