"""The pages of the probes say what the code does: every rule, and what a connection may cost."""

import re
from pathlib import Path

import pytest

from survey.analysis.rules import RELAY_RULES, TUNNEL_RULES
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.probes import (
    http_connect,
    http_get,
    http_post,
    smtp_relay,
    socks4,
    socks4a,
    socks5,
    telnet,
)

PAGES = Path(__file__).resolve().parents[2] / "docs" / "probes"
PACKETS = {
    Probe.HTTP_CONNECT: http_connect.PACKETS,
    Probe.HTTP_GET: http_get.PACKETS,
    Probe.HTTP_POST: http_post.PACKETS,
    Probe.SOCKS4: socks4.PACKETS,
    Probe.SOCKS4A: socks4a.PACKETS,
    Probe.SOCKS5: socks5.PACKETS,
    Probe.TELNET: telnet.PACKETS,
}
ECHO_ONLY = {Probe.HTTP_GET}


def page(probe: Probe) -> str:
    """What is published about a probe."""
    return (PAGES / f"{probe.value}.md").read_text(encoding="utf-8")


def named(probe: Probe) -> set[str]:
    """The rules on its page."""
    return set(re.findall(r"`((?:relay|tunnel)\.\w+)`", page(probe)))


def test_every_rule_of_the_relay_test_is_on_its_page() -> None:
    """And no other."""
    assert named(Probe.SMTP_RELAY) == {rule.id for rule in RELAY_RULES}


def test_every_rule_of_the_proxy_tests_is_on_some_page() -> None:
    """And no page names one that is not."""
    pages = [named(probe) for probe in PACKETS]
    assert set().union(*pages) == {rule.id for rule in TUNNEL_RULES}


@pytest.mark.parametrize("probe", PACKETS)
def test_what_opens_a_proxy_is_on_its_page(probe: Probe) -> None:
    """R5 to R7, but what needs our mail server only where that is asked for."""
    proofs = {rule.id for rule in TUNNEL_RULES if rule.rung >= Rung.R5}
    mail = {rule for rule in proofs if ".mail_" in rule}
    assert named(probe) & proofs == (proofs - mail if probe in ECHO_ONLY else proofs)


@pytest.mark.parametrize("probe", PACKETS)
def test_what_a_connection_may_cost_is_on_its_page(probe: Probe) -> None:
    """As it is charged; what it was measured to cost is counted in ``test_packets.py``."""
    assert re.search(rf"connections?, {PACKETS[probe]} packets of\s+ours", page(probe))


def test_what_a_relay_test_may_cost_is_on_its_page() -> None:
    """Connections and packets paid, of a closed server and of an open one."""
    text = page(Probe.SMTP_RELAY)
    for depth, connections, forms in (("standard", 2, (4, 4)), ("full", 4, (4, 8, 8, 6))):
        paid = sum(smtp_relay.packets(many) for many in forms)
        assert re.search(rf"\| closed, {depth} \| {connections} \| \d+ \| {paid} \|", text)
    assert re.search(rf"\| open \(first form\) \| 1 \| \d+ \| {smtp_relay.packets(4)} \|", text)
    assert re.search(rf"with C2 \| 1 \| \d+ \| {smtp_relay.packets(2)} \|", text)
