"""What servers answer, as bytes: samples for the fingerprints, each named by its situation.

Bytes as such servers send them, under documentation addresses and names.
"""

from dataclasses import dataclass

from made_data import seen

from survey.model.observation import Observation, Step
from survey.model.probe import Probe

RELAY, CONNECT = Probe.SMTP_RELAY, Probe.HTTP_CONNECT


@dataclass(frozen=True)
class Sample:
    """What one port said, and what it must be told to be.

    Attributes:
        sign: The row that must decide.
        situation: What this is a sample of.
        version: The version that must be read, or None.
        said: For each probe what was heard, and, of a mail server, its refusal.
    """

    sign: str
    situation: str
    version: str | None
    said: dict[Probe, bytes]
    refusal: bytes = b""

    def observed(self, ip: str) -> list[Observation]:
        """The rows that the probes would have written."""
        return [
            seen(
                ip,
                probe,
                "V1" if probe.is_relay else "echo",
                port=2000,
                step=Step.SPOKE,
                received=(heard + self.refusal)[:512],
                reply=self.refusal,
                code=int(self.refusal[:3]) if self.refusal else None,
                refused_at="RCPT" if self.refusal else None,
            )
            for probe, heard in self.said.items()
        ]


def mail(sign: str, version: str | None, *lines: bytes, refusal: bytes = b"") -> Sample:
    """A mail server: its greeting, and more lines."""
    heard = b"".join(line + b"\r\n" for line in lines)
    said = refusal + b"\r\n" if refusal else b""
    return Sample(
        sign, lines[0].decode() if not refusal else "refusal", version, {RELAY: heard}, said
    )


def web(sign: str, version: str | None, status: bytes, *fields: bytes, page: bytes = b"") -> Sample:
    """An HTTP reply to a CONNECT."""
    head = b"".join(line + b"\r\n" for line in (b"HTTP/1.1 " + status, *fields))
    return Sample(sign, f"{status.decode()} {fields}", version, {CONNECT: head + b"\r\n" + page})


def first(sign: str, version: str | None, said: bytes) -> Sample:
    """What a port said by itself that is neither mail nor web, heard by the SOCKS 5 probe."""
    return Sample(sign, said.decode(), version, {Probe.SOCKS5: said})


EHLO_OF_STRANGER = b"250-mail.example Hello prober.example [192.0.2.10]"
PAGE_3PROXY = (
    b"<html><head><title>%b</title></head>\r\n<body><h2>%b</h2><h3>%b</h3></body></html>\r\n"
)
GRANTED = b"220 canary.example ESMTP\r\n"

