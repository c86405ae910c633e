"""The real servers, started once for all tests of this folder, and our canary beside them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from daemons import (
    CANARY,
    CANARY_ECHO,
    CANARY_SMTP,
    PROBER,
    SURVEY,
    Daemon,
    stopped,
    wait_until_listening,
)

# One /24 per server, one address per situation.
SERVERS = (
    Daemon("postfix", "open", "127.0.21.1", 2525),
    Daemon("postfix", "closed", "127.0.21.2", 2525),
    Daemon("postfix", "own_name", "127.0.21.3", 2525),
    Daemon("squid", "open", "127.0.22.1", 3128),
    Daemon("squid", "denied", "127.0.22.2", 3128),
    Daemon("squid", "login", "127.0.22.3", 3128),
    Daemon("tinyproxy", "open", "127.0.23.1", 8888),
    Daemon("tinyproxy", "no_mail", "127.0.23.2", 8888),
    Daemon("tinyproxy", "denied", "127.0.23.3", 8888),
    Daemon("dante", "open", "127.0.24.1", 1080, exit_ip="127.0.24.101"),
    Daemon("dante", "no_mail", "127.0.24.2", 1080, exit_ip="127.0.24.102"),
    Daemon("dante", "login", "127.0.24.3", 1080, exit_ip="127.0.24.103"),
    Daemon("microsocks", "open", "127.0.25.1", 1080),
)

CAMPAIGN = f"""
[campaign]
id = "real-servers"
purpose = "What the probes say about real servers"
kind = "lab"

[identity]
operator = "Tests of the survey"
contact = "survey@prober.example"
page = "https://prober.example/"
helo = "prober.example"
source_addresses = ["{PROBER}"]

[targets]
ranges = ["127.0.21.0/24", "127.0.22.0/24", "127.0.23.0/24", "127.0.24.0/24", "127.0.25.0/24"]

[probes.smtp_relay]
ports = [2525]
[probes.http_connect]
ports = [3128, 8888]
[probes.socks4]
ports = [1080]
[probes.socks4a]
ports = [1080]
[probes.socks5]
ports = [1080]

[rate]
packets_per_second = 5000
per_24_per_second = 2000.0
per_host_connections = 4

[canary]
domains = ["canary.example", "canary.test"]
smtp = "{CANARY}:{CANARY_SMTP}"
echo = "{CANARY}:{CANARY_ECHO}"

[optouts]
path = "optouts.log"

[names]
hosts = "hosts"

[cluster]
slots = 1
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a campaign on all the servers and a hosts file with their names."""
    folder = tmp_path_factory.mktemp("real-servers")
    (folder / "campaign.toml").write_text(CAMPAIGN)
    hosts = [f"{server.ip} {server.name}\n" for server in SERVERS]
    (folder / "hosts").write_text("".join(hosts))
    return folder


@pytest.fixture(scope="session")
def canary(home: Path) -> Iterator[None]:
    """Our own canary, set up and started as an operator does."""
    for prepare in (["keys", "init"], ["optout", "init"]):
        subprocess.run([SURVEY, *prepare], cwd=home, check=True, capture_output=True)
    with (home / "canary.out").open("wb") as output:
        command = [SURVEY, "canary", "campaign.toml"]
        process = subprocess.Popen(command, cwd=home, stdout=output, stderr=subprocess.STDOUT)
    try:
        for port in (CANARY_SMTP, CANARY_ECHO):
            wait_until_listening(process, CANARY, port, home / "canary.out")
        yield
    finally:
        stopped(process)


@pytest.fixture(scope="session")
def servers(canary: None) -> Iterator[dict[str, Daemon]]:  # noqa: ARG001 - they mail to it
    """Every server that is installed, running, by ``server/situation``."""
    with ExitStack() as running:
        up = {}
        for server in SERVERS:
            if server.program:
                server.start()
                running.callback(server.stop)
                up[f"{server.server}/{server.situation}"] = server
        yield up


@pytest.fixture
def server(request: pytest.FixtureRequest, servers: dict[str, Daemon]) -> Iterator[Daemon]:
    """The server that a test is about; what it said meanwhile is shown if the test fails."""
    key: str = request.param
    if key not in servers:
        pytest.skip(f"{key.partition('/')[0]} is not installed; `make test` as root on Debian does")
    before = len(servers[key].log())
    yield servers[key]
    sys.stdout.write(servers[key].log()[before:])
