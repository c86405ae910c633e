"""The lab as a running thing: every door of a world open, in one process and one event loop."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from survey.errors import ConfigError
from survey.lab.certificate import server_context
from survey.lab.draws import draws_of
from survey.lab.listening import allow_descriptors, listen, listen_silently
from survey.lab.mailroom import Mailroom, open_mailroom
from survey.lab.peer import Peer
from survey.lab.personality import INSIDE_TLS, Personality, Role, openness
from survey.lab.place import Place
from survey.lab.post import PostOffice
from survey.lab.repertoire import BEHAVIOURS
from survey.lab.way_out import WayOut
from survey.lab.world import LOOPBACK, World
from survey.model.address import format_ip
from survey.model.plan import Canary

LONGEST_CONVERSATION = 60.0
"""Seconds after which the lab hangs up, whatever is going on."""
_ROUNDS_TO_BEGIN = 4
"""Rounds of the event loop from an accepted connection to the start of its conversation."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab.

    Attributes:
        world: What it plays.
        doors: How many doors are open.
        out: Its way to the canary.
        post: Its mail.
        present: Connections that stand now.
        servers: Who listens at each door that talks.
        closed: Mail servers whose operators have closed them: they relay no more.
    """

    world: World
    doors: int
    out: WayOut
    post: PostOffice
    present: set[Peer]
    servers: dict[tuple[int, int], asyncio.Server]
    closed: set[tuple[int, int]]

    def close(self, ip: int) -> bool:
        """What an operator does who was written to: whether anything at the address was open.

        Its mail servers go on and refuse strangers; what else is open is switched off.
        """
        machine = self.world.machine(ip)
        was_open = False
        for door in machine.doors if machine else ():
            place = (ip, door.port)
            if not openness(door.personality).probes or place in self.closed:
                continue
            was_open = True
            self.closed.add(place)
            if door.role is not Role.SMTP:
                self.servers[place].close()
        return was_open


@asynccontextmanager
async def running(world: World, canary: Canary) -> AsyncIterator[Lab]:
    """The lab, while the block runs; every door is open when it begins.

    Raises:
        ConfigError: The canary is not on loopback, or one of the world's own addresses.
        SurveyError: A port is taken, or there are too few file descriptors.
    """
    _check(world, canary)
    doors = list(world.doors())
    allow_descriptors(len(doors))
    present: set[Peer] = set()
    out = WayOut(canary, present)
    post = PostOffice(out)
    loop = asyncio.get_running_loop()
    tls = server_context()
    silent = []
    servers: dict[tuple[int, int], asyncio.Server] = {}
    closed: set[tuple[int, int]] = set()
    try:
        for machine, door in doors:
            if door.personality is Personality.SILENT:
                silent.append(listen_silently(machine.ip, door.port))
                continue
            talk = functools.partial(_talk, place=Place(machine, door, out, post), closed=closed)
            servers[machine.ip, door.port] = await loop.create_server(
                functools.partial(Peer, present, talk),
                sock=listen(machine.ip, door.port),
                ssl=tls if door.personality in INSIDE_TLS else None,
            )
        async with post.delivering():
            yield Lab(world, len(doors), out, post, present, servers, closed)
    finally:
        for server in servers.values():
            server.close()
        for link in silent:
            link.close()
        await _hang_up(present)


async def _hang_up(present: set[Peer]) -> None:
    """Break every conversation off, those too that the loop has taken but not begun yet."""
    for _ in range(_ROUNDS_TO_BEGIN):
        await asyncio.sleep(0)
    while present:
        peers = tuple(present)
        for peer in peers:
            peer.abort()
        if talks := [peer.task for peer in peers if peer.task is not None]:
            await asyncio.wait(talks)
        await asyncio.sleep(0)  # aborted transports tell their peers in the loop's next round


async def serve(
    world: World,
    canary: Canary,
    ready: Callable[[Lab], None],
    stop: asyncio.Event,
    mailroom: Mailroom | None = None,
) -> None:
    """Run the lab until ``stop``; call ``ready`` once every door is open.

    With a mailroom its operators get mail, and some of them close what a letter names.

    Errors: see running and open_mailroom.
    """
    async with running(world, canary) as lab, AsyncExitStack() as stack:
        if mailroom is not None:
            await stack.enter_async_context(
                open_mailroom(mailroom, draws_of(world.seed), lab.close)
            )
        ready(lab)
        await stop.wait()


async def _talk(peer: Peer, place: Place, closed: Collection[tuple[int, int]]) -> None:
    personality = place.door.personality
    if (place.machine.ip, place.door.port) in closed:
        personality = Personality.RELAY_REJECTED
        place = replace(place, door=replace(place.door, personality=personality))
    try:
        async with asyncio.timeout(LONGEST_CONVERSATION):
            await BEHAVIOURS[personality](peer, place)
    except TimeoutError:
        peer.end()


def _check(world: World, canary: Canary) -> None:
    for name, endpoint in canary.doors:
        if endpoint.ip not in LOOPBACK or world.machine(endpoint.ip):
            raise ConfigError(
                "lab",
                f"canary.{name}",
                f"{format_ip(endpoint.ip)} won't do",
                "give a loopback address outside the lab's ranges, e.g. 127.0.0.2",
            )
