"""Second opinions: the same test again, by somebody else's client where one can carry it.

An error of ours in a dialogue can't repeat itself in a library that we did not write.  Where no
library sends the same bytes, our own dialogue repeats the test, and its rows say so.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from survey.model.client import Client
from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes import opinion_smtp
from survey.probes.context import Context
from survey.probes.opinion_http import HTTP_CONNECT, HTTP_GET
from survey.probes.opinion_socks import SOCKS4, SOCKS5
from survey.probes.registry import PROBES

Run = Callable[[int, int, Context], Awaitable[tuple[Observation, ...]]]

_TUNNELS = {one.probe: one for one in (HTTP_CONNECT, HTTP_GET, SOCKS4, SOCKS5)}
# python-socks sends no SOCKS4a request whose host name is an address.


def client_for(probe: Probe, context: Context) -> Client:
    """Who can carry this test besides ourselves; SAME_CLIENT if nobody can."""
    if probe.is_relay:
        carried = opinion_smtp.wanted(context)
        return Client.AIOSMTPLIB if carried else Client.SAME_CLIENT
    return _TUNNELS[probe].client if probe in _TUNNELS else Client.SAME_CLIENT


async def second_opinion(
    probe: Probe, ip: int, port: int, context: Context, *, independent: bool = True
) -> tuple[Observation, ...]:
    """Repeat a test, and say by whom; limits and errors as those of ``ProbeSpec.run``.

    Args:
        probe: Which test.
        ip: The address.
        port: The port.
        context: What all probes share; its variants are those to be repeated.
        independent: Whether somebody else's client is to do it, if one can.
    """
    client = client_for(probe, context) if independent else Client.SAME_CLIENT
    run: Run = PROBES[probe].run
    if client is Client.AIOSMTPLIB:
        run = opinion_smtp.run
    elif client is not Client.SAME_CLIENT:
        run = _TUNNELS[probe].run
    rows = await run(ip, port, context)
    return tuple(replace(row, client=client) for row in rows)
