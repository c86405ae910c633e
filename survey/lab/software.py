"""What the machines of the lab say they are, in banners of their own."""

from enum import StrEnum

from survey.lab.personality import Role


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
    DANTE = "dante"
    MICROSOCKS = "microsocks"


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
    Role.SOCKS: ((Software.DANTE, 1), (Software.MICROSOCKS, 1)),
}
"""What runs behind a port of each role, with weights."""

MAIL_BANNER: dict[Software, bytes] = {
    Software.POSTFIX: b"ESMTP Postfix (Debian/GNU)",
    Software.EXIM: b"ESMTP Exim 4.96 Mon, 24 Nov 2026 09:00:00 +0000",
    Software.SENDMAIL: b"ESMTP Sendmail 8.17.1/8.17.1; Mon, 24 Nov 2026 09:00:00 GMT",
    Software.EXCHANGE: b"Microsoft ESMTP MAIL Service ready",
    Software.OPENSMTPD: b"ESMTP OpenSMTPD",
}
"""What follows the name in a mail greeting."""

RELAY_DENIAL: dict[Software, bytes] = {
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
