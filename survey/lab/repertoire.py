"""How every personality behaves: the one table from names to behaviour."""

from survey.lab import http, http_forward, oddities, relaying, smtp, telnet
from survey.lab.http import ConnectProxy
from survey.lab.http_forward import ForwardProxy
from survey.lab.personality import Personality
from survey.lab.place import Behaviour
from survey.lab.smtp import Session
from survey.lab.socks import After, SocksProxy
from survey.lab.telnet import Gateway

_P = Personality

BEHAVIOURS: dict[Personality, Behaviour] = {
    _P.OPEN_RELAY: Session(relaying.everybody, sends="relay"),
    _P.OPEN_RELAY_WORDY: Session(relaying.everybody, sends="relay", wordy=True),
    _P.OPEN_RELAY_LATE: Session(relaying.everybody, sends="relay", delay=1.5),
    _P.OPEN_TO_OWN_NAME: Session(relaying.own_name_only, sends="relay"),
    _P.OPEN_TO_NULL_SENDER: Session(relaying.null_sender_only, sends="relay"),
    _P.OPEN_TO_LOCALHOST: Session(relaying.localhost_only, sends="relay"),
    _P.OPEN_TO_BARE_SENDER: Session(relaying.bare_sender_only, sends="relay"),
    _P.OPEN_TO_OTHER_DOMAIN: Session(relaying.between_strangers, sends="relay"),
    _P.OPEN_IMPATIENT: Session(relaying.own_name_only, sends="relay", hangs_up=True),
    _P.OPEN_AFTER_STARTTLS: Session(relaying.everybody, sends="relay", tls_first=True),
    _P.OPEN_READS_ON: Session(sends="relay", reads_on=True),
    _P.REJECTED_AFTER_STARTTLS: Session(tls_first=True),
    _P.REFUSES_ALL: Session(nobody=True),
    _P.CATCH_ALL: Session(every_mailbox=True),
    _P.DATA_REJECTED: Session(relaying.everybody, data_reply=b"554 5.7.1 No valid recipients"),
    _P.TLS_OPEN_RELAY: Session(relaying.everybody, sends="relay"),
    _P.TLS_RELAY_REJECTED: Session(),
    _P.RELAY_DEFERRED: Session(relaying.deferred),
    _P.RELAY_REJECTED: Session(relaying.rejected),
    _P.MESSAGE_REJECTED: Session(
        relaying.everybody, message_reply=b"554 5.7.1 Message rejected by policy"
    ),
    _P.SINK: Session(relaying.everybody, takes_anything=True),
    _P.HONEYPOT: Session(relaying.everybody, sends="relay", takes_anything=True),
    _P.BOUNCER: Session(relaying.everybody, sends="bounce"),
    _P.CALLOUT: Session(relaying.rejected, calls_out=True),
    _P.GREYLIST: Session(relaying.greylisted),
    _P.STARTTLS_REQUIRED: Session(
        mail_reply=smtp.TLS_FIRST,
        extensions=(b"SIZE 1048576", b"STARTTLS"),
    ),
    _P.AUTH_REQUIRED: Session(
        mail_reply=b"530 5.7.0 Authentication required",
        extensions=(b"SIZE 1048576", b"AUTH PLAIN LOGIN"),
    ),
    _P.BLOCKS_US: smtp.says_and_closes(
        b"554 5.7.1 %b: your address is on a block list; see https://blocked.example/"
    ),
    _P.BUSY: smtp.says_and_closes(b"421 4.3.2 %b too many connections, try again later"),
    _P.CONNECT_OPEN: ConnectProxy(),
    _P.CONNECT_GLUED: ConnectProxy(glued=True),
    _P.CONNECT_SPLIT: ConnectProxy(piece=9),
    _P.CONNECT_SLOW: ConnectProxy(delay=0.8),
    _P.CONNECT_OTHER_EXIT: ConnectProxy(),
    _P.CONNECT_NO_MAIL: ConnectProxy(mail=False),
    _P.CONNECT_AUTH: http.always(
        b"407 Proxy Authentication Required", b'Proxy-Authenticate: Basic realm="proxy"'
    ),
    _P.CONNECT_FORBIDDEN: http.always(b"403 Forbidden"),
    _P.CONNECT_UNREACHABLE: http.always(b"503 Service Unavailable"),
    _P.CONNECT_FAKE: http.fake_tunnel,
    _P.FORWARD_OPEN: ForwardProxy(),
    _P.FORWARD_NAMED: ForwardProxy(adds=True),
    _P.FORWARD_BARE: ForwardProxy(bare=True),
    _P.FORWARD_WEB: ForwardProxy(only_http=True),
    _P.FORWARD_POST: ForwardProxy(frozenset({b"POST"})),
    _P.FORWARD_OTHER_EXIT: ForwardProxy(),
    _P.WEB_CACHE: http_forward.from_memory,
    _P.WEB_QUOTES: http_forward.quotes,
    _P.TLS_CONNECT_OPEN: ConnectProxy(),
    _P.TLS_FORWARD_OPEN: ForwardProxy(),
    _P.TLS_FORBIDDEN: http.always(b"403 Forbidden"),
    _P.TLS_WEB: http.not_allowed,
    _P.TELNET_WINGATE: Gateway(b"WinGate>", telnet.COLON),
    _P.TELNET_CCPROXY: Gateway(
        b"CCProxy Telnet>", telnet.OPEN, b"CCProxy Telnet Service Ready.\r\n", options=True
    ),
    _P.TELNET_HOST_PORT: Gateway(
        b"host[:port]: ", telnet.COLON, b"Telnet gateway ready.\r\n", mail=False
    ),
    _P.TELNET_CISCO: Gateway(b"cisco>", telnet.TELNET, b"\r\n"),
    _P.TELNET_LOGIN: telnet.login,
    _P.TELNET_FAKE: Gateway(b"WinGate>", telnet.COLON, fake=True),
    _P.WEB_ALWAYS_200: http.always(b"200 OK"),
    _P.WEB_PORTAL: http.always(b"302 Found", b"Location: http://portal.example/login"),
    _P.WEB_PORTAL_200: http.endless_portal,
    _P.WEB_BAD_REQUEST: http.bad_request,
    _P.WEB_NOT_ALLOWED: http.not_allowed,
    _P.SOCKS_OPEN: SocksProxy(),
    _P.SOCKS5_ONLY: SocksProxy(four=False, turns_away=b"\x05\xff"),
    _P.SOCKS4_ONLY: SocksProxy(five=False, names=False),
    _P.SOCKS4A_ONLY: SocksProxy(five=False),
    _P.SOCKS_SPLIT: SocksProxy(piece=1),
    _P.SOCKS_NAMED: SocksProxy(four=False, named=True),
    _P.SOCKS_OTHER_EXIT: SocksProxy(),
    _P.SOCKS_NO_MAIL: SocksProxy(mail=False),
    _P.SOCKS_AUTH: SocksProxy(auth=True),
    _P.SOCKS_DENIED: SocksProxy(after=After.DENY),
    _P.SOCKS_FAILS: SocksProxy(after=After.FAIL),
    _P.SOCKS_GRANTS_SILENCE: SocksProxy(after=After.SILENCE),
    _P.SOCKS_GRANTS_CLOSE: SocksProxy(after=After.CLOSE),
    _P.SOCKS_FAKE: SocksProxy(after=After.FAKE),
    _P.MIXED_PROXY: SocksProxy(web=True),
    _P.MUTE: oddities.mute,
    _P.CLOSES: oddities.closes,
    _P.RESETS: oddities.resets,
    _P.HALF_CLOSES: oddities.half_closes,
    _P.DRIP: oddities.drip,
    _P.FLOOD: oddities.flood,
    _P.GARBAGE: oddities.garbage,
    _P.ECHO: oddities.echo,
    _P.SSH: oddities.greets(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", b"Invalid SSH packet\r\n"),
    _P.FTP: oddities.greets(b"220 FTP server ready (vsFTPd 3.0.3)\r\n", b"530 Please login.\r\n"),
}
"""Behaviour of every personality but SILENT, which has no conversation at all."""
