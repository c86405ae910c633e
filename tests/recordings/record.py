"""Record anew what servers say to our probes: ``python tests/recordings/record.py``, as root.

Starts the real servers of ``tests/servers`` and one machine of each of the lab's personalities in a
network namespace with nothing but ``lo``, our canary behind them, and somebody between us and them
who writes down what passes.  Only for what speaks in the clear and answers in seconds.
"""

import asyncio
import os
import re
import shutil
import socket
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / folder) for folder in ("lab", "servers", "made")]

from conftest import PORTS, Street, role_of  # noqa: E402 - the path comes first
from places import CANARY, CANARY_ECHO, CANARY_SMTP, CANARY_WEB, PROBER, PROBER_NAME  # noqa: E402
from recordings import FOLDER, Talk, render  # noqa: E402
from truth import NEIGHBOURS, SITUATIONS  # noqa: E402

from survey.canary.server import serve  # noqa: E402
from survey.lab.personality import INSIDE_TLS, Personality, Role  # noqa: E402
from survey.lab.server import running  # noqa: E402
from survey.model.address import Range, format_ip, parse_ip  # noqa: E402
from survey.model.plan import (  # noqa: E402
    Canary,
    Depth,
    Endpoint,
    Identity,
    Kind,
    Plan,
    ProbePlan,
    Rate,
)
from survey.model.probe import Probe  # noqa: E402
from survey.probes.context import Context  # noqa: E402
from survey.probes.dialer import Dialer  # noqa: E402
from survey.probes.registry import PROBES  # noqa: E402
from survey.probes.timeouts import INTERNET  # noqa: E402
from survey.targets.gate import Gate  # noqa: E402
from survey.targets.optouts import init_log  # noqa: E402

BETWEEN = "127.0.250.1"
"""Where somebody listens in our servers' place."""

OURS = Canary(
    ("canary.example", "canary.test"),
    Endpoint(parse_ip(CANARY), CANARY_SMTP),
    Endpoint(parse_ip(CANARY), CANARY_ECHO),
    Endpoint(parse_ip(CANARY), CANARY_WEB),
)
MAIL = (Probe.SMTP_RELAY,)
HTTP = (Probe.HTTP_CONNECT, Probe.HTTP_GET, Probe.HTTP_POST)
SOCKS = (Probe.SOCKS4, Probe.SOCKS4A, Probe.SOCKS5)
BY_PORT = {23: (Probe.TELNET,), 25: MAIL, 587: MAIL, 1080: SOCKS}
BY_ROLE = {Role.SMTP: MAIL, Role.SOCKS: SOCKS, Role.TELNET: (Probe.TELNET,), Role.HTTP: HTTP}
PATIENCE = replace(INTERNET, greeting=16.0, command=8.0, message=10.0, reply=4.0, tunnel=12.0)
# They say nothing, or the same for ever, or inside TLS; or it takes longer than anybody waits here.
LEFT_OUT = {
    *("postfix/starttls", "postfix/starttls_closed", "postfix/smtps", "postfix/smtps_closed"),
    *("opensmtpd/broken_tls", "smtp_sink/tarpit", "socat/flood", "socat/silent"),
    *("haproxy/tls_in_front",),
}
SILENT = {
    *(Personality.SILENT, Personality.MUTE, Personality.DRIP, Personality.FLOOD),
    *(Personality.OPEN_AFTER_STARTTLS, Personality.REJECTED_AFTER_STARTTLS),
}
# As long as before, for the lengths that heads tell.
_REAL_NAME = re.compile(rb"(?<![\w.@-])(?:[a-z0-9-]+\.)+(?:org|com|net|ch|edu|io)\b", re.IGNORECASE)
LONGEST = 8192
"""Bytes that are written down of one turn."""


class OwnNames:
    """Every name belongs to every address."""

    async def points_to(self, name: bytes, ip: int) -> bool:  # noqa: ARG002 - the protocol's
        """Yes."""
        return True


class FreePacer:
    """Admits all."""

    async def admit(self, ip: int, packets: int) -> None:
        """At once."""

    async def pay(self, packets: int) -> None:
        """At once."""

    def charge(self, packets: int) -> None:
        """Of whatever address."""

    def begun(self) -> None:
        """A connection."""

    def left(self, packets: int) -> None:
        """Paid before."""

    def ended(self) -> None:
        """A connection."""