SAMPLES = (
    # Mail servers by their greeting.
    mail(
        "exim.greeting",
        "4.96",
        b"220 mail.example ESMTP Exim 4.96 Tue, 24 Nov 2026 09:00:00 +0000",
        EHLO_OF_STRANGER,
        b"250-SIZE 52428800",
        b"250-8BITMIME",
        b"250-PIPELINING",
        b"250-PIPECONNECT",
        b"250-CHUNKING",
        b"250-PRDR",
        b"250 HELP",
    ),
    mail(
        "exim.greeting",
        "4.94.2",
        b"220-web.example ESMTP Exim 4.94.2 #2 Tue, 24 Nov 2026",
        b"220-We do not authorize the use of this system to transport unsolicited,",
        b"220 and/or bulk e-mail.",
    ),
    mail(
        "sendmail.greeting",
        "8.17.1",
        b"220 mail.example ESMTP Sendmail 8.17.1/8.17.1; Tue, 24 Nov 2026 09:00:00 GMT",
    ),
    mail(
        "sendmail.greeting",
        "8.15.2",
        b"220 mail.example ESMTP Sendmail 8.15.2/8.15.2/Debian-22; Tue, 24 Nov 2026",
    ),
    mail("sendmail.greeting", "8.14.4", b"220 aix.example ESMTP Sendmail AIX7.2/8.14.4; Tue"),
    mail(
        "exchange.greeting_5",
        "5.5.2653.13",
        b"220 mail.example ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13)",
    ),
    mail(
        "exchange.greeting_6",
        "6.0.3790.4675",
        b"220 mail.example Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at  Tue",
        b"250-mail.example Hello [192.0.2.10]",
        b"250-TURN",
        b"250-SIZE",
        b"250-X-EXPS GSSAPI NTLM LOGIN",
        b"250-X-LINK2STATE",
        b"250-XEXCH50",
        b"250 OK",
    ),
    mail(
        "iis_smtp.greeting",
        "10.0.17763.1697",
        b"220 win.example Microsoft ESMTP MAIL Service, Version: 10.0.17763.1697 ready at  Tue",
        b"250-win.example Hello [192.0.2.10]",
        b"250-TURN",
        b"250 OK",
    ),
    mail(
        "exchange.greeting",
        None,
        b"220 EX01.corp.example Microsoft ESMTP MAIL Service ready at Tue, 24 Nov 2026 09:00:00",
    ),
    mail("postfix.greeting_version", "3.7.11", b"220 mail.example ESMTP Postfix (3.7.11)"),
    mail("postfix.greeting", None, b"220 mail.example ESMTP Postfix (Debian/GNU)"),
    mail("postfix.greeting", None, b"220-mail.example patience", b"220 mail.example ESMTP Postfix"),
    mail("opensmtpd.greeting", None, b"220 mail.example ESMTP OpenSMTPD"),
    mail("mdaemon.greeting", "13.0.3", b"220 mail.example ESMTP MDaemon 13.0.3; Tue, 24 Nov 2026"),
    mail("mdaemon.greeting", "20.0.0", b"220 mail.example ESMTP MSA MDaemon 20.0.0; Tue"),
    mail(
        "mailenable.greeting",
        "8.04",
        b"220 mail.example ESMTP MailEnable Service, Version: 8.04-- ready at 11/24/26 09:00:00",
    ),
    mail(
        "mailenable.greeting",
        "1.5018",
        b"220 mail.example ESMTP Mail Enable SMTP Service, Version: 1.5018-- ready at Tue",
    ),
    mail("kerio.greeting", "9.2.7", b"220 mail.example Kerio Connect 9.2.7 ESMTP ready"),
    mail("kerio.greeting", "6.7.3", b"220 mail.example Kerio MailServer 6.7.3 ESMTP ready"),
    mail(
        "domino.greeting",
        "8.5.3",
        b"220 mail.example ESMTP Service (Lotus Domino Release 8.5.3) ready at Tue",
    ),
    mail(
        "domino.greeting",
        "9.0.1FP10",
        b"220 mail.example ESMTP Service (IBM Domino Release 9.0.1FP10) ready at Tue",
    ),
    mail("imail.greeting", "8.15", b"220 mail.example (IMail 8.15 54321-1) NT-ESMTP Server X1"),
    mail("icewarp.greeting", "12.0.3", b"220 mail.example ESMTP IceWarp 12.0.3; Tue, 24 Nov 2026"),
    mail(
        "surgemail.greeting",
        "6.3c-3",
        b"220 mail.example SurgeSMTP (Version 6.3c-3) http://surgemail.example",
    ),
    mail("mercury.greeting", "4.62", b"220 mail.example Mercury/32 v4.62 ESMTP server ready."),
    mail(
        "james.greeting",
        "2.3.2",
        b"220 mail.example SMTP Server (JAMES SMTP Server 2.3.2) ready Tue",
    ),
    mail("james.greeting", None, b"220 mail.example SMTP Server (JAMES SMTP Server ) ready"),
    mail("haraka.greeting", "2.8.28", b"220 mail.example ESMTP Haraka 2.8.28 ready"),
    mail("haraka.greeting", None, b"220 mail.example ESMTP Haraka ready"),
    mail("communigate.greeting", "6.1.8", b"220 mail.example ESMTP CommuniGate Pro 6.1.8"),
    mail(
        "groupwise.greeting", "8.0.2", b"220 mail.example GroupWise Internet Agent 8.0.2 Copyright"
    ),
    mail(
        "qpsmtpd.greeting", "0.94", b"220 mail.example ESMTP qpsmtpd 0.94 ready; send us your mail"
    ),
    mail(
        "xmail.greeting",
        "1.27",
        b"220 <1761.1@mail.example> [XMail 1.27 ESMTP Server] service ready; Tue",
    ),
    mail(
        "argosoft.greeting",
        "1.8.9",
        b"220 mail.example ArGoSoft Mail Server Freeware, Version 1.8 (1.8.9)",
    ),
    mail("axigen.greeting", None, b"220 mail.example Axigen ESMTP ready"),
    mail("stalwart.greeting", None, b"220 mail.example Stalwart ESMTP at your service"),
    mail("ccproxy.greeting", "6.0", b"220 CCProxy 6.0 SMTP Service ready"),
    mail("ccproxy.greeting", None, b"220 CCProxy FTP Service Ready"),
    mail("vsftpd.greeting", "3.0.3", b"220 FTP server ready (vsFTPd 3.0.3)"),
    mail("proftpd.greeting", "1.3.5b", b"220 ProFTPD 1.3.5b Server (Example) [192.0.2.1]"),
    mail("proftpd.greeting", None, b"220 ProFTPD Server ready."),
    mail(
        "pure_ftpd.greeting",
        None,
        b"220---------- Welcome to Pure-FTPd [privsep] ----------",
        b"220 You are user number 1 of 50 allowed.",
    ),
    # Mail servers behind another greeting.
    mail(
        "courier.ehlo",
        None,
        b"220 mail.example ESMTP",
        b"250-mail.example Ok",
        b"250-XVERP=Courier",
        b"250-XEXDATA",
        b"250-PIPELINING",
        b"250 DSN",
    ),
    mail(
        "haraka.ehlo",
        None,
        b"220 mail.example ESMTP ready",
        b"250-mail.example Hello prober.example [192.0.2.10], Haraka is at your service.",
        b"250 8BITMIME",
    ),
    mail("cisco_inspection.greeting", None, b"220 ************************2*****0***0*00"),
    mail(
        "exchange.ehlo",
        None,
        b"220 mail.example ready",
        b"250-mail.example Hello [192.0.2.10]",
        b"250-SIZE 37748736",
        b"250-X-ANONYMOUSTLS",
        b"250 XRDST",
    ),
    mail("exim.ehlo", None, b"220 mail.example ready", EHLO_OF_STRANGER, b"250-PRDR", b"250 HELP"),
    mail(
        "postfix.ehlo",
        None,
        b"220 mail.example ready",
        b"250-mail.example",
        b"250-PIPELINING",
        b"250-SIZE 10240000",
        b"250-VRFY",
        b"250-ETRN",
        b"250-STARTTLS",
        b"250 CHUNKING",
    ),
    mail(
        "sendmail.ehlo",
        None,
        b"220 mail.example ready",
        b"250-mail.example Hello prober.example [192.0.2.10], pleased to meet you",
        b"250-ENHANCEDSTATUSCODES",
        b"250-DELIVERBY",
        b"250 HELP",
    ),
    mail(
        "qmail.ehlo",
        None,
        b"220 mail.example ESMTP",
        b"250-mail.example",
        b"250-PIPELINING",
        b"250 8BITMIME",
    ),
    mail(
        "exim.refusal_cpanel",
        None,
        b"220 mail.example ready",
        refusal=(
            b"550-(prober.example) [192.0.2.10]:40000 is currently not permitted to relay\r\n"
            b"550-through this server. Perhaps you have not logged in.\r\n"
            b"550 mail.example is not permitted to relay through this server"
        ),
    ),
    mail("exim.refusal", None, b"220 mail.example ready", refusal=b"550 relay not permitted"),
    mail(
        "postfix.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"454 4.7.1 <b@canary.example>: Relay access denied",
    ),
    mail(
        "postfix.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"554 5.7.1 <b@canary.example>: Relay access denied",
    ),
    mail(
        "sendmail.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"550 5.7.1 <b@canary.example>... Relaying denied. Proper authentication required.",
    ),
    mail(
        "opensmtpd.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"550 Invalid recipient: <b@canary.example>",
    ),
    mail(
        "exchange.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    ),
    mail(
        "exchange.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"530 5.7.57 SMTP; Client was not authenticated to send anonymous mail",
    ),
    mail(
        "iis_smtp.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"550 5.7.1 Unable to relay for b@canary.example",
    ),
    mail(
        "domino.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"554 Relay rejected for policy reasons.",
    ),
    mail(
        "mailenable.refusal",
        None,
        b"220 mail.example ready",
        refusal=b"503 This mail server requires authentication when attempting to send to a "
        b"non-local e-mail address.",
    ),
    mail(
        "hmailserver.refusal",
        None,
        b"220 mail.example ESMTP",
        refusal=b"530 SMTP authentication is required.",
    ),
    mail(
        "hmailserver.refusal",
        None,
        b"220 mail.example ESMTP",
        refusal=b"550 Delivery is not allowed to this address.",
    ),
    mail("courier.refusal", None, b"220 mail.example ESMTP", refusal=b"513 Relaying denied."),
    mail(
        "qmail.refusal",
        None,
        b"220 mail.example ESMTP",
        refusal=b"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    ),
    # Proxies.
    web(
        "squid.via",
        "5.7",
        b"403 Forbidden",
        b"Server: squid/5.7",
        b"X-Squid-Error: ERR_ACCESS_DENIED 0",
        b"Via: 1.1 proxy.example (squid/5.7)",
    ),
    web("squid.via", None, b"200 OK", b"Via: 1.0 a.example (squid)"),
    web("squid.server", "3.5.27", b"400 Bad Request", b"Server: squid/3.5.27"),
    web(
        "squid.error",
        None,
        b"403 Forbidden",
        b"Server: gateway",
        b"X-Squid-Error: ERR_ACCESS_DENIED 0",
    ),
    web(
        "squid.cache",
        None,
        b"404 Not Found",
        b"X-Cache: MISS from gateway",
        b"X-Cache-Lookup: NONE from gateway:3128",
    ),
    web(
        "tinyproxy.agent",
        "1.11.1",
        b"200 Connection established",
        b"Proxy-agent: tinyproxy/1.11.1",
        page=GRANTED,
    ),
    web("tinyproxy.via", "1.11.1", b"200 OK", b"Via: 1.1 tinyproxy (tinyproxy/1.11.1)"),
    web("tinyproxy.server", "1.11.1", b"403 Access denied", b"Server: tinyproxy/1.11.1"),
    web("privoxy.agent", "3.0.23", b"200 Connection established", b"Proxy-Agent: Privoxy/3.0.23"),
    web(
        "privoxy.page",
        None,
        b"503 Connect failed",
        b"Content-Type: text/html",
        page=b"<html>\n\n<head>\n  <title>503 - Connect failed (Privoxy@gateway.example)</title>\n",
    ),
    web(
        "privoxy.refusal",
        None,
        b"502 Server or forwarder response invalid",
        b"Content-Type: text/plain",
        page=b"Bad response.\n",
    ),
    web("mikrotik.via", None, b"200 OK", b"Via: 1.1 192.0.2.1 (Mikrotik HttpProxy)"),
    web("mikrotik.server", None, b"403 Forbidden", b"Server: Mikrotik HttpProxy"),
    web(
        "mikrotik.page",
        None,
        b"404 Not Found",
        b"Content-Type: text/html",
        page=b"<hr>Generated Tue, 24 Nov 2026 09:00:00 GMT by 192.0.2.1 (Mikrotik HttpProxy)",
    ),
    first("mikrotik.ssh", None, b"SSH-2.0-ROSSSH\r\n"),
    web(
        "ccproxy.realm",
        None,
        b"407 Proxy Authentication Required",
        b'Proxy-Authenticate: Basic realm="CCProxy Authorization"',
    ),
    web("ccproxy.server", None, b"400 Bad Request", b"Server: CCProxy"),
    first(
        "ccproxy.telnet", None, b"CCProxy Telnet>CCProxy Telnet Service Ready.\r\nCCProxy Telnet>"
    ),
    first("wingate.telnet", None, b"WinGate>"),
    Sample(
        "wingate.telnet",
        "telnet options before the prompt",
        None,
        {Probe.SOCKS5: b"\xff\xfb\x01\xff\xfb\x03WinGate>"},
    ),
    web(
        "wingate.server",
        "6.1.1",
        b"407 Proxy authentication required",
        b"Server: WinGate 6.1.1 (Build 1077)",
    ),
    web("delegate.head", "9.9.13", b"403 Forbidden", b"DeleGate-Ver: 9.9.13 (delay=0)"),
    web(
        "gost.agent",
        "2.11.5",
        b"200 Connection established",
        b"Proxy-Agent: gost/2.11.5",
        page=GRANTED,
    ),
    web(
        "proxy_py.agent",
        "2.4.3",
        b"407 Proxy Authentication Required",
        b"Proxy-agent: proxy.py v2.4.3",
    ),
    web("proxy_py.server", "2.4.3", b"404 NOT FOUND", b"Server: proxy.py v2.4.3"),
    web("mitmproxy.server", "9.0.1", b"502 Bad Gateway", b"Server: mitmproxy 9.0.1"),
    web("polipo.server", None, b"400 Couldn't parse URL", b"Server: Polipo"),
    web(
        "isa.head",
        None,
        b"502 Proxy Error ( The ISA Server denied the specified Uniform Resource Locator (URL).  )",
    ),
    web("isa.head", None, b"502 Proxy Error ( Forefront TMG denied the specified URL. )"),
    web(
        "isa.refusal",
        None,
        b"502 Proxy Error ( The specified Secure Sockets Layer (SSL) port is not allowed.  )",
    ),
    web(
        "bluecoat.head",
        None,
        b"407 Proxy Authentication Required",
        b'Proxy-Authenticate: BASIC realm="BlueCoat"',
    ),
    web(
        "traffic_server.via",
        "8.0.2",
        b"403 Forbidden",
        b"Via: http/1.1 edge.example (ApacheTrafficServer/8.0.2)",
    ),
    web("traffic_server.server", "9.2.0", b"400 Invalid HTTP Request", b"Server: ATS/9.2.0"),
    web("varnish.via", "6.0", b"200 OK", b"Via: 1.1 varnish (Varnish/6.0)"),
    web("varnish.via", None, b"200 OK", b"Via: 1.1 varnish-v4"),
    web("varnish.server", None, b"503 Backend fetch failed", b"Server: Varnish"),
    Sample(
        "tor.head",
        "HTTP said to a SOCKS port",
        None,
        {CONNECT: b"HTTP/1.0 501 Tor is not an HTTP Proxy\r\nContent-Type: text/html\r\n\r\n"},
    ),
    web(
        "3proxy.page",
        None,
        b"403 Forbidden",
        b"Connection: close",
        page=PAGE_3PROXY
        % (b"403", b"403", b"Access control list denies you to access this resource"),
    ),
    web(
        "3proxy.page",
        None,
        b"407 Proxy Authentication Required",
        b'Proxy-Authenticate: Basic realm="proxy"',
        page=PAGE_3PROXY
        % (
            b"407",
            b"407",
            b"Access to requested resource disallowed by administrator",
        ),
    ),
    # Web servers.
    web(
        "apache.agent",
        "2.4.57",
        b"200 Connection Established",
        b"Proxy-agent: Apache/2.4.57 (Debian)",
        page=GRANTED,
    ),
    web("apache.server", "2.4.57", b"403 Proxy Error", b"Server: Apache/2.4.57 (Debian)"),
    web("apache.server", None, b"405 Method Not Allowed", b"Server: Apache"),
    web("openresty.server", "1.21.4", b"400 Bad Request", b"Server: openresty/1.21.4"),
    web("nginx.server", "1.22.1", b"400 Bad Request", b"Server: nginx/1.22.1"),
    web(
        "nginx.page",
        None,
        b"400 Bad Request",
        b"Content-Type: text/html",
        page=b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    ),
    web("lighttpd.server", "1.4.69", b"405 Method Not Allowed", b"Server: lighttpd/1.4.69"),
    web("iis.server", "8.5", b"400 Bad Request", b"Server: Microsoft-IIS/8.5"),
    web("caddy.server", None, b"405 Method Not Allowed", b"Server: Caddy"),
    web("envoy.server", None, b"404 Not Found", b"server: envoy"),
    web(
        "haproxy.page",
        None,
        b"403 Forbidden",
        b"cache-control: no-cache",
        page=b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n"
        b"</body></html>\n",
    ),
    web(
        "haproxy.page",
        None,
        b"400 Bad request",
        b"Cache-Control: no-cache",
        page=b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n",
    ),
    # SOCKS servers, by all that they said to each probe.
    Sample(
        "dante.socks",
        "exit address in both replies, 0.0.0.1 taken for an address",
        None,
        {
            Probe.SOCKS5: bytes.fromhex("0500 05000001 cb007109 9c40") + GRANTED,
            Probe.SOCKS4: bytes.fromhex("005a 9c41 cb007109") + GRANTED,
            Probe.SOCKS4A: bytes.fromhex("005b 0000 00000000"),
        },
    ),
    Sample(
        "microsocks.socks",
        "05 FF to SOCKS 4",
        None,
        {
            Probe.SOCKS5: bytes.fromhex("0500 05000001 00000000 0000") + GRANTED,
            Probe.SOCKS4: bytes.fromhex("05ff"),
        },
    ),
    # Others.
    first("openssh.first", "9.2p1", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    first("dropbear.first", "2019.78", b"SSH-2.0-dropbear_2019.78\r\n"),
)

NOBODY = (
    Sample(
        "",
        "our own canary, tested by itself",
        None,
        {RELAY: b"220 canary.example ESMTP survey, see https://survey.example/\r\n"},
    ),
    Sample("", "a greeting that says nothing", None, {RELAY: b"220 postfix.example ready\r\n"}),
    Sample(
        "",
        "a tunnel: our own canary's words are nobody's",
        None,
        {CONNECT: b"HTTP/1.1 200 Connection established\r\n\r\n220 c.example ESMTP Postfix\r\n"},
    ),
    Sample(
        "",
        "a tunnel by SOCKS 5",
        None,
        {Probe.SOCKS5: b"\x05\x00\x05\x00\x00\x01" + bytes(6) + b"220 c.example ESMTP Postfix\r\n"},
    ),
    Sample(
        "",
        "a page behind 200 is no refusal",
        None,
        {CONNECT: b"HTTP/1.1 200 OK\r\n\r\n<hr><center>nginx</center>"},
    ),
    Sample(
        "",
        "Tomcat is no Apache",
        None,
        {CONNECT: b"HTTP/1.1 400 Bad\r\nServer: Apache-Coyote/1.1\r\n\r\n"},
    ),
    Sample(
        "",
        "a hop that is farther away",
        None,
        {CONNECT: b"HTTP/1.1 403 No\r\nVia: 1.1 a (squid/5.7), 1.1 near.example\r\n\r\n"},
    ),
    Sample(
        "",
        "a field that is no field",
        None,
        {CONNECT: b"HTTP/1.1 403 No\r\nX: Server: nginx\r\n\r\n"},
    ),
    Sample("", "any bytes", None, {RELAY: bytes(range(256)) * 2}),
    Sample(
        "",
        "an escape that was said in letters",
        None,
        {RELAY: rb"220 x\x0A220 y ESMTP\x20Postfix" + b"\r\n"},
    ),
)
