"""What stands behind a port and is none of what was looked for; and the stranger's canary."""

import asyncio
import itertools

from survey.lab.peer import Peer
from survey.lab.place import Behaviour, Place
from survey.protocols.token import NONCE_CHARS

_LONGEST_FLOOD = 64 << 20
_FLOOD = bytes(range(32, 127)) * 345
_MOST_ECHO = 1 << 20


async def mute(peer: Peer, place: Place) -> None:  # noqa: ARG001
    """Says nothing."""
    await peer.silence()


async def closes(peer: Peer, place: Place) -> None:
    """Closes at once."""


async def resets(peer: Peer, place: Place) -> None:  # noqa: ARG001
    """Resets at once."""
    peer.reset()


async def half_closes(peer: Peer, place: Place) -> None:  # noqa: ARG001
    """Closes its own side and hears the peer out."""
    peer.finish()
    await peer.silence()


async def drip(peer: Peer, place: Place) -> None:  # noqa: ARG001
    """Begins like a mail server's greeting, a byte at a time, and gets nowhere."""
    for letter in itertools.cycle(b"220-patience\r\n"):
        if peer.over:
            return
        peer.say(bytes([letter]))
        await asyncio.sleep(0.5)


async def flood(peer: Peer, place: Place) -> None:  # noqa: ARG001
    """Sends about 13 MB/s until the peer goes; 64 MB at most."""
    for _ in range(_LONGEST_FLOOD // len(_FLOOD)):
        if peer.over:
            return
        peer.say(_FLOOD)
        await peer.room()
        await asyncio.sleep(0.0025)


async def garbage(peer: Peer, place: Place) -> None:
    """Waits for a word and answers with bytes that mean nothing, the same ones every time."""
    await peer.more()
    seed = place.machine.ip.to_bytes(4, "big") + place.door.port.to_bytes(2, "big")
    peer.say(b"\x9c" + bytes(byte | 0x80 for byte in seed) * 12)
    await peer.silence()


async def echo(peer: Peer, place: Place) -> None:  # noqa: ARG001
    """Repeats everything, up to a megabyte."""
    size = 0
    while size < _MOST_ECHO and (data := await peer.more()):
        peer.say(data)
        size += len(data)


async def play_canary(peer: Peer, place: Place) -> None:
    """Inside a tunnel that leads nowhere: greet, take the token, answer with a made-up nonce.

    The nonce is in the right form, cut out of the token; only our canary's log tells that it made
    none like it.
    """
    peer.say(b"220 %b ESMTP\r\n" % place.out.canary.domains[0].encode())
    while (line := await peer.line(1024)) is not None:
        verb, _, word = line.partition(b" ")
        if verb.upper() == b"QUIT":
            peer.say(b"221 2.0.0 Bye\r\n")
            return
        peer.say(b"250 2.0.0 %b\r\n" % (word[:NONCE_CHARS] or b"Ok"))


def greets(banner: bytes, reply: bytes) -> Behaviour:
    """Another protocol: a banner, and the same reply to every line."""

    async def behaviour(peer: Peer, place: Place) -> None:  # noqa: ARG001
        peer.say(banner)
        for _ in range(8):
            if await peer.line(2048) is None:
                return
            peer.say(reply)

    return behaviour
