"""Scanning hosts in network namespaces of their own, on two networks, with an internet beyond.

``far`` is the internet, 198.18.0.0/16: it holds every address, and a host's own kernel refuses what
no server of a test listens on.  Each host reaches it over a cable of its own (device ``scan``), on
which packets are counted at the far end, outside every program.  On another network (device
``control``, 198.19.0.0/24) the hosts reach one another, as a scan's control network.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from made_wire import Namespace, namespace, why_no_wire
from outside import Tap, counting

SPACE = "198.18.0.0/16"
FIRST = 0xC6120000
"""198.18.0.0."""

CANARY_HOME = 0xC612FE01
"""198.18.254.1: the canary's address; never in a plan."""

_LINK_LOCAL = "fe80::1"


@dataclass(frozen=True, slots=True)
class Host:
    """A machine for coordinator, scheduler or workers.

    Attributes:
        name: Short, as it is in device names.
        place: Its namespace.
        control: Its address on the control network.
        source: The address that its probes come from.
    """

    name: str
    place: Namespace
    control: str
    source: str

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program here, in a process group of its own."""
        return subprocess.Popen(
            ["nsenter", f"--net={self.place.path}", *command],
            env=os.environ | environment,
            start_new_session=True,
        )


@dataclass(slots=True)
class Internet:
    """The far end of all cables.

    Attributes:
        place: Its namespace.
        tap: What came to tested addresses, counted there.
    """

    place: Namespace
    tap: Tap

    def silence(self, space: str) -> None:
        """Let nothing in a range answer."""
        self.place.run("ip", "route", "add", "blackhole", space, "table", "local")


@dataclass(slots=True)
class Network:
    """Hosts, what is between them, and what they can scan."""

    hosts: list[Host]
    hub: Namespace
    internet: Internet

    def cut_off(self, host: Host) -> None:
        """Let nobody on the control network reach a host, and it nobody."""
        self.hub.run("ip", "link", "set", f"c-{host.name}", "down")

    def reconnect(self, host: Host) -> None:
        """Let them reach one another again."""
        self.hub.run("ip", "link", "set", f"c-{host.name}", "up")


@contextmanager
def network(names: tuple[str, ...]) -> Iterator[Network]:
    """Make hosts of these names; packets are counted until the end of the block."""
    if problem := why_no_wire():
        pytest.skip(problem)
    with ExitStack() as stack:
        hub, far = (stack.enter_context(namespace()) for _ in range(2))
        hub.run("ip", "link", "add", "control", "type", "bridge")
        for device in ("lo", "control"):
            hub.run("ip", "link", "set", device, "up")
        far.run("ip", "link", "set", "lo", "up")
        far.run("ip", "route", "add", "local", SPACE, "dev", "lo")
        hosts = [
            _host(stack.enter_context(namespace()), name, number, hub, far)
            for number, name in enumerate(names, start=1)
        ]
        devices = [f"s-{name}" for name in names]
        tap = stack.enter_context(counting(devices, lambda ip: ip != CANARY_HOME, far.inside))
        yield Network(hosts, hub, Internet(far, tap))


def _host(place: Namespace, name: str, number: int, hub: Namespace, far: Namespace) -> Host:
    control, source = f"198.19.0.{number}", f"198.19.1.{number}"
    place.run("ip", "link", "set", "lo", "up")
    for device, peer, there in (("control", f"c-{name}", hub), ("scan", f"s-{name}", far)):
        place.run(
            *("ip", "link", "add", device, "type", "veth"),
            *("peer", peer, "netns", str(there.pid)),
        )
    hub.run("ip", "link", "set", f"c-{name}", "master", "control")
    for each, device in ((place, "control"), (place, "scan"), (hub, f"c-{name}")):
        each.run("ip", "link", "set", device, "up")
    far.run("ip", "link", "set", f"s-{name}", "up")
    place.run("ip", "addr", "add", f"{control}/24", "dev", "control")
    place.run("ip", "addr", "add", f"{source}/32", "dev", "scan")
    # The next hop is a neighbour by its Ethernet address: nobody asks for single targets.
    for here, device, other, peer, space in (
        (place, "scan", far, f"s-{name}", SPACE),
        (far, f"s-{name}", place, "scan", f"{source}/32"),
    ):
        words = other.run("ip", "-o", "link", "show", peer).split()
        ethernet = words[words.index("link/ether") + 1]
        here.run(
            *("ip", "-6", "neigh", "add", _LINK_LOCAL, "lladdr", ethernet),
            *("dev", device, "nud", "permanent"),
        )
        own = ("src", source) if here is place else ()
        here.run(
            *("ip", "route", "add", space, "via", "inet6", _LINK_LOCAL),
            *("dev", device, "onlink", *own),
        )
    return Host(name, place, control, source)


INFRA = Path(__file__).parents[2] / "infra" / "cluster"
PORT = 8786


def unit_command(unit: str, host: str, scheduler: str, instance: str = "1") -> list[str]:
    """What a unit that runs one program runs."""
    (command,) = unit_commands(unit, host, scheduler, instance)
    return command


def unit_commands(unit: str, host: str, scheduler: str, instance: str = "1") -> list[list[str]]:
    """What a unit of infra/cluster runs, with what its environment and its instance say."""
    text = (INFRA / "systemd" / unit).read_text()
    words = {
        "${SURVEY_CONTROL}": host,
        "${SURVEY_SCHEDULER}": scheduler,
        "/opt/survey/bin": str(Path(sys.executable).parent),
        "/opt/survey/jobs": str(INFRA.parents[1] / "jobs"),
        "%i": instance,
        "%H": "host",
    }
    commands = []
    for line in text.splitlines():
        if line.startswith("ExecStart="):
            command = line.removeprefix("ExecStart=")
            for word, meaning in words.items():
                command = command.replace(word, meaning)
            commands.append(command.split())
    return commands


def dask_environment(keys: Path) -> dict[str, str]:
    """What cluster.env says, for these keys."""
    lines = (INFRA / "cluster.env").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    told["DASK_CONFIG"] = str(INFRA / Path(told["DASK_CONFIG"]).name)
    return {
        name: str(keys / Path(value).name) if value.endswith(".pem") else value
        for name, value in told.items()
    }


def start_scheduler(host: Host, keys: Path) -> subprocess.Popen[bytes]:
    """A Dask scheduler there, as its unit starts it."""
    command = unit_command("survey-scheduler.service", host.control, "")
    return host.start(*command, **dask_environment(keys))


def start_worker(
    host: Host, scheduler: Host, keys: Path, scratch: Path, name: str
) -> subprocess.Popen[bytes]:
    """A Dask worker there, under a nanny, as its unit starts it."""
    where = f"tls://{scheduler.control}:{PORT}"
    command = unit_command("survey-worker@.service", host.control, where, name)
    folder = command.index("--local-directory") + 1
    command[folder] = str(scratch / name)
    return host.start(*command, **dask_environment(keys))


def worker_processes(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes under a nanny that run our shards."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """End a program and everything that it started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
    process.wait(20)