class Between:
    """Passes everything on, both ways, and writes it down."""

    def __init__(self, ip: str, port: int) -> None:
        self.ip, self.port = ip, port
        self.talks: list[Talk] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(asyncio.CancelledError):
            await self._pass_on(reader, writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk()
        self.talks.append(talk)
        there, back = await asyncio.open_connection(self.ip, self.port, local_addr=(PROBER, 0))

        async def forth() -> None:
            with suppress(OSError):
                while data := await reader.read(65536):
                    talk.said(data)
                    back.write(data)
                back.write_eof()

        saying = asyncio.create_task(forth())
        with suppress(OSError):
            while data := await there.read(65536):
                talk.hear(data[: max(0, LONGEST - len(talk.heard))])
                writer.write(data)
            talk.closed = not reader.at_eof()
        saying.cancel()
        for end in (writer, back):
            end.close()


async def record(
    context: Context, door: tuple[str, int], probe: Probe, name: str, remark: str
) -> None:
    """One test of one server, into its file."""
    port, between = door[1], Between(*door)
    async with await asyncio.start_server(between, BETWEEN, port):
        await PROBES[probe].run(parse_ip(BETWEEN), port, context)
        await asyncio.sleep(0.05)
    folder = FOLDER / probe.value
    folder.mkdir(exist_ok=True)
    for turn in (turn for talk in between.talks for turn in talk.turns):
        turn.heard = harmless(turn.heard)
    (folder / f"{name}.talk").write_text(render(remark, between.talks), "ascii")


def harmless(heard: bytes) -> bytes:
    """Without names of hosts that exist: this one's in ``Via``, those of authors in pages.

    Nor what looks like somebody's address, as a version of four numbers does.
    """
    own = rb"(?m)^(Via:.* \d\.\d )" + re.escape(socket.gethostname().encode()) + rb" "
    heard = re.sub(own, rb"\1proxy.example ", heard)
    heard = re.sub(rb"(?<![\d.])(?!127\.)\d+(?:\.\d+){3}(?![\d.])", b"192.0.2.9", heard)
    return _REAL_NAME.sub(lambda name: b"a" * (len(name[0]) - 8) + b".example", heard)


def plan(home: Path) -> Plan:
    """All of loopback."""
    return Plan(
        campaign="recordings",
        run="one",
        kind=Kind.LAB,
        purpose="tests",
        created_at=datetime.now(UTC),
        valid_until=None,
        authority="",
        seed="00" * 16,
        ranges=(Range(parse_ip("127.0.0.0"), parse_ip("127.255.255.255")),),
        excluded=0,
        probes=(ProbePlan(Probe.SMTP_RELAY, tuple(range(1, 65536)), (), Depth.FULL),),
        rate=Rate(1000, 10.0, 1),
        identity=Identity(
            "Example Survey", "survey@prober.example", "https://prober.example/", PROBER_NAME, ()
        ),
        canary=OURS,
        optouts=str(home / "optouts"),
        exclusions=(),
        names="none",
        slots=1,
        shard_addresses=256,
        lease_seconds=12.0,
        snapshots=(),
        version="0",
    )


async def everything(home: Path, only: str) -> None:
    """Every server, one after the other."""
    init_log(home / "optouts")
    (home / "arrivals").mkdir()
    frozen, key, stop = plan(home), os.urandom(32), asyncio.Event()
    canary = asyncio.create_task(serve(OURS, key, home / "arrivals", stop))
    dialer = Dialer(Gate.open(frozen, lambda: True), FreePacer(), (parse_ip(PROBER),))
    context = Context(
        campaign="recordings",
        run="one",
        key=key,
        identity=frozen.identity,
        canary=OURS,
        dialer=dialer,
        names=OwnNames(),
        attempt=0,
        canary_healthy=lambda: True,
        timeouts=PATIENCE,
        parts=frozen.probes,
    )
    async with AsyncExitStack() as stack:
        stack.callback(dialer.close)
        for neighbour in NEIGHBOURS:
            await asyncio.to_thread(neighbour.start)
            stack.callback(neighbour.stop)
        if only in {"", "servers"}:
            await real_ones(context)
    if only in {"", "lab"}:
        await lab_ones(context)
    stop.set()
    await canary


async def real_ones(context: Context) -> None:
    """Those of ``tests/servers``; one that needs another has it beside it."""
    by_door = {f"{one.daemon.ip}:{one.daemon.port}": one.daemon for one in SITUATIONS}
    for one in SITUATIONS:
        daemon, fresh = one.daemon, replace_messages(context)
        if one.key in LEFT_OUT:
            continue
        needed = [by_door[daemon.behind]] if daemon.behind in by_door else []
        for each in (*needed, daemon):
            await asyncio.to_thread(each.start)
        try:
            for probe in BY_PORT.get(daemon.port, HTTP):
                name = f"{daemon.server}-{daemon.situation}".replace("_", "-")
                await record(fresh, (daemon.ip, daemon.port), probe, name, one.why)
        finally:
            for each in (daemon, *needed):
                await asyncio.to_thread(each.stop)
        sys.stdout.write(f"{one.key}\n")


async def lab_ones(context: Context) -> None:
    """One machine of each personality."""
    street = Street()
    async with running(street, OURS):  # type: ignore[arg-type]
        for personality, machine in street.machines.items():
            role = role_of(personality)
            if personality in SILENT or personality in INSIDE_TLS:
                continue
            probes = HTTP + SOCKS if personality is Personality.MIXED_PROXY else BY_ROLE[role]
            for probe in probes:
                name = f"lab-{personality.value}".replace("_", "-")
                remark = f"the lab's {personality.value}"
                door = format_ip(machine.ip), PORTS[role]
                await record(replace_messages(context), door, probe, name, remark)
            sys.stdout.write(f"lab {personality.value}\n")


def replace_messages(context: Context) -> Context:
    """Each server gets its own messages."""
    return replace(context, messages=type(context.messages)())


def main() -> None:
    """Become somebody in an empty namespace, then record."""
    if os.environ.get("SURVEY_TESTS_ALONE") != "1":
        os.environ["SURVEY_TESTS_ALONE"] = "1"
        alone = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        shell = ["sh", "-c", 'ip link set lo up && "$@"; exit $?', "sh"]
        os.execvp(alone[0], [*alone, *shell, sys.executable, *sys.argv])  # noqa: S606 - no shell
    home = Path(tempfile.mkdtemp(prefix="survey-recordings-"))
    try:
        asyncio.run(everything(home, "".join(sys.argv[1:2])))
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
