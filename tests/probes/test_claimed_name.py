"""A server that calls itself by somebody else's name: nothing ever goes there (law 2)."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mail_server import MailServer

from survey.model.address import parse_ip
from survey.model.observation import Step
from survey.model.plan import Depth, ProbePlan
from survey.model.probe import Probe
from survey.probes import smtp_relay
from survey.probes.context import Context
from survey.probes.names import HostsFile
from survey.protocols.envelopes import FORMS

LOOPBACK = parse_ip("127.0.0.1")
VICTIM = "127.0.0.93"
CLAIM = b"victim.example"


class Tap:
    """Sees every packet to the victim, whatever its port and protocol."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def packets(self) -> int:
        """How many came."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                count += self._sock.recv(100)[16:20] == socket.inet_aton(VICTIM)
        return count


@pytest.fixture
def tap() -> Iterator[Tap]:
    """A tap on the loopback device; needs root."""
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    except PermissionError:
        pytest.skip("watching packets needs root")
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        sock.bind(("lo", 0x0800))
        yield Tap(sock)


@pytest.fixture
def full(context: Context, tmp_path: Path) -> Context:
    """A test at full depth, with a hosts file that knows whose name it is."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{VICTIM} {CLAIM.decode()} mail.{CLAIM.decode()}\n127.0.0.1 other.example\n")
    part = ProbePlan(Probe.SMTP_RELAY, (), (), Depth.FULL)
    patient = replace(context.timeouts, greeting=3, command=3, message=3, relay=30)
    return replace(context, names=HostsFile(hosts), parts=(part,), timeouts=patient)


def claiming(**replies: bytes) -> MailServer:
    """A server that says that name wherever it can."""
    return MailServer(
        {
            "greeting": b"220 %b ESMTP\r\n" % CLAIM,
            "EHLO": b"250-mail.%b\r\n250-STARTTLS\r\n250 %b\r\n" % (CLAIM, CLAIM),
            "MAIL": b"250 %b\r\n" % CLAIM,
            "RCPT": b"551 try <postmaster@%b>\r\n" % CLAIM,
            "RSET": b"250 %b\r\n" % CLAIM,
        }
        | replies
    )


@pytest.mark.parametrize("trusting", [True, False], ids=["open", "closed"])
async def test_no_packet_and_no_mailbox_is_the_claimed_name_s(
    serve: Callable, full: Context, tap: Tap, *, trusting: bool
) -> None:
    """Of every form of a full test, those at its name are left out; also a redirect (551)."""
    server = claiming(**({"RCPT": b"250 %b\r\n" % CLAIM} if trusting else {}))
    with socket.create_server((VICTIM, 0)) as victim:
        victim.setblocking(False)
        rows = await smtp_relay.run(LOOPBACK, await serve(server), full)
        with pytest.raises(BlockingIOError):
            victim.accept()
    assert tap.packets() == 0
    said = b"".join(server.heard + server.messages)
    assert CLAIM not in said
    at_its_name = {form.variant for form in FORMS if form.own_name}
    assert not at_its_name & {row.variant for row in rows}
    assert [row.step for row in rows if row.step is Step.SENT] == [Step.SENT] * trusting


async def test_the_same_server_under_its_own_name_hears_all_forms(
    serve: Callable, full: Context
) -> None:
    """So that it is the name that makes the difference."""
    server = MailServer({"EHLO": b"250 other.example\r\n"})
    rows = await smtp_relay.run(LOOPBACK, await serve(server), full)
    assert {row.variant for row in rows} == {form.variant for form in FORMS}
    assert server.calls == 4


async def test_a_name_that_stops_resolving_is_not_used_any_more(
    serve: Callable, full: Context
) -> None:
    """It is asked anew in each connection that has forms for it."""

    class Once:
        """Yes, and then no."""

        def __init__(self) -> None:
            self.asked = 0

        async def points_to(self, name: bytes, ip: int) -> bool:
            """Only the first time."""
            del name, ip
            self.asked += 1
            return self.asked == 1

    server = MailServer()
    rows = await smtp_relay.run(LOOPBACK, await serve(server), replace(full, names=Once()))
    variants = {row.variant for row in rows}
    assert {"V3", "C0"} <= variants
    assert not variants & {"V8", "V14", "V16", "V19", "V13", "V21", "V22", "V23"}
