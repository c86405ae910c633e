"""How often each machine and each personality occurs in the lab.

The counts are invented, but their order is that of the real internet: most mail servers are
closed, most web ports are web servers, and what answers strangely is rare and various.
"""

from survey.lab.draws import Draws
from survey.lab.geography import Trade
from survey.lab.personality import CLOSED, Personality, Role, openness

_P = Personality

SERVICES: dict[Trade, tuple[tuple[tuple[Role, ...], float], ...]] = {
    Trade.BROADBAND: (
        ((Role.HTTP,), 4),
        ((Role.SOCKS,), 4),
        ((Role.HTTP, Role.SOCKS), 1),
        ((Role.TELNET,), 2.5),
    ),
    Trade.MOBILE: (((Role.HTTP,), 5), ((Role.SOCKS,), 3)),
    Trade.HOSTING: (
        ((Role.SMTP,), 6),
        ((Role.HTTP,), 4),
        ((Role.SOCKS,), 2),
        ((Role.SMTP, Role.HTTP), 3),
        ((Role.HTTP, Role.SOCKS), 1),
        ((Role.SMTP, Role.HTTP, Role.SOCKS), 0.5),
        ((Role.HTTP, Role.HTTPS), 1),
    ),
    Trade.UNIVERSITY: (((Role.SMTP,), 5), ((Role.HTTP,), 4), ((Role.SOCKS,), 1)),
    Trade.BUSINESS: (
        ((Role.SMTP,), 6),
        ((Role.SMTP, Role.SMTPS), 1),
        ((Role.HTTP,), 3),
        ((Role.SMTP, Role.HTTP), 1),
        ((Role.HTTPS,), 0.6),
    ),
    Trade.GOVERNMENT: (((Role.SMTP,), 5), ((Role.HTTP,), 3)),
}
"""What an answering machine in each kind of network offers, with weights."""

_ANYWHERE: tuple[tuple[Personality, float], ...] = (
    (_P.SILENT, 3),
    (_P.MUTE, 0.8),
    (_P.CLOSES, 1.2),
    (_P.RESETS, 1.2),
    (_P.HALF_CLOSES, 0.6),
    (_P.DRIP, 0.5),
    (_P.FLOOD, 0.5),
    (_P.GARBAGE, 0.8),
    (_P.ECHO, 0.8),
    (_P.SSH, 1),
    (_P.FTP, 1),
)

