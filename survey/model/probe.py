"""The closed list of probes: one protocol test of one target each."""

from enum import StrEnum


class Probe(StrEnum):
    """Name of a probe, the same in campaign files, tables, the CLI and docs."""

    SMTP_RELAY = "smtp_relay"
    HTTP_CONNECT = "http_connect"
    HTTP_GET = "http_get"
    HTTP_POST = "http_post"
    SOCKS4 = "socks4"
    SOCKS4A = "socks4a"
    SOCKS5 = "socks5"
    TELNET = "telnet"

    @property
    def is_relay(self) -> bool:
        """Whether it proves a mail relay; the others prove a tunnel (proxy)."""
        return self is Probe.SMTP_RELAY

    @property
    def is_http(self) -> bool:
        """Whether it speaks HTTP to a proxy."""
        return self in {Probe.HTTP_CONNECT, Probe.HTTP_GET, Probe.HTTP_POST}


# What a token carries instead of the name.  Published: never reused, never renumbered.
PROBE_CODES: dict[Probe, int] = {
    Probe.SMTP_RELAY: 1,
    Probe.HTTP_CONNECT: 2,
    Probe.SOCKS4: 3,
    Probe.SOCKS4A: 4,
    Probe.SOCKS5: 5,
    Probe.HTTP_GET: 6,
    Probe.HTTP_POST: 7,
    Probe.TELNET: 8,
}
