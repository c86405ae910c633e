"""``survey canary``: run the MX and the echo host of a campaign until told to stop."""

import asyncio
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import uvloop

from survey.canary.limits import Limits
from survey.canary.server import Running, serve
from survey.model.address import format_ip
from survey.model.plan import Canary
from survey.settings import Settings
from survey.storage.keys import TOKEN, read_key
from survey.storage.layout import Layout
from survey.targets.campaign import Campaign, read_campaign


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
    read = read_campaign(campaign)
    key = read_key(settings.keys, TOKEN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(read, key, Layout(settings.data).arrivals, say))
    say("canary stopped; its log is whole")


async def _until_told(
    campaign: Campaign, key: bytes, arrivals: Path, say: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    far_end = campaign.canary

    def started(running: Running) -> None:
        mail, echo = format_ip(far_end.smtp.ip), format_ip(far_end.echo.ip)
        say(
            f"canary of {campaign.id}: MX for {' and '.join(far_end.domains)} on "
            f"{mail}:{running.smtp_port}, echo host on {echo}:{running.echo_port}"
        )

    await serve(
        Canary(far_end.domains, far_end.smtp, far_end.echo),
        key,
        arrivals,
        stop,
        about=f"{campaign.identity.operator}, {campaign.identity.page}",
        limits=Limits().within(_open_files()),
        started=started,
    )


def _open_files() -> int:
    """How many files this process may have open, after asking for as many as it can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1_048_576
