"""Every probe is there, and none that could still succeed is saved."""

import pytest

from survey.model.observation import Protocol
from survey.model.probe import Probe
from survey.probes.registry import PROBES, worth_trying

PROXIES = [probe for probe in Probe if not probe.is_relay]
HTTP = [probe for probe in Probe if probe.is_http]
SOCKS = [Probe.SOCKS4, Probe.SOCKS4A, Probe.SOCKS5]


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
    assert all(worth_trying(probe, Protocol.HTTP) for probe in HTTP)
    assert not any(worth_trying(probe, Protocol.HTTP) for probe in (*SOCKS, Probe.TELNET))


@pytest.mark.parametrize("seen", [Protocol.SOCKS4, Protocol.SOCKS5])
def test_a_socks_answer_saves_no_socks_probe_nor_the_first_of_http(seen: Protocol) -> None:
    """One port may serve both versions, and HTTP by the first byte; but not GET alone."""
    assert all(worth_trying(probe, seen) for probe in (*SOCKS, Probe.HTTP_CONNECT))
    others = (Probe.HTTP_GET, Probe.HTTP_POST, Probe.TELNET)
    assert not any(worth_trying(probe, seen) for probe in others)


def test_telnet_options_save_everything_but_telnet() -> None:
    """A gateway waits for an answer to its prompt."""
    assert worth_trying(Probe.TELNET, Protocol.TELNET)
    assert not any(worth_trying(probe, Protocol.TELNET) for probe in (*HTTP, *SOCKS))


@pytest.mark.parametrize("seen", [Protocol.SSH, Protocol.FTP, Protocol.SMTP, Protocol.TLS])
@pytest.mark.parametrize("probe", PROXIES)
def test_servers_that_greet_are_no_proxies(probe: Probe, seen: Protocol) -> None:
    """They greet whatever they are told."""
    assert not worth_trying(probe, seen)


def test_only_a_mail_server_relays_mail() -> None:
    """Another protocol is not asked in SMTP."""
    assert worth_trying(Probe.SMTP_RELAY, Protocol.SMTP)
    assert not worth_trying(Probe.SMTP_RELAY, Protocol.HTTP)
