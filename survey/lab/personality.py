"""The closed list of what can stand behind a door of the lab, and what of it is open.

A door is an (address, port) that has a listening socket.  Open means that a complete message or a
tunnel to the canary really is possible by this probe.  Most of the rest are the traps that made
other surveys report servers which were closed, or miss some that were open.
"""

from dataclasses import dataclass
from enum import StrEnum

from survey.model.probe import Probe


class Role(StrEnum):
    """What a port is for."""

    SMTP = "smtp"
    HTTP = "http"
    SOCKS = "socks"
    HTTPS = "https"
    SMTPS = "smtps"
    TELNET = "telnet"


class Personality(StrEnum):
    """How a door behaves; its value is the ``why`` of the truth."""

    # Mail servers.
    OPEN_RELAY = "open_relay"
    """Takes any stranger's message for anybody and passes it on."""
    OPEN_RELAY_WORDY = "open_relay_wordy"
    """The same behind a greeting of several lines, slowly; turns away who talks before its end."""
    OPEN_RELAY_LATE = "open_relay_late"
    """The same, but its queue holds the message for a second or two."""
    OPEN_TO_OWN_NAME = "open_to_own_name"
    """Relays for senders at its own name only."""
    OPEN_TO_NULL_SENDER = "open_to_null_sender"
    """Relays for the null sender only."""
    RELAY_DEFERRED = "relay_deferred"
    """Closed as stock Postfix is: ``454 4.7.1 ... Relay access denied``, a 4xx for good."""
    RELAY_REJECTED = "relay_rejected"
    """Closed with a 550 in the words of its software."""
    OPEN_TO_LOCALHOST = "open_to_localhost"
    """Relays for senders at ``localhost`` only."""
    OPEN_TO_BARE_SENDER = "open_to_bare_sender"
    """Relays for senders without a domain only, as if they were its own."""
    OPEN_TO_OTHER_DOMAIN = "open_to_other_domain"
    """Relays between strangers of different domains only."""
    OPEN_IMPATIENT = "open_impatient"
    """Relays for senders at its own name only, and hangs up after each refusal."""
    OPEN_AFTER_STARTTLS = "open_after_starttls"
    """530 until STARTTLS, then takes any stranger's message and passes it on."""
    OPEN_READS_ON = "open_reads_on"
    """Refuses strangers' domains, but reads percent signs, bang paths and quotes in mailboxes of
    its own."""
    REJECTED_AFTER_STARTTLS = "rejected_after_starttls"
    """530 until STARTTLS, then refuses to relay."""
    REFUSES_ALL = "refuses_all"
    """Refuses every recipient in the same words, its own postmaster's too."""
    CATCH_ALL = "catch_all"
    """Refuses to relay, and takes any mailbox at its own name, however it looks."""
    DATA_REJECTED = "data_rejected"
    """Takes every recipient, then says 554 to DATA."""
    MESSAGE_REJECTED = "message_rejected"
    """Takes every recipient, then says 554 to the message."""
    SINK = "sink"
    """Takes everything, mail for nobody too, and delivers nothing: a mail catcher, a spam trap."""
    HONEYPOT = "honeypot"
    """Takes everything, mail for nobody too, and passes a message on so as to look like a relay."""
    BOUNCER = "bouncer"
    """Takes everything, then bounces it, the whole message attached, to the envelope sender."""
    CALLOUT = "callout"
    """Asks the sender's server whether the sender exists, and refuses all the same."""
    GREYLIST = "greylist"
    """450 to a new triplet; to the same triplet later: relay access denied."""
    STARTTLS_REQUIRED = "starttls_required"
    """530 until STARTTLS, which it can't do at the moment."""
    AUTH_REQUIRED = "auth_required"
    """530 until AUTH."""
    BLOCKS_US = "blocks_us"
    """Greets with 554 because of where we come from; says nothing about others."""
    BUSY = "busy"
    """Greets with 421 and closes."""
    TLS_OPEN_RELAY = "tls_open_relay"
    """Takes any stranger's message and passes it on, inside TLS from the first byte."""
    TLS_RELAY_REJECTED = "tls_relay_rejected"
    """Refuses to relay, inside TLS from the first byte."""

    # HTTP proxies and web servers.
    CONNECT_OPEN = "connect_open"
    """Tunnels for anybody."""
    CONNECT_GLUED = "connect_glued"
    """The same; its 200 and the far end's first bytes come in one piece."""
    CONNECT_SPLIT = "connect_split"
    """The same; its 200 comes in many small pieces."""
    CONNECT_SLOW = "connect_slow"
    """The same, most of a second late."""
    CONNECT_OTHER_EXIT = "connect_other_exit"
    """The same; the far end sees another address than the one tested."""
    CONNECT_NO_MAIL = "connect_no_mail"
    """Tunnels for anybody, but not to the mail port: open, not spam-capable."""
    CONNECT_AUTH = "connect_auth"
    """407."""
    CONNECT_FORBIDDEN = "connect_forbidden"
    """403."""
    CONNECT_UNREACHABLE = "connect_unreachable"
    """Takes the wish, then 503: it can't reach the far end."""
    CONNECT_FAKE = "connect_fake"
    """Says 200 and then plays our canary itself, as well as a stranger can."""
    FORWARD_OPEN = "forward_open"
    """GET and POST for anybody, also to the mail port; no CONNECT.  Hides who asks."""
    FORWARD_NAMED = "forward_named"
    """The same; adds ``Via`` and ``X-Forwarded-For``."""
    FORWARD_BARE = "forward_bare"
    """The same; passes the words of a far end that speaks no HTTP on without a head."""
    FORWARD_WEB = "forward_web"
    """GET for anybody; a POST reaches a far end that speaks no HTTP, but its answer is a 502."""
    FORWARD_POST = "forward_post"
    """POST for anybody, and nothing else."""
    FORWARD_OTHER_EXIT = "forward_other_exit"
    """GET and POST for anybody; the far end sees another address than the one tested."""
    WEB_CACHE = "web_cache"
    """Answers a GET out of its memory, with a nonce of another connection."""
    WEB_QUOTES = "web_quotes"
    """A web server whose page repeats the request, token included."""
    WEB_ALWAYS_200 = "web_always_200"
    """A web server with the same page, and 200, for every request."""
    WEB_PORTAL = "web_portal"
    """A captive portal: 302 to its login for every request."""
    WEB_PORTAL_200 = "web_portal_200"
    """A captive portal that says 200 with a page that has no length and never ends."""
    WEB_BAD_REQUEST = "web_bad_request"
    """400, as nginx to CONNECT, to SOCKS and to anything else it can't read."""
    WEB_NOT_ALLOWED = "web_not_allowed"
    """405, as Apache to CONNECT."""

    # Behind TLS from the first byte.
    TLS_CONNECT_OPEN = "tls_connect_open"
    """Tunnels for anybody, inside TLS."""
    TLS_FORWARD_OPEN = "tls_forward_open"
    """GET and POST for anybody, inside TLS."""
    TLS_FORBIDDEN = "tls_forbidden"
    """403 inside TLS."""
    TLS_WEB = "tls_web"
    """A web server inside TLS."""

    # Telnet gateways.
    TELNET_WINGATE = "telnet_wingate"
    """``WinGate>``, and connects anybody."""
    TELNET_CCPROXY = "telnet_ccproxy"
    """``CCProxy Telnet>`` after telnet options, and connects anybody."""
    TELNET_HOST_PORT = "telnet_host_port"
    """``host[:port]:``, and connects anybody, but not to the mail port."""
    TELNET_CISCO = "telnet_cisco"
    """``cisco>``, and connects anybody."""
    TELNET_LOGIN = "telnet_login"
    """Wants a name and a password."""
    TELNET_FAKE = "telnet_fake"
    """``WinGate>``, then plays our canary itself, as well as a stranger can."""

    # SOCKS proxies.
    SOCKS_OPEN = "socks_open"
    """SOCKS 4, 4a and 5 for anybody."""
    SOCKS5_ONLY = "socks5_only"
    """SOCKS 5 for anybody; ``05 FF`` to whatever is not SOCKS 5."""
    SOCKS4_ONLY = "socks4_only"
    """SOCKS 4 for anybody, no names (4a), no 5."""
    SOCKS4A_ONLY = "socks4a_only"
    """SOCKS 4 and 4a for anybody, no 5."""
    SOCKS_SPLIT = "socks_split"
    """SOCKS 4, 4a and 5 for anybody, each reply byte by byte."""
    SOCKS_NAMED = "socks_named"
    """SOCKS 5 for anybody; the bound address in its reply is a name."""
    SOCKS_OTHER_EXIT = "socks_other_exit"
    """SOCKS 4, 4a and 5 for anybody; the far end sees another address than the one tested."""
    SOCKS_NO_MAIL = "socks_no_mail"
    """SOCKS 4, 4a and 5 for anybody, but not to the mail port."""
    SOCKS_AUTH = "socks_auth"
    """Wants a user name: ``05 FF``, and 5D to SOCKS 4."""
    SOCKS_DENIED = "socks_denied"
    """No user name wanted, but a rule refuses every CONNECT: ``05 02``, 5B."""
    SOCKS_FAILS = "socks_fails"
    """No user name wanted, but every CONNECT fails: ``05 01``, 5B."""
    SOCKS_GRANTS_SILENCE = "socks_grants_silence"
    """Grants every CONNECT and connects to nothing."""
    SOCKS_GRANTS_CLOSE = "socks_grants_close"
    """Grants every CONNECT and hangs up."""
    SOCKS_FAKE = "socks_fake"
    """Grants every CONNECT and then plays our canary itself, as well as a stranger can."""

    # Behind any port.
    MIXED_PROXY = "mixed_proxy"
    """HTTP CONNECT and SOCKS 4, 4a and 5 for anybody on one port."""
    SILENT = "silent"
    """Drops what comes: no answer even to a SYN."""
    MUTE = "mute"
    """Accepts the connection and says nothing."""
    CLOSES = "closes"
    """Accepts the connection and closes it."""
    RESETS = "resets"
    """Accepts the connection and resets it."""
    HALF_CLOSES = "half_closes"
    """Accepts the connection, closes its own side and goes on listening."""
    DRIP = "drip"
    """A tarpit: one byte at a time of something that never gets complete."""
    FLOOD = "flood"
    """Sends data without end."""
    GARBAGE = "garbage"
    """Answers in bytes of no protocol."""
    ECHO = "echo"
    """Repeats whatever it is sent, tokens included."""
    SSH = "ssh"
    """An SSH server."""
    FTP = "ftp"
    """An FTP server."""


