"""The closed list of server programs that we can tell apart, by ids that are never reused."""

from dataclasses import dataclass
from enum import StrEnum


class Trade(StrEnum):
    """What a program is for."""

    MAIL = "mail"
    PROXY = "proxy"
    WEB = "web"
    """A web server or load balancer; some of them are proxies, too, if configured so."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Product:
    """One program.

    Attributes:
        id: Published id, the same in tables, letters and closing instructions.
        name: As its makers write it.
        trade: What it is for.
    """

    id: str
    name: str
    trade: Trade


_MAIL = (
    ("argosoft", "ArGoSoft Mail Server"),
    ("axigen", "Axigen"),
    ("cisco_inspection", "Cisco firewall in front of a mail server"),
    ("communigate", "CommuniGate Pro"),
    ("courier", "Courier"),
    ("domino", "Domino"),
    ("exchange", "Microsoft Exchange"),
    ("exim", "Exim"),
    ("groupwise", "GroupWise"),
    ("haraka", "Haraka"),
    ("hmailserver", "hMailServer"),
    ("icewarp", "IceWarp"),
    ("iis_smtp", "IIS SMTP service"),
    ("imail", "IMail"),
    ("james", "Apache James"),
    ("kerio", "Kerio Connect"),
    ("mailenable", "MailEnable"),
    ("mdaemon", "MDaemon"),
    ("mercury", "Mercury/32"),
    ("opensmtpd", "OpenSMTPD"),
    ("postfix", "Postfix"),
    ("qmail", "qmail"),
    ("qpsmtpd", "qpsmtpd"),
    ("sendmail", "Sendmail"),
    ("stalwart", "Stalwart"),
    ("surgemail", "SurgeMail"),
    ("xmail", "XMail"),
)
_PROXIES = (
    ("3proxy", "3proxy"),
    ("bluecoat", "Blue Coat ProxySG"),
    ("ccproxy", "CCProxy"),
    ("dante", "Dante"),
    ("delegate", "DeleGate"),
    ("gost", "GOST"),
    ("isa", "Microsoft ISA Server or Forefront TMG"),
    ("microsocks", "microsocks"),
    ("mikrotik", "MikroTik RouterOS"),
    ("mitmproxy", "mitmproxy"),
    ("polipo", "Polipo"),
    ("privoxy", "Privoxy"),
    ("proxy_py", "proxy.py"),
    ("squid", "Squid"),
    ("tinyproxy", "Tinyproxy"),
    ("tor", "Tor"),
    ("traffic_server", "Apache Traffic Server"),
    ("wingate", "WinGate"),
)
_WEB = (
    ("apache", "Apache HTTP Server"),
    ("caddy", "Caddy"),
    ("envoy", "Envoy"),
    ("haproxy", "HAProxy"),
    ("iis", "Microsoft IIS"),
    ("lighttpd", "lighttpd"),
    ("nginx", "nginx"),
    ("openresty", "OpenResty"),
    ("varnish", "Varnish"),
)
_OTHER = (
    ("dropbear", "Dropbear"),
    ("openssh", "OpenSSH"),
    ("proftpd", "ProFTPD"),
    ("pure_ftpd", "Pure-FTPd"),
    ("vsftpd", "vsftpd"),
)

PRODUCTS: dict[str, Product] = {
    id_: Product(id_, name, trade)
    for trade, some in (
        (Trade.MAIL, _MAIL),
        (Trade.PROXY, _PROXIES),
        (Trade.WEB, _WEB),
        (Trade.OTHER, _OTHER),
    )
    for id_, name in some
}
"""Every program, by id."""
