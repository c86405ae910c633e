"""Truth is what really happens: each personality, tried with everything that a survey may try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from survey.lab.personality import Personality, openness
from survey.lab.repertoire import BEHAVIOURS
from survey.model.probe import Probe

if TYPE_CHECKING:
    from tests.lab.conftest import FarEnd, Mail, Street, Tunnel

# Who waits for a word that a tunnel's client does not say, or says nothing, would hold a test up:
# that nothing can come of it is shown in test_oddities.
SILENT = {
    Personality.SILENT,
    Personality.MUTE,
    Personality.DRIP,
    Personality.FLOOD,
    Personality.WEB_PORTAL_200,
    Personality.SOCKS_GRANTS_SILENCE,
}
PROXIES = ("connect", "forward", "socks", "web", "tls", "mixed", "echo")
# A GET goes to the port that waits for the client; telnet has a test of its own.
OWN_WAY = {Probe.SMTP_RELAY, Probe.HTTP_GET, Probe.TELNET}
TALKATIVE = [one for one in Personality if one not in SILENT]
OF_MORE_WORDS = {
    Personality.OPEN_AFTER_STARTTLS,
    Personality.OPEN_READS_ON,
    Personality.TLS_OPEN_RELAY,
}
"""These take more than a plain envelope; see test_relay_depth."""
OPEN_RELAYS = {one for one in TALKATIVE if Probe.SMTP_RELAY in openness(one).probes}
SMTP = [
    *sorted(OPEN_RELAYS - OF_MORE_WORDS),
    Personality.RELAY_DEFERRED,
    Personality.RELAY_REJECTED,
    Personality.REFUSES_ALL,
    Personality.CATCH_ALL,
    Personality.DATA_REJECTED,
    Personality.MESSAGE_REJECTED,
    Personality.SINK,
    Personality.BOUNCER,
    Personality.CALLOUT,
    Personality.GREYLIST,
    Personality.STARTTLS_REQUIRED,
    Personality.REJECTED_AFTER_STARTTLS,
    Personality.AUTH_REQUIRED,
    Personality.BLOCKS_US,
    Personality.BUSY,
]


def test_every_personality_but_the_silent_one_behaves() -> None:
    """A silent door has no conversation."""
    assert set(BEHAVIOURS) == set(Personality) - {Personality.SILENT}


@pytest.mark.parametrize("personality", SMTP)
async def test_a_relay_is_open_if_a_message_reaches_the_far_end(
    personality: Personality, street: Street, far_end: FarEnd, mail: Mail
) -> None:
    """By one of these senders, to a plain recipient."""
    name = street.machines[personality].name

    for sender in ("s@canary.example", f"s@{name}", "", "s@canary.test", "s@localhost", "s"):
        await mail(personality, sender)

    if openness(personality).probes:
        assert (await far_end.message()).recipients == ("r@canary.example",)
    else:
        for message in far_end.messages:  # a bounce is no relayed message
            assert message.recipients != ("r@canary.example",)


@pytest.mark.parametrize(
    ("probe", "port"),
    [
        *((probe, port) for probe in Probe if probe not in OWN_WAY for port in ("echo", "smtp")),
        (Probe.HTTP_GET, "web"),
    ],
)
@pytest.mark.parametrize("personality", [one for one in TALKATIVE if one.startswith(PROXIES)])
async def test_a_proxy_is_open_if_the_far_ends_own_nonce_comes_back(
    personality: Personality, probe: Probe, port: str, far_end: FarEnd, tunnel: Tunnel
) -> None:
    """By exactly the probes that the truth names, and to the mail port if it says so."""
    to = getattr(far_end.canary, port)

    nonce = await tunnel(personality, probe, to)

    what = openness(personality)
    really = nonce in {one for _, one in far_end.tunnels}
    assert really == (probe in what.probes and (port != "smtp" or what.mail))


@pytest.mark.parametrize("port", ["echo", "smtp"])
@pytest.mark.parametrize("personality", [one for one in Personality if one.startswith("telnet")])
async def test_a_gateway_is_open_if_the_far_ends_own_nonce_comes_back(
    personality: Personality, port: str, far_end: FarEnd, tunnel: Tunnel
) -> None:
    """By its prompt; others would wait for a prompt in vain."""
    nonce = await tunnel(personality, Probe.TELNET, getattr(far_end.canary, port))

    what = openness(personality)
    really = nonce in {one for _, one in far_end.tunnels}
    assert really == (Probe.TELNET in what.probes and (port == "echo" or what.mail))
