"""The survey, run over the real servers by the ordinary path, says of each what is true of it."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest
from daemons import Daemon

import survey
from survey.cluster.serial import SerialExecutor
from survey.flows.judge import judge
from survey.flows.plan import plan_run
from survey.flows.scan import scan
from survey.settings import Settings, read_settings
from survey.targets.plan import plan_hash

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
def findings(servers: dict[str, Daemon], home: Path) -> dict[tuple[str, str], Finding]:
    """The findings of one scan over all of them, by server and probe."""
    settings = read_settings(str(home / "data"), str(home / "keys"), str(home))
    plan = plan_run(home / "campaign.toml", settings).plan
    scan(plan, plan_hash(plan), settings, SerialExecutor(), lambda _: None)
    deadline = time.monotonic() + PATIENCE
    while True:
        judge(settings, plan.campaign, plan.run)
        found = read_findings(settings, {server.ip: key for key, server in servers.items()})
        # A mail server takes the message first and delivers it a little later.
        late = [one for one in found.values() if one.rule == "relay.message_taken"]
        if not late or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def read_findings(settings: Settings, keys: dict[str, str]) -> dict[tuple[str, str], Finding]:
    """All findings in the data directory, as a notebook reads them."""
    columns = "ip_text(ip), probe, port, verdict, rung, rule, peer_text(exit_ip)"
    with survey.open(settings.data) as opened:
        rows = opened.sql(f"SELECT {columns} FROM findings").fetchall()  # noqa: S608 - our own
    return {(keys[ip], probe): Finding(*rest) for ip, probe, *rest in rows}


@pytest.mark.parametrize(
    ("server", "probe"), TRUTH, ids=[" ".join(key) for key in TRUTH], indirect=["server"]
)
def test_verdict_is_true(
    server: Daemon, probe: str, findings: dict[tuple[str, str], Finding]
) -> None:
    """Verdict, rung and rule are those of the situation; an open one's exit address is recorded."""
    key = f"{server.server}/{server.situation}"
    verdict, rung, rule = TRUTH[key, probe]

    exit_ip = server.exit_ip if verdict == "open" else None

    expected = Finding(server.port, verdict, rung, rule, exit_ip)

    assert expected == findings[key, probe]


def test_nothing_else_is_found(
    servers: dict[str, Daemon], findings: dict[tuple[str, str], Finding]
) -> None:
    """Of 1,280 addresses only the servers that we started have a finding."""
    assert {key for key, _ in findings} == set(servers)
