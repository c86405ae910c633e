"""What is true of each real server, written by hand from its configuration.

A row says which probes find a way through and how far it leads; every other probe of that port
finds none.  Nothing here is derived from what a survey said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from daemons import Daemon
from places import SITE


class Way(StrEnum):
    """How far a stranger gets through a server."""

    MAIL = "mail"
    """To a mail server: our message arrives, or a tunnel to the mail port stands."""
    WEB = "web"
    """To other servers, not to mail."""
    ONE_WAY = "one way"
    """What is sent arrives, and no answer comes back; nobody can prove it from outside alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """One real server in one configuration, and what is true of it.

    Attributes:
        daemon: The server.
        why: In a few words, what it does with a stranger.
        open: Probe -> how far it leads; what is not named leads nowhere.
    """

    daemon: Daemon
    why: str
    open: Mapping[str, Way] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``server/situation``."""
        return f"{self.daemon.server}/{self.daemon.situation}"


RELAYS = {"smtp_relay": Way.MAIL}
TUNNELS = {"http_connect": Way.MAIL}
WEB_TUNNELS = {"http_connect": Way.WEB}
REQUESTS = {"http_get": Way.WEB, "http_post": Way.MAIL}
MUTE_REQUESTS = {"http_get": Way.WEB, "http_post": Way.ONE_WAY}
WEB_REQUESTS = {"http_get": Way.WEB, "http_post": Way.WEB}
SOCKS5 = {"socks5": Way.MAIL}
SOCKS4 = {"socks4": Way.MAIL}
SOCKS4A = {"socks4a": Way.MAIL}


NEIGHBOURS = (
    Daemon("nginx", "site", SITE, 80),
    Daemon("nginx", "shop", "127.0.20.5", 80),
    Daemon("postgrey", "neighbour", "127.0.20.6", 10023),
)
"""Servers that others need and nobody tests: the site that nmap asks for, the site behind the
reverse proxies (another, lest a reverse proxy look like a way to the first), and greylisting."""

_SHOP = "127.0.20.5:80"
_GREYLISTER = "127.0.20.6:10023"

SITUATIONS = (
    # Postfix
    Situation(Daemon("postfix", "open", "127.0.21.1", 25), "every network is its own", RELAYS),
    Situation(
        Daemon("postfix", "closed", "127.0.21.2", 25), "as it comes: 454 Relay access denied"
    ),
    Situation(
        Daemon("postfix", "own_name", "127.0.21.3", 25), "trusts senders at its own name", RELAYS
    ),
    Situation(Daemon("postfix", "null_sender", "127.0.21.4", 25), "trusts the null sender", RELAYS),
    Situation(
        Daemon("postfix", "no_domain", "127.0.21.5", 25),
        "closed, trusts recipients without a domain once it has read percent signs and bangs",
    ),
    Situation(
        Daemon("postfix", "own_mailbox", "127.0.21.6", 25),
        "closed, trusts recipients at its own name once it has read percent signs",
    ),
    Situation(Daemon("postfix", "bounces", "127.0.21.7", 25), "takes everything, bounces it later"),
    Situation(
        Daemon("postfix", "catch_all", "127.0.21.29", 25),
        "closed, takes any mailbox at its own name and bounces it later",
    ),
    Situation(Daemon("postfix", "discards", "127.0.21.8", 25), "takes everything, throws it away"),
    Situation(
        Daemon("postfix", "refuses_data", "127.0.21.9", 25), "takes recipients, refuses DATA"
    ),
    Situation(Daemon("postfix", "refuses_message", "127.0.21.10", 25), "refuses after the message"),
    Situation(Daemon("postfix", "postscreen", "127.0.21.11", 25), "open behind postscreen", RELAYS),
    Situation(
        Daemon("postfix", "postscreen_closed", "127.0.21.12", 25), "closed behind postscreen"
    ),
    Situation(
        Daemon("postfix", "postscreen_deep", "127.0.21.13", 25),
        "open behind postscreen, which says 450 the first time",
        RELAYS,
    ),
    Situation(
        Daemon("postfix", "greylisted", "127.0.21.14", 25, behind=_GREYLISTER),
        "open behind greylisting",
        RELAYS,
    ),
    Situation(
        Daemon("postfix", "greylisted_closed", "127.0.21.15", 25, behind=_GREYLISTER),
        "closed, with greylisting in front",
    ),
    Situation(
        Daemon("postfix", "blocklisted", "127.0.21.16", 25), "refuses us, naming a blocklist"
    ),
    Situation(Daemon("postfix", "refuses_greeting", "127.0.21.17", 25), "554 for a greeting"),
    Situation(Daemon("postfix", "starttls", "127.0.21.18", 587), "open after STARTTLS", RELAYS),
    Situation(Daemon("postfix", "starttls_closed", "127.0.21.19", 587), "closed after STARTTLS"),
    Situation(Daemon("postfix", "smtps", "127.0.21.20", 465), "open inside TLS", RELAYS),
    Situation(Daemon("postfix", "smtps_closed", "127.0.21.21", 465), "closed inside TLS"),
    Situation(Daemon("postfix", "delayed", "127.0.21.22", 25), "open, delivers much later", RELAYS),
    Situation(
        Daemon("postfix", "smarthost", "127.0.21.23", 25, behind="127.0.21.24"),
        "passes on for one neighbour only",
    ),
    Situation(
        Daemon(
            "postfix",
            "by_smarthost",
            "127.0.21.24",
            25,
            exit_ip="127.0.21.23",
            behind="127.0.21.23:25",
        ),
        "open, leaves through a neighbour",
        RELAYS,
    ),
    Situation(
        Daemon("postfix", "asks_about_recipient", "127.0.21.25", 25),
        "closed, asks our mail server about the recipient first",
    ),
    Situation(
        Daemon("postfix", "asks_about_sender", "127.0.21.26", 25),
        "open, asks our mail server about the sender first",
        RELAYS,
    ),
    Situation(
        Daemon("postfix", "late_greeting", "127.0.21.27", 25), "open, greets after 12 s", RELAYS
    ),
    Situation(
        Daemon("postfix", "helo_only", "127.0.21.28", 25), "open, does not know EHLO", RELAYS
    ),
    Situation(
        Daemon("postfix", "own_address", "127.0.21.30", 25),
        "trusts senders at its own address",
        RELAYS,
    ),
    Situation(
        Daemon("postfix", "localhost", "127.0.21.31", 25), "trusts senders at localhost", RELAYS
    ),
    # Exim
    Situation(Daemon("exim", "open", "127.0.26.1", 25), "every host is its own", RELAYS),
    Situation(Daemon("exim", "closed", "127.0.26.2", 25), "550 relay not permitted"),
    Situation(
        Daemon("exim", "own_sender", "127.0.26.3", 25), "trusts senders at its own name", RELAYS
    ),
    Situation(
        Daemon("exim", "percent", "127.0.26.4", 25),
        "takes u%d at its own name or address, and sends it to u@d",
        RELAYS,
    ),
    Situation(
        Daemon("exim", "bang", "127.0.26.8", 25),
        "takes d!u at its own name, and sends it to u@d",
        RELAYS,
    ),
    Situation(
        Daemon("exim", "unquotes", "127.0.26.9", 25),
        'takes "u@d" at its own name, and sends it to u@d',
        RELAYS,
    ),
    Situation(
        Daemon("exim", "between_others", "127.0.26.10", 25),
        "trusts whoever sends to another domain than his own",
        RELAYS,
    ),
    Situation(Daemon("exim", "bounces", "127.0.26.5", 25), "takes everything, bounces it later"),
    Situation(Daemon("exim", "wants_login", "127.0.26.6", 25), "530 Authentication required"),
    Situation(
        Daemon("exim", "asks_about_recipient", "127.0.26.7", 25),
        "closed, asks our mail server about the recipient first",
    ),
    # OpenSMTPD
    Situation(Daemon("opensmtpd", "open", "127.0.27.1", 25), "any mail from anybody", RELAYS),
    Situation(Daemon("opensmtpd", "closed", "127.0.27.2", 25), "550 Invalid recipient"),
    Situation(
        Daemon("opensmtpd", "broken_tls", "127.0.27.3", 587), "wants STARTTLS, and breaks at it"
    ),
    # Sendmail
    Situation(Daemon("sendmail", "open", "127.0.28.1", 25), "promiscuous_relay", RELAYS),
    Situation(Daemon("sendmail", "closed", "127.0.28.2", 25), "550 5.7.1 Relaying denied"),
    Situation(Daemon("sendmail", "own_sender", "127.0.28.3", 25), "relay_local_from", RELAYS),
    Situation(Daemon("sendmail", "loose", "127.0.28.4", 25), "closed, with loose_relay_check"),
    # others that hear SMTP
    Situation(
        Daemon("msmtpd", "open", "127.0.29.1", 25, exit_ip="127.0.29.101"),
        "passes everything on",
        RELAYS,
    ),
    Situation(
        Daemon("smtp_sink", "accepts", "127.0.30.1", 25),
        "a sink: takes everything, passes nothing on",
    ),
    Situation(
        Daemon("smtp_sink", "tarpit", "127.0.30.2", 25), "a sink that answers RCPT after 40 s"
    ),
    Situation(Daemon("smtp_sink", "refuses", "127.0.30.3", 25), "500 to every recipient"),
    Situation(Daemon("smtp_sink", "hangs_up", "127.0.30.4", 25), "hangs up at RCPT"),
    Situation(Daemon("aiosmtpd", "debugging", "127.0.31.1", 25), "a mail catcher that prints"),
    Situation(
        Daemon("aiosmtpd", "catcher", "127.0.31.2", 25), "a mail catcher with a mailbox folder"
    ),
    # Squid
    Situation(
        Daemon("squid", "open", "127.0.22.1", 3128), "anybody, to anywhere", TUNNELS | REQUESTS
    ),
    Situation(Daemon("squid", "denied", "127.0.22.2", 3128), "403"),
    Situation(Daemon("squid", "login", "127.0.22.3", 3128), "407"),
    Situation(
        Daemon("squid", "usual_ports", "127.0.22.4", 3128),
        "anybody, to the web's ports",
        WEB_TUNNELS | WEB_REQUESTS,
    ),
    Situation(
        Daemon("squid", "no_tunnels", "127.0.22.5", 3128), "anybody, but no CONNECT", REQUESTS
    ),
    Situation(
        Daemon("squid", "anonymous", "127.0.22.6", 3128, exit_ip="127.0.22.106"),
        "anybody, leaves by another address, says nothing of it",
        TUNNELS | REQUESTS,
    ),
    Situation(
        Daemon("squid", "caching", "127.0.22.7", 3128),
        "anybody, and keeps answers for long",
        TUNNELS | REQUESTS,
    ),
    Situation(
        Daemon(
            "squid",
            "by_neighbour",
            "127.0.22.8",
            3128,
            exit_ip="127.0.23.1",
            behind="127.0.23.1:8888",
        ),
        "anybody, leaves through another proxy",
        TUNNELS | MUTE_REQUESTS,
    ),
    Situation(
        Daemon("squid", "accelerator", "127.0.22.9", 8080, behind=_SHOP),
        "in front of a web server, no proxy",
    ),
    # Tinyproxy
    Situation(
        Daemon("tinyproxy", "open", "127.0.23.1", 8888),
        "anybody, to anywhere",
        TUNNELS | MUTE_REQUESTS,
    ),
    Situation(
        Daemon("tinyproxy", "no_mail", "127.0.23.2", 8888),
        "anybody, tunnels only to 443",
        WEB_TUNNELS | MUTE_REQUESTS,
    ),
    Situation(Daemon("tinyproxy", "denied", "127.0.23.3", 8888), "403"),
    Situation(Daemon("tinyproxy", "login", "127.0.23.4", 8888), "407"),
    Situation(
        Daemon("tinyproxy", "no_tunnels", "127.0.23.5", 8888),
        "anybody, but no tunnels",
        MUTE_REQUESTS,
    ),
    Situation(
        Daemon(
            "tinyproxy",
            "by_neighbour",
            "127.0.23.6",
            8888,
            exit_ip="127.0.24.101",
            behind="127.0.24.1:1080",
        ),
        "anybody, leaves through a SOCKS proxy",
        TUNNELS | MUTE_REQUESTS,
    ),
    Situation(
        Daemon("tinyproxy", "reverse", "127.0.23.7", 8080, behind=_SHOP),
        "in front of a web server, no proxy",
    ),
    # Privoxy
    Situation(
        Daemon("privoxy", "open", "127.0.32.1", 8118, exit_ip="127.0.0.1"),
        "anybody, to anywhere",
        TUNNELS | MUTE_REQUESTS,
    ),
    Situation(Daemon("privoxy", "denied", "127.0.32.2", 8118), "hangs up"),
    Situation(
        Daemon("privoxy", "usual_ports", "127.0.32.3", 8118, exit_ip="127.0.0.1"),
        "anybody, tunnels only to 443",
        WEB_TUNNELS | MUTE_REQUESTS,
    ),
    # Apache
    Situation(
        Daemon("apache", "open", "127.0.33.1", 8080), "anybody, to anywhere", TUNNELS | REQUESTS
    ),
    Situation(
        Daemon("apache", "usual_ports", "127.0.33.2", 8080),
        "anybody, tunnels only to 443, POST to anywhere",
        WEB_TUNNELS | REQUESTS,
    ),
    Situation(Daemon("apache", "denied", "127.0.33.3", 8080), "403"),
    Situation(Daemon("apache", "login", "127.0.33.4", 8080), "407"),
    Situation(Daemon("apache", "web", "127.0.33.5", 80), "a web server"),
    Situation(
        Daemon("apache", "reverse", "127.0.33.6", 80, behind=_SHOP),
        "in front of a web server, no proxy",
    ),
    # nginx
    Situation(
        Daemon("nginx", "says_yes", "127.0.34.1", 80), "a web server that says 200 to everything"
    ),
    Situation(Daemon("nginx", "portal", "127.0.34.2", 80), "a captive portal: 302 to everything"),
    Situation(
        Daemon("nginx", "reverse", "127.0.34.3", 80, behind=_SHOP),
        "in front of a web server, no proxy",
    ),
    Situation(
        Daemon("nginx", "forward", "127.0.34.4", 80),
        "passes GET on to whatever host it names",
        {"http_get": Way.WEB},
    ),
    # HAProxy
    Situation(
        Daemon("haproxy", "says_yes", "127.0.35.1", 80), "says 200 to everything, CONNECT too"
    ),
    Situation(
        Daemon("haproxy", "reverse", "127.0.35.2", 80, behind="127.0.34.1:80"),
        "in front of a web server: 200 and its page, for CONNECT too",
    ),
    Situation(
        Daemon("haproxy", "forward", "127.0.35.3", 80),
        "passes requests on to whatever address they name",
        MUTE_REQUESTS,
    ),
    Situation(
        Daemon(
            "haproxy",
            "in_front",
            "127.0.35.4",
            8080,
            exit_ip="127.0.22.1",
            behind="127.0.22.1:3128",
        ),
        "in front of an open proxy",
        TUNNELS | REQUESTS,
    ),
    Situation(
        Daemon(
            "haproxy",
            "tls_in_front",
            "127.0.35.5",
            8443,
            exit_ip="127.0.22.1",
            behind="127.0.22.1:3128",
        ),
        "in front of an open proxy, over TLS",
        TUNNELS | REQUESTS,
    ),
    # ffproxy
    Situation(
        Daemon("ffproxy", "open", "127.0.36.1", 8080, exit_ip="127.0.0.1"),
        "anybody, to anywhere",
        TUNNELS | REQUESTS,
    ),
    Situation(Daemon("ffproxy", "denied", "127.0.36.2", 8080), "hangs up"),
    # SOCKS
    Situation(
        Daemon("dante", "open", "127.0.24.1", 1080, exit_ip="127.0.24.101"),
        "anybody, to anywhere, SOCKS 4 and 5",
        SOCKS4 | SOCKS5,
    ),
    Situation(
        Daemon("dante", "no_mail", "127.0.24.2", 1080, exit_ip="127.0.24.102"),
        "anybody, but not to port 25",
        {"socks4": Way.WEB, "socks5": Way.WEB},
    ),
    Situation(Daemon("dante", "login", "127.0.24.3", 1080, exit_ip="127.0.24.103"), "05 FF"),
    Situation(Daemon("dante", "friends", "127.0.24.4", 1080, exit_ip="127.0.24.104"), "hangs up"),
    Situation(
        Daemon("dante", "refuses_all", "127.0.24.5", 1080, exit_ip="127.0.24.105"),
        "05 00, then 05 02",
    ),
    Situation(
        Daemon("microsocks", "open", "127.0.25.1", 1080), "anybody, to anywhere, SOCKS 5", SOCKS5
    ),
    Situation(Daemon("microsocks", "login", "127.0.25.2", 1080), "05 FF"),
    Situation(
        Daemon("ssh", "open", "127.0.37.1", 1080, exit_ip="127.0.0.1"),
        "ssh -D for anybody: SOCKS 4, 4a and 5",
        SOCKS4 | SOCKS4A | SOCKS5,
    ),
    Situation(
        Daemon("ssh", "no_mail", "127.0.37.2", 1080, exit_ip="127.0.0.1"),
        "ssh -D for anybody, to one port only",
        {"socks4": Way.WEB, "socks4a": Way.WEB, "socks5": Way.WEB},
    ),
    Situation(
        Daemon("ssh", "refuses_all", "127.0.37.3", 1080),
        "ssh -D to nowhere: 05 00, and then it hangs up",
    ),
    Situation(
        Daemon(
            "socat",
            "in_front",
            "127.0.41.14",
            1080,
            exit_ip="127.0.0.1",
            behind="127.0.37.1:1080",
        ),
        "in front of an open ssh -D",
        SOCKS4 | SOCKS4A | SOCKS5,
    ),
    Situation(
        Daemon("twisted", "open", "127.0.38.1", 1080, exit_ip="127.0.0.1"),
        "anybody, SOCKS 4; its 4a fails on an address written as a name",
        SOCKS4,
    ),
    Situation(
        Daemon(
            "socat",
            "in_front",
            "127.0.41.1",
            1080,
            exit_ip="127.0.24.101",
            behind="127.0.24.1:1080",
        ),
        "in front of an open SOCKS proxy",
        SOCKS4 | SOCKS5,
    ),
    # telnet
    Situation(
        Daemon("telnet", "gateway", "127.0.42.1", 23, exit_ip="127.0.0.1"),
        "somebody's telnet client, for anybody who connects",
        {"telnet": Way.MAIL},
    ),
    Situation(
        Daemon("socat", "in_front", "127.0.41.15", 23, exit_ip="127.0.0.1", behind="127.0.42.1:23"),
        "in front of an open telnet client",
        {"telnet": Way.MAIL},
    ),
    Situation(Daemon("telnetd", "plain", "127.0.43.1", 23), "asks for a name and a password"),
    # what is neither
    Situation(
        Daemon("socat", "nowhere", "127.0.41.2", 1080, behind="127.0.41.3:1"), "leads nowhere"
    ),
    Situation(Daemon("socat", "echo", "127.0.41.4", 1080), "says back what it hears"),
    Situation(Daemon("socat", "echo", "127.0.41.5", 8080), "says back what it hears"),
    Situation(Daemon("socat", "echo", "127.0.41.6", 25), "says back what it hears"),
    Situation(Daemon("socat", "echo", "127.0.41.11", 23), "says back what it hears"),
    Situation(Daemon("socat", "flood", "127.0.41.12", 23), "never stops talking"),
    Situation(
        Daemon("socat", "silent", "127.0.41.13", 23), "takes the connection and says nothing"
    ),
    Situation(Daemon("socat", "flood", "127.0.41.7", 1080), "never stops talking"),
    Situation(Daemon("socat", "flood", "127.0.41.8", 25), "never stops talking"),
    Situation(
        Daemon("socat", "silent", "127.0.41.9", 8080), "takes the connection and says nothing"
    ),
    Situation(
        Daemon("socat", "silent", "127.0.41.10", 25), "takes the connection and says nothing"
    ),
    Situation(Daemon("sshd", "plain", "127.0.39.1", 25), "an SSH server"),
    Situation(Daemon("sshd", "plain", "127.0.39.2", 1080), "an SSH server"),
    Situation(Daemon("vsftpd", "plain", "127.0.40.1", 25), "an FTP server"),
    Situation(Daemon("vsftpd", "plain", "127.0.40.2", 8080), "an FTP server"),
)
"""Every configuration that is surveyed, each on an address of its own."""