MIXTURE: dict[Role, tuple[tuple[Personality, float], ...]] = {
    Role.SMTP: (
        (_P.RELAY_DEFERRED, 26),
        (_P.RELAY_REJECTED, 24),
        (_P.AUTH_REQUIRED, 4),
        (_P.STARTTLS_REQUIRED, 3),
        (_P.BLOCKS_US, 3),
        (_P.BUSY, 2),
        (_P.GREYLIST, 3),
        (_P.MESSAGE_REJECTED, 2),
        (_P.SINK, 2.5),
        (_P.HONEYPOT, 0.5),
        (_P.BOUNCER, 2),
        (_P.CALLOUT, 2),
        (_P.OPEN_RELAY, 9),
        (_P.OPEN_RELAY_WORDY, 2),
        (_P.OPEN_RELAY_LATE, 2),
        (_P.OPEN_TO_OWN_NAME, 4),
        (_P.OPEN_TO_NULL_SENDER, 2),
        (_P.OPEN_TO_LOCALHOST, 0.5),
        (_P.OPEN_TO_BARE_SENDER, 1),
        (_P.OPEN_TO_OTHER_DOMAIN, 0.5),
        (_P.OPEN_IMPATIENT, 1),
        (_P.OPEN_AFTER_STARTTLS, 1),
        (_P.OPEN_READS_ON, 0.5),
        (_P.REJECTED_AFTER_STARTTLS, 2),
        (_P.REFUSES_ALL, 1.5),
        (_P.CATCH_ALL, 2),
        (_P.DATA_REJECTED, 1),
        *_ANYWHERE,
    ),
    Role.SMTPS: ((_P.TLS_RELAY_REJECTED, 5), (_P.TLS_OPEN_RELAY, 1), (_P.TLS_WEB, 0.5)),
    Role.HTTP: (
        (_P.WEB_BAD_REQUEST, 22),
        (_P.WEB_NOT_ALLOWED, 14),
        (_P.CONNECT_FORBIDDEN, 12),
        (_P.CONNECT_AUTH, 9),
        (_P.CONNECT_UNREACHABLE, 2),
        (_P.WEB_ALWAYS_200, 6),
        (_P.WEB_PORTAL, 3),
        (_P.WEB_PORTAL_200, 1.5),
        (_P.CONNECT_FAKE, 1.5),
        (_P.CONNECT_OPEN, 8),
        (_P.CONNECT_GLUED, 3),
        (_P.CONNECT_SPLIT, 2),
        (_P.CONNECT_SLOW, 2),
        (_P.CONNECT_OTHER_EXIT, 3),
        (_P.CONNECT_NO_MAIL, 3),
        (_P.MIXED_PROXY, 1),
        (_P.FORWARD_OPEN, 3),
        (_P.FORWARD_NAMED, 4),
        (_P.FORWARD_BARE, 1),
        (_P.FORWARD_WEB, 3),
        (_P.FORWARD_POST, 1),
        (_P.FORWARD_OTHER_EXIT, 1),
        (_P.WEB_CACHE, 2),
        (_P.WEB_QUOTES, 2),
        *_ANYWHERE,
    ),
    Role.SOCKS: (
        (_P.SOCKS_AUTH, 22),
        (_P.SOCKS_DENIED, 11),
        (_P.SOCKS_FAILS, 6),
        (_P.SOCKS_GRANTS_SILENCE, 2),
        (_P.SOCKS_GRANTS_CLOSE, 3),
        (_P.SOCKS_FAKE, 1.5),
        (_P.WEB_BAD_REQUEST, 6),
        (_P.SOCKS_OPEN, 8),
        (_P.SOCKS5_ONLY, 7),
        (_P.SOCKS4_ONLY, 2),
        (_P.SOCKS4A_ONLY, 2),
        (_P.SOCKS_SPLIT, 1.5),
        (_P.SOCKS_NAMED, 1.5),
        (_P.SOCKS_OTHER_EXIT, 3),
        (_P.SOCKS_NO_MAIL, 3),
        (_P.MIXED_PROXY, 1.5),
        *_ANYWHERE,
    ),
    Role.HTTPS: (
        (_P.TLS_WEB, 12),
        (_P.TLS_FORBIDDEN, 4),
        (_P.TLS_CONNECT_OPEN, 3),
        (_P.TLS_FORWARD_OPEN, 3),
        (_P.WEB_BAD_REQUEST, 2),
        *_ANYWHERE,
    ),
    Role.TELNET: (
        (_P.TELNET_LOGIN, 14),
        (_P.TELNET_WINGATE, 5),
        (_P.TELNET_CCPROXY, 4),
        (_P.TELNET_HOST_PORT, 4),
        (_P.TELNET_CISCO, 4),
        (_P.TELNET_FAKE, 4),
        *_ANYWHERE,
    ),
}
"""What stands behind a port, with weights for a network of average neglect."""


def draw_personality(draws: Draws, role: Role, neglect: float, ip: int, port: int) -> Personality:
    """What stands behind one door; neglect multiplies the weight of whatever is open."""
    weights = [
        (one, weight if openness(one) is CLOSED else weight * neglect)
        for one, weight in MIXTURE[role]
    ]
    return draws.weigh(weights, "personality", ip, port)


def draw_services(draws: Draws, trade: Trade, ip: int) -> tuple[Role, ...]:
    """What one answering machine offers."""
    return draws.weigh(SERVICES[trade], "services", ip)
