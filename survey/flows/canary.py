"""``survey canary``: run the MX and the echo host of a campaign until told to stop."""

import asyncio
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import uvloop

from survey.canary.controls import running as running_controls
from survey.canary.limits import Limits
from survey.canary.server import Running, serve
from survey.errors import ConfigError
from survey.model.address import format_ip
from survey.model.plan import Canary, Kind
from survey.settings import Settings
from survey.storage.keys import TOKEN, read_key
from survey.storage.layout import Layout
from survey.targets.campaign import read_campaign


def run_canary(settings: Settings, campaign: Path, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then write what is left and return.

    Args:
        settings: Where data and keys are.
        campaign: The campaign file.
        say: Told, in one line each, that the canary listens and that it has stopped.

    Raises:
        ConfigError: The campaign or the token key won't do.
        SurveyError: A port can't be bound, or another canary writes into the same data.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(settings, campaign, say))
    say("canary stopped; its log is whole")


async def serve_canary(
    settings: Settings, campaign: Path, ready: Callable[[str], None], stop: asyncio.Event
) -> None:
    """Serve until ``stop``; ``ready`` is told in one line once all hosts listen.

    Errors: see ``run_canary``.
    """
    read = read_campaign(campaign)
    key = read_key(settings.keys, TOKEN)
    far_end = read.canary
    limits = Limits().within(_open_files())

    def started(running: Running) -> None:
        mail, echo = format_ip(far_end.smtp.ip), format_ip(far_end.echo.ip)
        web = ""
        if far_end.web is not None:
            web = f", web host on {format_ip(far_end.web.ip)}:{running.web_port}"
        ready(
            f"canary of {read.id}: MX for {' and '.join(far_end.domains)} on "
            f"{mail}:{running.smtp_port}, echo host on {echo}:{running.echo_port}{web}"
        )

    await serve(
        Canary(far_end.domains, far_end.smtp, far_end.echo, far_end.web),
        key,
        Layout(settings.data).arrivals,
        stop,
        about=f"{read.identity.operator}, {read.identity.page}",
        limits=limits.alone() if read.kind is Kind.LAB else limits,
        started=started,
    )


async def _until_told(settings: Settings, campaign: Path, say: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve_canary(settings, campaign, say, stop)


def run_controls(campaign: Path, say: Callable[[str], None]) -> None:
    """Serve the campaign's open and closed controls until SIGINT or SIGTERM.

    Raises:
        ConfigError: The campaign is wrong, has no controls, or one that we have no server for.
        SurveyError: A port can't be bound.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_controls_until_told(campaign, say))


async def serve_controls(campaign: Path, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serve them until ``stop``.  Errors: see ``run_controls``."""
    read = read_campaign(campaign)
    controls = read.controls.all
    if not controls:
        raise ConfigError(campaign, "controls", "is missing", "add it (docs/self-checks.md)")
    far_end = read.canary
    canary = Canary(far_end.domains, far_end.smtp, far_end.echo, far_end.web)
    async with running_controls(controls, canary, read.identity.helo) as served:
        ready(f"{served} controls of {read.id} answer")
        await stop.wait()


async def _controls_until_told(campaign: Path, say: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve_controls(campaign, say, stop)


def _open_files() -> int:
    """How many files this process may have open, after asking for as many as it can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1_048_576
