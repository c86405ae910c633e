"""The survey, run over the real servers as a person runs it, says of each what is true of it."""

import time
from typing import NamedTuple

import pytest
from daemons import Daemon
from everyday import CAMPAIGN
from operation import Operation

pytestmark = pytest.mark.servers

PATIENCE = 30.0
"""Seconds that the mail servers may take to pass our messages on."""


class Finding(NamedTuple):
    """What a finding says of a target."""

    port: int
    verdict: str
    rung: int
    rule: str
    exit_ip: str | None


# What is true: the verdict, how far up the ladder (R6: able to send mail, R5: a tunnel but not to
# the mail port), and the rule that must say so.
TRUTH = {
    ("postfix/open", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("postfix/closed", "smtp_relay"): ("closed", 2, "relay.denied_softly"),
    ("postfix/own_name", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("postfix/starttls", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("postfix/starttls_closed", "smtp_relay"): ("closed", 2, "relay.denied_softly"),
    ("postfix/smtps", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("exim/percent", "smtp_relay"): ("open", 6, "relay.message_arrived"),
    ("squid/open", "http_connect"): ("open", 6, "tunnel.mail_proven"),
    ("squid/denied", "http_connect"): ("closed", 2, "tunnel.denied"),
    ("squid/login", "http_connect"): ("closed", 2, "tunnel.auth_required"),
    ("tinyproxy/open", "http_connect"): ("open", 6, "tunnel.mail_proven"),
    ("tinyproxy/no_mail", "http_connect"): ("open", 5, "tunnel.proven"),
    ("tinyproxy/denied", "http_connect"): ("closed", 2, "tunnel.denied"),
    ("dante/open", "socks5"): ("open", 6, "tunnel.mail_proven"),
    ("dante/open", "socks4"): ("open", 6, "tunnel.mail_proven"),
    # dante has no SOCKS4a: it takes the marker 0.0.0.1 for the address and can't reach it
    ("dante/open", "socks4a"): ("closed", 2, "tunnel.rejected"),
    ("dante/no_mail", "socks5"): ("open", 5, "tunnel.proven"),
    ("dante/no_mail", "socks4"): ("open", 5, "tunnel.proven"),
    ("dante/login", "socks5"): ("closed", 2, "tunnel.auth_required"),
    ("dante/login", "socks4"): ("closed", 2, "tunnel.rejected"),
    ("microsocks/open", "socks5"): ("open", 6, "tunnel.mail_proven"),
    ("microsocks/open", "socks4"): ("closed", 1, "tunnel.other_protocol"),
}


Findings = dict[tuple[str, str], Finding]


@pytest.fixture(scope="module")
def findings(servers: dict[str, Daemon], operation: Operation) -> Findings:
    """What one scan over all of them found, by server and probe."""
    return surveyed(servers, operation, "cluster", "--workers", "2")


def surveyed(servers: dict[str, Daemon], operation: Operation, run: str, *how: str) -> Findings:
    """Scan and judge as a person does; wait for mail that is still on its way."""
    keys = {server.ip: key for key, server in servers.items()}
    operation.survey("scan", f"{CAMPAIGN}.toml", "--run", run, *how)
    deadline = time.monotonic() + PATIENCE
    while True:
        found = {
            (keys[row["ip"]], row["probe"]): Finding(*(row[name] for name in Finding._fields))
            for row in operation.findings(CAMPAIGN, run)
        }
        # A mail server takes the message first and delivers it a little later.
        late = [one for one in found.values() if one.rule == "relay.message_taken"]
        if not late or time.monotonic() > deadline:
            return found


@pytest.mark.parametrize(
    ("server", "probe"), TRUTH, ids=[" ".join(key) for key in TRUTH], indirect=["server"]
)
def test_verdict_is_true(server: Daemon, probe: str, findings: Findings) -> None:
    """Verdict, rung and rule are those of the situation; an open one's exit address is recorded."""
    key = f"{server.server}/{server.situation}"
    verdict, rung, rule = TRUTH[key, probe]

    exit_ip = server.exit_ip if verdict == "open" else None

    expected = Finding(server.port, verdict, rung, rule, exit_ip)

    assert expected == findings[key, probe]


def test_nothing_else_is_found(servers: dict[str, Daemon], findings: Findings) -> None:
    """Of 1,536 addresses only the servers that we started have a finding."""
    assert {key for key, _ in findings} == set(servers)


def test_one_process_says_the_same_as_a_cluster(
    servers: dict[str, Daemon], operation: Operation, findings: Findings
) -> None:
    """Who carries the shards out makes no difference to what is said of a server."""
    assert findings == surveyed(servers, operation, "serial", "--serial")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_survey_says_the_same_every_time(
    servers: dict[str, Daemon], operation: Operation, findings: Findings
) -> None:
    """Real servers split, join and delay their answers as they like; no verdict may hang on it."""
    for number in range(10):
        assert findings == surveyed(servers, operation, f"again-{number}", "--serial")


# What each program lets on by itself or by its ways; None: nothing that would tell it.
SOFTWARE = {
    "postfix/open": "postfix",
    "postfix/closed": "postfix",
    "postfix/own_name": "postfix",
    "postfix/starttls": "postfix",
    "postfix/starttls_closed": "postfix",
    "postfix/smtps": "postfix",
    "exim/percent": "exim",
    # a tunnel that squid grants has not a word of squid's in it
    "squid/open": None,
    "squid/denied": "squid",
    "squid/login": "squid",
    "tinyproxy/open": "tinyproxy",
    "tinyproxy/no_mail": "tinyproxy",
    "tinyproxy/denied": "tinyproxy",
    "dante/open": "dante",
    "dante/no_mail": "dante",
    "dante/login": None,
    "microsocks/open": "microsocks",
}


@pytest.mark.usefixtures("findings")
def test_software_is_told_as_it_is(servers: dict[str, Daemon], operation: Operation) -> None:
    """By what the real programs say, or left open; never taken for another."""
    keys = {server.ip: key for key, server in servers.items()}
    told = {keys[row["ip"]]: row["software"] for row in operation.findings(CAMPAIGN, "cluster")}

    assert told == {key: SOFTWARE[key] for key in told}
