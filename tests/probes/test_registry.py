"""Every probe is there, and none that could still succeed is saved."""

import pytest

from survey.model.observation import Protocol
from survey.model.probe import Probe
from survey.probes.registry import PROBES, worth_trying

PROXIES = [probe for probe in Probe if not probe.is_relay]
SOCKS = [probe for probe in PROXIES if probe is not Probe.HTTP_CONNECT]


def test_every_probe_is_registered_with_its_cost() -> None:
    """The closed list."""
    assert PROBES.keys() == set(Probe)
    assert all(spec.packets > 0 for spec in PROBES.values())


@pytest.mark.parametrize("probe", Probe)
def test_nothing_is_saved_before_anything_is_known(probe: Probe) -> None:
    """An unknown port is tested."""
    assert worth_trying(probe, None)


def test_an_http_answer_saves_socks_but_not_http() -> None:
    """A web server answers any bytes in HTTP."""
    assert worth_trying(Probe.HTTP_CONNECT, Protocol.HTTP)
    assert not any(worth_trying(probe, Protocol.HTTP) for probe in SOCKS)


@pytest.mark.parametrize("seen", [Protocol.SOCKS4, Protocol.SOCKS5])
@pytest.mark.parametrize("probe", PROXIES)
def test_a_socks_answer_saves_no_proxy_probe(probe: Probe, seen: Protocol) -> None:
    """One port may serve both versions, and HTTP by the first byte."""
    assert worth_trying(probe, seen)


@pytest.mark.parametrize("seen", [Protocol.SSH, Protocol.FTP, Protocol.SMTP, Protocol.TLS])
@pytest.mark.parametrize("probe", PROXIES)
def test_servers_that_greet_are_no_proxies(probe: Probe, seen: Protocol) -> None:
    """They greet whatever they are told."""
    assert not worth_trying(probe, seen)


def test_only_a_mail_server_relays_mail() -> None:
    """Another protocol is not asked in SMTP."""
    assert worth_trying(Probe.SMTP_RELAY, Protocol.SMTP)
    assert not worth_trying(Probe.SMTP_RELAY, Protocol.HTTP)
