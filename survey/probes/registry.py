"""All probes, by name; what one costs; and which can be saved after another has answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from survey.model.observation import Observation, Protocol
from survey.model.probe import Probe
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
from survey.probes.context import Context
from survey.probes.tunnel import CONNECTIONS, TLS_PACKETS


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe.

    Attributes:
        run: Tests one target (address, port) and returns its observations.  Never raises for what
            the network did; raises GateClosedError if nothing may be sent, LocalError if this
            machine can't.
        packets: What one whole test of one target costs at most, packets that we send.  The dialer
            charges each connection its share before it is opened.
    """

    run: Callable[[int, int, Context], Awaitable[tuple[Observation, ...]]]
    packets: int


def _inside_tls(packets: int, connections: int) -> int:
    """What a test costs where each connection begins with a handshake."""
    return (packets + TLS_PACKETS) * connections


PROBES: dict[Probe, ProbeSpec] = {
    Probe.SMTP_RELAY: ProbeSpec(smtp_relay.run, smtp_relay.MOST_PACKETS),
    Probe.HTTP_CONNECT: ProbeSpec(http_connect.run, _inside_tls(http_connect.PACKETS, CONNECTIONS)),
    Probe.HTTP_GET: ProbeSpec(http_get.run, _inside_tls(http_get.PACKETS, len(http_get.VARIANTS))),
    Probe.HTTP_POST: ProbeSpec(http_post.run, _inside_tls(http_post.PACKETS, CONNECTIONS)),
    Probe.SOCKS4: ProbeSpec(socks4.run, socks4.PACKETS * CONNECTIONS),
    Probe.SOCKS4A: ProbeSpec(socks4a.run, socks4a.PACKETS * CONNECTIONS),
    Probe.SOCKS5: ProbeSpec(socks5.run, socks5.PACKETS * CONNECTIONS),
    Probe.TELNET: ProbeSpec(telnet.run, telnet.PACKETS * CONNECTIONS),
}

# Servers of these greet, or refuse plain bytes, whatever they are told.
_SETTLED = frozenset({Protocol.SMTP, Protocol.FTP, Protocol.SSH, Protocol.TLS, Protocol.TELNET})
_SOCKS = frozenset({Protocol.SOCKS4, Protocol.SOCKS5})
_OTHER_HTTP = frozenset({Probe.HTTP_GET, Probe.HTTP_POST})


def worth_trying(probe: Probe, seen: Protocol | None) -> bool:
    """Whether a probe can still succeed on a port that answered another probe in ``seen``.

    ``seen`` is the protocol of an observation that ended as WRONG_PROTOCOL.  In doubt yes: one port
    may serve HTTP and SOCKS by the first byte, and a SOCKS5 server may serve SOCKS4 as well; but a
    port that answers one HTTP request in SOCKS does not serve another.
    """
    if seen is None:
        return True
    if probe is Probe.SMTP_RELAY:
        return seen is Protocol.SMTP
    if probe is Probe.TELNET:
        return seen is Protocol.TELNET
    if seen is Protocol.HTTP:
        return probe.is_http
    if seen in _SOCKS:
        return probe not in _OTHER_HTTP
    return seen not in _SETTLED
