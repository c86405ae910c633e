"""Second opinions on the real servers, as a person runs them: other people's clients agree."""

import json
import time

import pytest
from daemons import Daemon
from everyday import CAMPAIGN
from operation import Operation

pytestmark = pytest.mark.servers

RUN = "opinions"
PATIENCE = 60.0
"""Seconds that the mail servers may take to pass our messages on."""

# What second opinions make of each open one, and by whose client.
REPRODUCED = {
    ("postfix/open", "smtp_relay"): ("relay.reproduced", "aiosmtplib"),
    ("postfix/own_name", "smtp_relay"): ("relay.reproduced", "aiosmtplib"),
    # its API goes over to TLS where that is offered, not where it is wanted
    ("postfix/starttls", "smtp_relay"): ("relay.reproduced", "same_client"),
    ("postfix/smtps", "smtp_relay"): ("relay.reproduced", "same_client"),
    ("exim/percent", "smtp_relay"): ("relay.reproduced", "aiosmtplib"),
    ("squid/open", "http_connect"): ("tunnel.mail_reproduced", "h11"),
    ("tinyproxy/open", "http_connect"): ("tunnel.mail_reproduced", "h11"),
    ("tinyproxy/no_mail", "http_connect"): ("tunnel.reproduced", "h11"),
    ("dante/open", "socks5"): ("tunnel.mail_reproduced", "python_socks"),
    ("dante/open", "socks4"): ("tunnel.mail_reproduced", "python_socks"),
    ("dante/no_mail", "socks5"): ("tunnel.reproduced", "python_socks"),
    ("dante/no_mail", "socks4"): ("tunnel.reproduced", "python_socks"),
    ("microsocks/open", "socks5"): ("tunnel.mail_reproduced", "python_socks"),
}

Told = dict[tuple[str, str], tuple[str, str]]


@pytest.fixture(scope="module")
def reproduced(servers: dict[str, Daemon], operation: Operation) -> Told:
    """Rule and client of every R7 finding after a scan and one retest, each its own process."""
    keys = {server.ip: key for key, server in servers.items()}
    operation.survey("scan", f"{CAMPAIGN}.toml", "--run", RUN, "--serial")
    deadline = time.monotonic() + PATIENCE
    told: Told = {}
    while len(told) < len(REPRODUCED) and time.monotonic() < deadline:
        # judges first, and makes what is due: five seconds after each proof
        operation.survey("retest", "--campaign", CAMPAIGN, "--run", RUN, "--serial")
        told = {
            (keys[row["ip"]], row["probe"]): (row["rule"], row["proven_by"])
            for row in operation.findings(CAMPAIGN, RUN)
            if row["rung"] == 7
        }
        time.sleep(1)
    return told


@pytest.mark.parametrize(
    ("server", "probe"), REPRODUCED, ids=[" ".join(key) for key in REPRODUCED], indirect=["server"]
)
def test_an_open_server_is_reproduced_by_an_independent_client(
    server: Daemon, probe: str, reproduced: Told
) -> None:
    """The client that we did not write hears the same from the real server."""
    key = f"{server.server}/{server.situation}"
    assert reproduced[key, probe] == REPRODUCED[key, probe]


def test_nothing_else_is_reproduced(reproduced: Told) -> None:
    """No closed server gets a second proof."""
    assert set(reproduced) <= set(REPRODUCED)


@pytest.mark.usefixtures("reproduced")
def test_status_tells_what_waits(operation: Operation) -> None:
    """Nothing, once everything is reproduced and nothing else was asked for."""
    status = json.loads(operation.survey("status", f"{CAMPAIGN}.toml", "--run", RUN, "--json"))
    assert status["followups"]["rounds"] >= 1
    assert status["followups"]["unfinished"] is None
    assert status["followups"]["due"] == 0


@pytest.mark.usefixtures("reproduced")
def test_one_address_can_be_tested_again_now(
    servers: dict[str, Daemon], operation: Operation
) -> None:
    """By name of its address; explain tells what was sent."""
    if "microsocks/open" not in servers:
        pytest.skip("microsocks is not installed")
    server = servers["microsocks/open"]
    target = f"{server.ip}:{server.port}/socks5"
    (summary,) = json.loads(operation.survey("retest", target, "--run", RUN, "--serial", "--json"))
    assert (summary["visits"], summary["sent"]) == ({"wish": 1}, 1)
    (told,) = json.loads(operation.survey("explain", server.ip, "--run", RUN, "--json"))
    reasons = [one["visit"]["reason"] for one in told["revisits"]]
    assert reasons[-1] == "wish"
