"""The survey, run over the real servers as a person runs it, says of each what is true of it."""

import json
import time

import pytest
from daemons import Daemon, Survey

pytestmark = pytest.mark.servers

PATIENCE = 30.0
"""Seconds that the mail servers may take to pass our messages on."""

# What is true: the verdict, how far up the ladder (R6: able to send mail, R5: a tunnel but not to
# the mail port), and the rule that must say so.
TRUTH = {
    ("postfix/open", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("postfix/closed", "smtp_relay"): ("closed", 2, "relay.denied_softly"),
    ("postfix/own_name", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("squid/open", "http_connect"): ("open", 6, "tunnel.mail_proven"),
    ("squid/denied", "http_connect"): ("closed", 2, "tunnel.denied"),
    ("squid/login", "http_connect"): ("closed", 2, "tunnel.auth_required"),
    ("tinyproxy/open", "http_connect"): ("open", 6, "tunnel.mail_proven"),
    ("tinyproxy/no_mail", "http_connect"): ("open", 5, "tunnel.proven"),
    ("tinyproxy/denied", "http_connect"): ("closed", 2, "tunnel.denied"),
    ("dante/open", "socks5"): ("open", 6, "tunnel.mail_proven"),
    ("dante/open", "socks4"): ("open", 6, "tunnel.mail_proven"),
    # dante has no SOCKS4a: it takes the marker 0.0.0.1 for the address and can't reach it
    ("dante/open", "socks4a"): ("closed", 2, "tunnel.denied"),
    ("dante/no_mail", "socks5"): ("open", 5, "tunnel.proven"),
    ("dante/no_mail", "socks4"): ("open", 5, "tunnel.proven"),
    ("dante/login", "socks5"): ("closed", 2, "tunnel.auth_required"),
    ("dante/login", "socks4"): ("closed", 2, "tunnel.denied"),
    ("microsocks/open", "socks5"): ("open", 6, "tunnel.mail_proven"),
    ("microsocks/open", "socks4"): ("closed", 1, "tunnel.other_protocol"),
}


@pytest.fixture(scope="module")
def findings(
    servers: dict[str, Daemon], survey: Survey
) -> dict[tuple[str, str], dict[str, object]]:
    """The findings of one scan over all of them, by server and probe."""
    survey("scan", "campaign.toml", "--serial")
    relays = [key for key in ("postfix/open", "postfix/own_name") if key in servers]
    keys = {server.ip: key for key, server in servers.items()}
    deadline = time.monotonic() + PATIENCE
    while True:
        found = {
            (keys[row["ip"]], row["probe"]): row
            for row in json.loads(survey("findings", "campaign.toml", "--json"))
        }
        # A mail server takes the message first and delivers it a little later.
        arrived = [found[key, "smtp_relay"]["verdict"] == "open" for key in relays]
        if all(arrived) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("server", "probe"), TRUTH, ids=[" ".join(key) for key in TRUTH], indirect=["server"]
)
def test_verdict_is_true(
    server: Daemon, probe: str, findings: dict[tuple[str, str], dict[str, object]]
) -> None:
    """Verdict, rung and rule are those of the situation; an open one's exit address is recorded."""
    key = f"{server.server}/{server.situation}"
    verdict, rung, rule = TRUTH[key, probe]

    finding = findings[key, probe]

    assert (verdict, rung, rule) == (finding["verdict"], finding["rung"], finding["rule"])
    assert (server.exit_ip if verdict == "open" else None) == finding["exit_ip"]
    assert server.port == finding["port"]


def test_nothing_else_is_found(
    servers: dict[str, Daemon], findings: dict[tuple[str, str], dict[str, object]]
) -> None:
    """Of 1,280 addresses only the servers that we started have a finding."""
    assert {key for key, _ in findings} == set(servers)
