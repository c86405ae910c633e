"""The old telnet gateways of the lab, and what looks like one."""

import re
from dataclasses import dataclass

from survey.lab.http import endpoint_of
from survey.lab.oddities import play_canary
from survey.lab.peer import Peer
from survey.lab.place import Place

_OPTIONS = b"\xff\xfb\x01\xff\xfb\x03"
_LONGEST_LINE = 1024
_WISHES = 3


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that connects whoever answers its prompt.

    Attributes:
        prompt: What it says when it waits.
        wish: What it wants to hear, with the host and the port as groups.
        banner: What it says at first.
        options: It negotiates telnet options before.
        mail: Whether it connects to the mail port.
        fake: It plays our canary itself.
    """

    prompt: bytes
    wish: re.Pattern[bytes]
    banner: bytes = b""
    options: bool = False
    mail: bool = True
    fake: bool = False

    async def __call__(self, peer: Peer, place: Place) -> None:
        """Ask for a host until one can be reached, a few times."""
        peer.say((_OPTIONS if self.options else b"") + self.banner)
        for _ in range(_WISHES):
            peer.say(self.prompt)
            line = await peer.line(_LONGEST_LINE)
            if line is None:
                return
            wish = self.wish.fullmatch(line)
            if wish is None:
                peer.say(b"Invalid command\r\n")
                continue
            peer.say(b"Connecting to host %b...\r\n" % wish[1])
            endpoint = endpoint_of(place, b"%b:%b" % (wish[1], wish[2]))
            if endpoint is None or (place.out.is_mail(endpoint) and not self.mail):
                peer.say(b"Connection refused\r\n")
                continue
            if self.fake:
                peer.say(b"Connected\r\n")
                await play_canary(peer, place)
                return
            far = await place.out.dial(place.door.exit_ip, endpoint)
            if far is None:
                peer.say(b"Host unreachable\r\n")
                continue
            try:
                peer.say(b"Connected\r\n")
                await peer.join(far)
            finally:
                far.end()
            return


async def login(peer: Peer, place: Place) -> None:
    """A host that wants a name and a password, and takes none."""
    name = place.machine.name.encode()
    peer.say(_OPTIONS + b"\r\n%b\r\n\r\nlogin: " % name)
    for answer in (b"Password: ", b"\r\nLogin incorrect\r\nlogin: "):
        if await peer.line(_LONGEST_LINE) is None:
            return
        peer.say(answer)


COLON = re.compile(rb"(\S+):(\d+)")
OPEN = re.compile(rb"open (\S+) (\d+)")
TELNET = re.compile(rb"telnet (\S+) (\d+)")
