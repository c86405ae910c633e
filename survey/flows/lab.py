"""``survey lab up``: the lab alone, with the files that a person needs to survey it."""

import asyncio
import ipaddress
import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import uvloop

from survey.lab.registries import RegistryFiles, write_registries, write_truth
from survey.lab.server import Lab, serve
from survey.lab.world import World
from survey.model.address import format_ip, parse_ip
from survey.model.plan import Canary, Endpoint
from survey.storage.files import replace_text
from survey.targets.optouts import init_log

LAB_CANARY = Canary(
    domains=("canary.example", "canary.test"),
    smtp=Endpoint(parse_ip("127.0.0.2"), 2525),
    echo=Endpoint(parse_ip("127.0.0.2"), 2526),
    web=Endpoint(parse_ip("127.0.0.2"), 2527),
)
"""Where the lab expects the canary if nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class LabFiles:
    """What a survey of the lab starts from.

    Attributes:
        campaign: A campaign over the whole lab; replace what you like.
        optouts: An opt-out log, empty at first.
        registries: Countries, networks, contacts, listings and names.
        agencies: Folder of the lab's invented agencies.
    """

    campaign: Path
    optouts: Path
    registries: RegistryFiles
    agencies: Path


def lab_up(
    world: World,
    canary: Canary,
    say: Callable[[str], None],
    *,
    folder: Path | None = None,
    truth: Path | None = None,
) -> None:
    """Run the lab until SIGINT or SIGTERM.

    Args:
        world: What to play.
        canary: The only place that its relays and proxies reach.
        say: Told, in one line each, what was written and that the lab is up.
        folder: Where to write a campaign, an opt-out log and registry files, or None.
        truth: Where to write the truth (Parquet, or CSV by its ending), or None.

    Raises:
        ConfigError: The canary is not on loopback, or inside the lab.
        SurveyError: A port is taken, or there are too few file descriptors.
    """
    if folder is not None:
        written = write_lab_files(world, canary, folder)
        say(f"lab: campaign in {written.campaign}, registries and agencies in {folder}")
    if truth is not None:
        say(f"lab: {write_truth(world, truth):,} rows of truth in {truth}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(world, canary, say))


def write_lab_files(world: World, canary: Canary, folder: Path) -> LabFiles:
    """Write everything that a survey of the lab starts from; an opt-out log is kept if it is there.

    Raises:
        StorageError: The folder can't be made.
    """
    made = LabFiles(
        campaign=folder / "campaign.toml",
        optouts=folder / "optouts.jsonl",
        registries=write_registries(world, folder),
        agencies=write_agencies(folder / "agencies"),
    )
    if not made.optouts.exists():
        init_log(made.optouts)
    replace_text(made.campaign, _campaign(world, canary, made))
    return made


def write_agencies(folder: Path) -> Path:
    """The lab's invented agencies as files; returns their folder."""
    for agency in (files("survey.lab") / "agencies").iterdir():
        replace_text(folder / agency.name, agency.read_text(encoding="utf-8"))
    return folder


def _campaign(world: World, canary: Canary, made: LabFiles) -> str:
    """A campaign over the whole world, every probe on the ports that it is for."""
    ranges = [
        str(network)
        for part in world.ranges
        for network in ipaddress.summarize_address_range(
            ipaddress.IPv4Address(part.start), ipaddress.IPv4Address(part.end)
        )
    ]
    ports = world.ports
    doors = "\n".join(f'{name} = "{_socket(door)}"' for name, door in canary.doors)
    return f"""\
[campaign]
id = "lab"
purpose = "A survey of the lab"
kind = "lab"

[targets]
ranges = {json.dumps(ranges)}

[probes.smtp_relay]
ports = {list(ports.smtp)}
tls_ports = {list(ports.smtps)}
depth = "full"

[probes.http_connect]
ports = {list(ports.http)}
tls_ports = {list(ports.https)}

[probes.http_get]
ports = {list(ports.http)}
tls_ports = {list(ports.https)}

[probes.http_post]
ports = {list(ports.http)}
tls_ports = {list(ports.https)}

[probes.socks4]
ports = {list(ports.socks)}

[probes.socks4a]
ports = {list(ports.socks)}

[probes.socks5]
ports = {list(ports.socks)}

[probes.telnet]
ports = {list(ports.telnet)}

[rate]
packets_per_second = 23000
per_24_per_second = 10000.0
per_host_connections = 4

[canary]
domains = {json.dumps(canary.domains)}
{doors}

[names]
hosts = {json.dumps(made.registries.hosts.name)}

[optouts]
path = {json.dumps(made.optouts.name)}

[cluster]
slots = 2
shard_seconds = 10

[followups]
greylisted = 2.0
next_envelope = 120.0
second_opinion = 5.0
"""


def _socket(endpoint: Endpoint) -> str:
    return f"{format_ip(endpoint.ip)}:{endpoint.port}"


async def _until_told(world: World, canary: Canary, say: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def ready(lab: Lab) -> None:
        addresses = sum(map(len, world.ranges))
        doors = ", ".join(_socket(door) for _, door in canary.doors)
        say(
            f"lab: {len(world.machines):,} of {addresses:,} addresses answer, on {lab.doors:,} "
            f"ports; its way out is the canary on {doors}; stop with Ctrl-C"
        )

    await serve(world, canary, ready, stop)
    say("lab stopped")
