"""What the machines of the lab say they are, in banners of their own."""

from enum import StrEnum

from survey.lab.personality import Personality, Role, openness
from survey.model.probe import Probe


class Software(StrEnum):
    """A well-known server program."""

    POSTFIX = "postfix"
    EXIM = "exim"
    SENDMAIL = "sendmail"
    EXCHANGE = "exchange"
    OPENSMTPD = "opensmtpd"
    SQUID = "squid"
    TINYPROXY = "tinyproxy"
    MIKROTIK = "mikrotik"
    APACHE = "apache"
    NGINX = "nginx"
    MICROSOCKS = "microsocks"
    GOST = "gost"
    OPENSSH = "openssh"
    VSFTPD = "vsftpd"
    WINGATE = "wingate"
    CCPROXY = "ccproxy"


SOFTWARE: dict[Role, tuple[tuple[Software, float], ...]] = {
    Role.SMTP: (
        (Software.POSTFIX, 10),
        (Software.EXIM, 8),
        (Software.EXCHANGE, 5),
        (Software.SENDMAIL, 3),
        (Software.OPENSMTPD, 1),
    ),
    Role.HTTP: (
        (Software.SQUID, 8),
        (Software.MIKROTIK, 5),
        (Software.NGINX, 5),
        (Software.APACHE, 4),
        (Software.TINYPROXY, 3),
    ),
    Role.SOCKS: (),
    Role.HTTPS: ((Software.APACHE, 1), (Software.NGINX, 1)),
    Role.SMTPS: ((Software.POSTFIX, 2), (Software.EXIM, 1)),
    Role.TELNET: (),
}
"""What runs behind a port of each role, with weights; SOCKS servers don't say what they are."""

OWN_SOFTWARE: dict[Personality, Software] = {
    Personality.SOCKS5_ONLY: Software.MICROSOCKS,
    Personality.MIXED_PROXY: Software.GOST,
    Personality.WEB_BAD_REQUEST: Software.NGINX,
    Personality.SSH: Software.OPENSSH,
    Personality.FTP: Software.VSFTPD,
    Personality.TELNET_WINGATE: Software.WINGATE,
    Personality.TELNET_FAKE: Software.WINGATE,
    Personality.TELNET_CCPROXY: Software.CCPROXY,
}
"""Personalities that only one program has."""

SAYS_NOTHING = frozenset(
    {
        Personality.BLOCKS_US,
        Personality.BUSY,
        Personality.CONNECT_FAKE,
        Personality.SILENT,
        Personality.MUTE,
        Personality.CLOSES,
        Personality.RESETS,
        Personality.HALF_CLOSES,
        Personality.DRIP,
        Personality.FLOOD,
        Personality.GARBAGE,
        Personality.ECHO,
    }
)
"""Personalities that never let on what they run."""

MAIL_BANNER: dict[Software | None, bytes] = {
    Software.POSTFIX: b"ESMTP Postfix (Debian/GNU)",
    Software.EXIM: b"ESMTP Exim 4.96 Mon, 24 Nov 2026 09:00:00 +0000",
    Software.SENDMAIL: b"ESMTP Sendmail 8.17.1/8.17.1; Mon, 24 Nov 2026 09:00:00 GMT",
    Software.EXCHANGE: b"Microsoft ESMTP MAIL Service ready",
    Software.OPENSMTPD: b"ESMTP OpenSMTPD",
}
"""What follows the name in a mail greeting."""

RELAY_DENIAL: dict[Software | None, bytes] = {
    Software.POSTFIX: b"550 5.7.1 <%b>: Relay access denied",
    Software.EXIM: b"550 relay not permitted",
    Software.SENDMAIL: b"550 5.7.1 <%b>... Relaying denied",
    Software.EXCHANGE: b"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    Software.OPENSMTPD: b"550 Invalid recipient: <%b>",
}
"""How a closed mail server refuses a stranger's recipient for good; ``%b`` is the recipient."""

HTTP_SERVER: dict[Software, bytes] = {
    Software.SQUID: b"squid/5.7",
    Software.TINYPROXY: b"tinyproxy/1.11.1",
    Software.MIKROTIK: b"Mikrotik HttpProxy",
    Software.APACHE: b"Apache/2.4.57 (Debian)",
    Software.NGINX: b"nginx/1.22.1",
}
"""The ``Server`` field of an HTTP reply."""

TUNNEL_AGENT: dict[Software, bytes] = {
    Software.TINYPROXY: b"tinyproxy/1.11.1",
    Software.APACHE: b"Apache/2.4.57 (Debian)",
    Software.GOST: b"gost/2.11.5",
}
"""The ``Proxy-Agent`` field of a reply that grants a tunnel; the others have none."""


def tells(role: Role, personality: Personality, software: Software | None) -> bool:
    """Whether the probes of its role learn what runs behind a door."""
    if software is None or personality in SAYS_NOTHING:
        return False
    if personality is Personality.TLS_WEB and role is Role.SMTPS:
        return False  # it waits for its client, and the relay test waits for its greeting
    if Probe.HTTP_CONNECT in openness(personality).probes:
        return role is Role.HTTP and software in TUNNEL_AGENT
    return True
