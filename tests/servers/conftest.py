"""The real servers, started once for all tests of this folder, and our canary beside them."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from daemons import Daemon
from everyday import CAMPAIGN, PROBES, SERVERS
from operation import Operation


@pytest.fixture(scope="session")
def operation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operation]:
    """A folder with a campaign on these servers, and our canary."""
    operation = Operation(tmp_path_factory.mktemp("real-servers"))
    operation.prepare(CAMPAIGN, SERVERS, PROBES)
    with operation.canary(CAMPAIGN):
        yield operation


@pytest.fixture(scope="session")
def servers(operation: Operation) -> Iterator[dict[str, Daemon]]:  # noqa: ARG001 - they mail to it
    """Every one of them that is installed, running, by ``server/situation``."""
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
