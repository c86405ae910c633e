"""Frames go out of one ring and answers come into the other, over a real cable."""

import errno
import shutil
import struct
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
from made_peer import is_syn, segment, syn_ack, target
from made_wire import GATEWAY, NEAR, SOURCE, Wire, listening

from survey.engine.syn import receive_ring, send_ring
from survey.engine.syn.answers import read_answers
from survey.engine.syn.cookie import Sender
from survey.engine.syn.link import Link, open_link
from survey.engine.syn.receive_ring import ReceiveRing
from survey.engine.syn.send_ring import SendRing
from survey.model.address import parse_ip

FIRST = parse_ip("198.18.4.0")
OWN = (61000, 61999)


@pytest.fixture
def link(cable: Wire) -> Iterator[Link]:
    """Ours; the test lives in the near namespace meanwhile."""
    with cable.near.inside():
        yield open_link(NEAR, parse_ip(GATEWAY), (parse_ip(SOURCE),))


def write(ring: SendRing, first: int, count: int) -> None:
    """SYNs to these addresses."""
    numbers = np.arange(first, first + count, dtype=np.uint32)
    sources = np.full(count, parse_ip(SOURCE), dtype=np.uint32)
    sender = Sender(sources, (61000 + numbers % 1000).astype(np.uint16), numbers * np.uint32(7))
    ring.write(numbers + np.uint32(FIRST), np.full(count, 1080, dtype=np.uint16), sender)


def until(done: object, *, seconds: float = 5.0) -> None:
    """Wait until a function says True."""
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


def test_every_frame_leaves_once_round_and_round(cable: Wire, link: Link) -> None:
    """More than the ring holds, in pieces of all sizes."""
    with listening(cable) as seen:
        ring = SendRing(link)
        sent = 0
        for piece in [1, 700, 2048] * 5:
            count = min(piece, ring.room)
            write(ring, sent, count)
            assert ring.send(count) == (count, 0)
            sent += count
        ring.close()

    assert sent > send_ring.FRAMES
    hosts = [target(frame)[0] - FIRST for _, frame in seen.frames if is_syn(frame)]
    assert hosts == list(range(sent))


def test_what_does_not_leave_never_does(cable: Wire, link: Link) -> None:
    """With the cable out nothing is sent; afterwards only what is asked for anew."""
    with listening(cable) as seen:
        ring = SendRing(link)
        write(ring, 0, 10)
        ring.send(10)
        cable.near.run("ip", "link", "set", NEAR, "down")
        try:
            write(ring, 10, 20)
            sent, error = ring.send(20)
        finally:
            cable.near.run("ip", "link", "set", NEAR, "up")
            cable.near.run(*_route(cable))
        assert (sent, error) in {(0, errno.ENETDOWN), (0, errno.ENXIO)}
        until(lambda: "LOWER_UP" in cable.near.run("ip", "link", "show", NEAR))
        write(ring, 100, 5)
        assert ring.send(5) == (5, 0)
        ring.close()

    hosts = [target(frame)[0] - FIRST for _, frame in seen.frames if is_syn(frame)]
    assert hosts == [*range(10), *range(100, 105)]


def _route(cable: Wire) -> tuple[str, ...]:
    """What went with the interface."""
    other = cable.ethernet(cable.far).hex(":")
    hop = f"ip -6 neigh replace fe80::1 lladdr {other} dev {NEAR} nud permanent"
    way = f"ip route replace 198.18.0.0/15 via inet6 fe80::1 dev {NEAR} onlink"
    return "sh", "-c", f"{hop} && {way}"


def test_answers_come_in_order_and_are_given_back(cable: Wire, link: Link) -> None:
    """More than the ring holds; what is no answer to our ports never gets there."""
    with listening(cable, lambda frame: [syn_ack(frame)] if is_syn(frame) else []) as seen:
        receive, send = ReceiveRing(NEAR, OWN), SendRing(link)
        heard: list[int] = []
        for first in range(0, 3000, 500):
            write(send, first, 500)
            send.send(500)
            until(lambda: receive.holds(500))
            assert not receive.holds(501)
            while receive.holds(1):
                packets, lengths = receive.look(300)
                answers = read_answers(packets, lengths)
                receive.free(len(packets))
                heard += (answers.ips - np.uint32(FIRST)).tolist()
        assert receive.dropped() == 0
        send.close()
        receive.close()

    assert heard == list(range(3000))
    assert len(seen.packets(0x02)) == 3000


def test_ring_that_is_full_counts_what_it_loses(
    cable: Wire, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks for too long: what fits is kept, the rest is counted."""
    monkeypatch.setattr(receive_ring, "FRAMES", 256)
    twice = lambda frame: [syn_ack(frame)] * 2 if is_syn(frame) else []  # noqa: E731
    with listening(cable, twice) as seen:
        receive, send = ReceiveRing(NEAR, OWN), SendRing(link)
        write(send, 0, 500)
        send.send(500)
        until(lambda: len(seen.packets(0x04)) >= 1000)
        send.close()
        packets, _ = receive.look(4096)
        assert len(packets) == 256
        receive.free(256)
        assert receive.dropped() == 1000 - 256
        assert receive.dropped() == 1000 - 256
        receive.close()


def test_cap_net_raw_is_enough(cable: Wire) -> None:
    """With that capability alone a link is found, and both rings are made and used."""
    program = (
        "import numpy as np\n"
        "from survey.engine.syn.cookie import Cookie\n"
        "from survey.engine.syn.link import open_link\n"
        "from survey.engine.syn.receive_ring import ReceiveRing\n"
        "from survey.engine.syn.send_ring import SendRing\n"
        f"link = open_link({NEAR!r}, {parse_ip(GATEWAY)}, ())\n"
        f"receive, send = ReceiveRing({NEAR!r}, {OWN}), SendRing(link)\n"
        f"ips = np.arange({FIRST}, {FIRST} + 9, dtype=np.uint32)\n"
        "ports = np.full(9, 1080, dtype=np.uint16)\n"
        f"cookie = Cookie(bytes(16), link.sources, {OWN})\n"
        "send.write(ips, ports, cookie.sender(cookie.marks(ips, ports), np.arange(9)))\n"
        "print(send.send(9))\n"
    )
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv")
    only = ["setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all"]
    with listening(cable) as seen:
        said = cable.near.run(*only, sys.executable, "-c", program)

    assert said == "(9, 0)\n"
    assert len(seen.packets(0x02)) == 9


def test_only_our_ports_are_heard(cable: Wire, link: Link) -> None:
    """Another worker's answers and other traffic don't fill our ring."""

    def answers(frame: bytes) -> list[bytes]:
        if not is_syn(frame):
            return []
        other = frame[:34] + struct.pack(">H", 62000) + frame[36:]
        return [segment(other, 0x12), segment(frame, 0x10), syn_ack(frame)]

    with listening(cable, answers):
        receive, send = ReceiveRing(NEAR, OWN), SendRing(link)
        write(send, 0, 20)
        send.send(20)
        until(lambda: receive.holds(20))
        packets, lengths = receive.look(100)
        ports = read_answers(packets, lengths).heard.ports
        receive.close()
        send.close()

    assert len(ports) == 20
    assert (ports < 62000).all()