@dataclass(frozen=True, slots=True)
class Openness:
    """What of a personality is open.

    Attributes:
        probes: By which probes.
        mail: Whether mail can be sent through it (false: only to other ports).
    """

    probes: frozenset[Probe] = frozenset()
    mail: bool = False


_RELAY = Openness(frozenset({Probe.SMTP_RELAY}), mail=True)
_CONNECT = Openness(frozenset({Probe.HTTP_CONNECT}), mail=True)
_FORWARD = Openness(frozenset({Probe.HTTP_GET, Probe.HTTP_POST}), mail=True)
_TELNET = Openness(frozenset({Probe.TELNET}), mail=True)
_SOCKS = frozenset({Probe.SOCKS4, Probe.SOCKS4A, Probe.SOCKS5})
_SOCKS_MAIL = Openness(_SOCKS, mail=True)
_SOCKS5 = Openness(frozenset({Probe.SOCKS5}), mail=True)

_OPENNESS: dict[Personality, Openness] = {
    Personality.OPEN_RELAY: _RELAY,
    Personality.OPEN_RELAY_WORDY: _RELAY,
    Personality.OPEN_RELAY_LATE: _RELAY,
    Personality.OPEN_TO_OWN_NAME: _RELAY,
    Personality.OPEN_TO_NULL_SENDER: _RELAY,
    Personality.OPEN_TO_LOCALHOST: _RELAY,
    Personality.OPEN_TO_BARE_SENDER: _RELAY,
    Personality.OPEN_TO_OTHER_DOMAIN: _RELAY,
    Personality.OPEN_IMPATIENT: _RELAY,
    Personality.OPEN_AFTER_STARTTLS: _RELAY,
    Personality.OPEN_READS_ON: _RELAY,
    Personality.HONEYPOT: _RELAY,
    Personality.TLS_OPEN_RELAY: _RELAY,
    Personality.CONNECT_OPEN: _CONNECT,
    Personality.CONNECT_GLUED: _CONNECT,
    Personality.CONNECT_SPLIT: _CONNECT,
    Personality.CONNECT_SLOW: _CONNECT,
    Personality.CONNECT_OTHER_EXIT: _CONNECT,
    Personality.CONNECT_NO_MAIL: Openness(frozenset({Probe.HTTP_CONNECT})),
    Personality.FORWARD_OPEN: _FORWARD,
    Personality.FORWARD_NAMED: _FORWARD,
    Personality.FORWARD_BARE: _FORWARD,
    Personality.FORWARD_WEB: Openness(frozenset({Probe.HTTP_GET})),
    Personality.FORWARD_POST: Openness(frozenset({Probe.HTTP_POST}), mail=True),
    Personality.FORWARD_OTHER_EXIT: _FORWARD,
    Personality.TLS_CONNECT_OPEN: _CONNECT,
    Personality.TLS_FORWARD_OPEN: _FORWARD,
    Personality.TELNET_WINGATE: _TELNET,
    Personality.TELNET_CCPROXY: _TELNET,
    Personality.TELNET_HOST_PORT: Openness(frozenset({Probe.TELNET})),
    Personality.TELNET_CISCO: _TELNET,
    Personality.SOCKS_OPEN: _SOCKS_MAIL,
    Personality.SOCKS_SPLIT: _SOCKS_MAIL,
    Personality.SOCKS_OTHER_EXIT: _SOCKS_MAIL,
    Personality.SOCKS_NO_MAIL: Openness(_SOCKS),
    Personality.SOCKS5_ONLY: _SOCKS5,
    Personality.SOCKS_NAMED: _SOCKS5,
    Personality.SOCKS4_ONLY: Openness(frozenset({Probe.SOCKS4}), mail=True),
    Personality.SOCKS4A_ONLY: Openness(frozenset({Probe.SOCKS4, Probe.SOCKS4A}), mail=True),
    Personality.MIXED_PROXY: Openness(_SOCKS | {Probe.HTTP_CONNECT}, mail=True),
}

CLOSED = Openness()

OTHER_EXIT = frozenset(one for one in Personality if one.value.endswith("other_exit"))
"""Whose far end sees another address than the one tested."""

OPEN_BY_NAME = frozenset({Personality.OPEN_TO_OWN_NAME, Personality.OPEN_IMPATIENT})
"""Who is open for senders at its own name only."""

INSIDE_TLS = frozenset(one for one in Personality if one.value.startswith("tls_"))
"""Who speaks TLS from the first byte."""


def openness(personality: Personality) -> Openness:
    """What of it is open; ``CLOSED`` for most."""
    return _OPENNESS.get(personality, CLOSED)
