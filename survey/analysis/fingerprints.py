"""The table of fingerprints: by what a server program is told.  ``docs/fingerprints.md`` shows it.

Where a comment says "seen", the bytes came from that program on Debian 12; the others are from its
documentation, its source's texts, or its well-known banner.  Each row has samples in
``tests/made/made_answers.py``.

A new row goes before those that are less particular than it; an id is never reused.
"""

from survey.analysis.fingerprint import Fingerprint, Place, Sign


def _named(id_: str, place: Place, pattern: str, comment: str) -> Fingerprint:
    """A row by which a program names itself."""
    return Fingerprint(
        id_, id_.partition(".")[0], (Sign(place, pattern),), named=True, comment=comment
    )


def _ways(id_: str, *signs: Sign, comment: str) -> Fingerprint:
    """A row that knows a program by its ways."""
    return Fingerprint(id_, id_.partition(".")[0], signs, named=False, comment=comment)


# A version begins with a digit, and ends before a blank, bracket, slash or semicolon.
_V = r"([0-9][0-9A-Za-z.+_-]*)"

NAMED = (
    # Mail servers, in their greeting.
    _named(
        "exim.greeting",
        Place.GREETING,
        rf"\bESMTP Exim {_V}",
        "`220 name ESMTP Exim 4.96 Mon, ...`, Exim's own default.",
    ),
    _named(
        "sendmail.greeting",
        Place.GREETING,
        rf"\bSendmail (?:AIX[0-9.]+/)?{_V}",
        "`220 name ESMTP Sendmail 8.17.1/8.17.1; ...`: the program's version, then its "
        "configuration's.",
    ),
    _named(
        "exchange.greeting_5",
        Place.GREETING,
        rf"Microsoft Exchange Internet Mail (?:Service|Connector) {_V}",
        "Exchange 5.5 and older.",
    ),
    Fingerprint(
        "exchange.greeting_6",
        "exchange",
        (
            Sign(Place.GREETING, rf"Microsoft ESMTP MAIL Service, Version: {_V}"),
            Sign(Place.EHLO, r"^250[ -](?:XEXCH50|X-LINK2STATE|X-EXPS)\b"),
        ),
        named=True,
        comment="Exchange 2000 and 2003 greet as the IIS service that they use, and offer "
        "extensions that only Exchange has. The version is the service's.",
    ),
    _named(
        "iis_smtp.greeting",
        Place.GREETING,
        rf"Microsoft ESMTP MAIL Service, Version: {_V}",
        "The SMTP service of Windows alone; Exchange 2003 behind a filter of EHLO looks the same.",
    ),
    _named(
        "exchange.greeting",
        Place.GREETING,
        r"Microsoft ESMTP MAIL Service ready",
        "Exchange 2007 and later: no version, a date behind it.",
    ),
    _named(
        "postfix.greeting_version",
        Place.GREETING,
        rf"\bESMTP Postfix \({_V}\)",
        "Postfix where somebody put its version into the banner.",
    ),
    _named(
        "postfix.greeting",
        Place.GREETING,
        r"\bESMTP Postfix\b",
        "Seen: `220 name ESMTP Postfix (Debian/GNU)`; Postfix keeps its version to itself.",
    ),
    _named(
        "opensmtpd.greeting",
        Place.GREETING,
        r"\bESMTP OpenSMTPD\b",
        "OpenSMTPD's default; it has no version in it.",
    ),
    _named(
        "mdaemon.greeting",
        Place.GREETING,
        rf"\bMDaemon {_V}",
        "`220 name ESMTP MDaemon 13.0.3; ...`, on the submission port `ESMTP MSA MDaemon`.",
    ),
    _named(
        "mailenable.greeting",
        Place.GREETING,
        r"\bMail ?Enable (?:SMTP )?Service, Version: ([0-9.]+)",
        "`220 name ESMTP MailEnable Service, Version: 8.04-- ready at ...`.",
    ),
    _named(
        "kerio.greeting",
        Place.GREETING,
        rf"\bKerio (?:Connect|MailServer) {_V}",
        "`220 name Kerio Connect 9.2.7 ESMTP ready`; Kerio MailServer before 2010.",
    ),
    _named(
        "domino.greeting",
        Place.GREETING,
        rf"\b(?:Lotus|IBM|HCL) Domino Release {_V}",
        "Domino under each of its three owners.",
    ),
    _named("imail.greeting", Place.GREETING, rf"\(IMail {_V}", "IMail Server for Windows."),
    _named(
        "icewarp.greeting",
        Place.GREETING,
        rf"\b(?:IceWarp|Merak) {_V}",
        "IceWarp, called Merak before.",
    ),
    _named(
        "surgemail.greeting",
        Place.GREETING,
        rf"\bSurgeSMTP \(Version {_V}",
        "`220 name SurgeSMTP (Version 6.3c-3) ...`.",
    ),
    _named("mercury.greeting", Place.GREETING, rf"\bMercury/32 v?{_V}", "Mercury for Windows."),
    _named(
        "james.greeting",
        Place.GREETING,
        r"\(JAMES (?:E?SMTP )?Server ?([0-9][0-9A-Za-z.-]*)?",
        "Apache James; version 3 names none.",
    ),
    _named(
        "haraka.greeting",
        Place.GREETING,
        r"\bESMTP Haraka(?:[/ ]([0-9][0-9.]*))?",
        "Haraka; its version can be switched off.",
    ),
    _named(
        "communigate.greeting",
        Place.GREETING,
        rf"\bCommuniGate Pro {_V}",
        "CommuniGate Pro, with its version.",
    ),
    _named(
        "groupwise.greeting",
        Place.GREETING,
        rf"\bGroupWise Internet Agent {_V}",
        "Novell's GroupWise.",
    ),
    _named("qpsmtpd.greeting", Place.GREETING, rf"\bqpsmtpd {_V}", "qpsmtpd, in front of qmail."),
    _named(
        "xmail.greeting", Place.GREETING, rf"\[XMail {_V}", "`220 ... [XMail 1.27 ESMTP Server]`."
    ),
    _named(
        "argosoft.greeting",
        Place.GREETING,
        r"\bArGoSoft Mail Server .*Version [0-9.]+ \(([0-9.]+)\)",
        "ArGoSoft Mail Server for Windows.",
    ),
    _named(
        "axigen.greeting", Place.GREETING, r"\bAxigen ESMTP\b", "Axigen; it has no version in it."
    ),
    _named(
        "stalwart.greeting",
        Place.GREETING,
        r"\bStalwart ESMTP\b",
        "Stalwart; it has no version in it.",
    ),
    _named(
        "ccproxy.greeting",
        Place.GREETING,
        r"^220 CCProxy (?:([0-9][0-9.]*) )?",
        "CCProxy's FTP and mail gateways.",
    ),
    _named(
        "vsftpd.greeting",
        Place.GREETING,
        rf"\(vsFTPd {_V}\)",
        "An FTP server, met on another port.",
    ),
    _named(
        "proftpd.greeting",
        Place.GREETING,
        r"\bProFTPD(?: ([0-9][0-9a-z.]*))?",
        "An FTP server, met on another port.",
    ),
    _named(
        "pure_ftpd.greeting",
        Place.GREETING,
        r"\bPure-FTPd\b",
        "An FTP server, met on another port.",
    ),
    # Mail servers, in their reply to EHLO.
    _named(
        "courier.ehlo",
        Place.EHLO,
        r"^250[ -]XVERP=Courier\b",
        "An extension that Courier named after itself; its greeting says nothing.",
    ),
    _named(
        "haraka.ehlo",
        Place.EHLO,
        r"\bHaraka is at your service\b",
        "Haraka behind another greeting.",
    ),
    # Proxies.  Via and Proxy-Agent before Server: a proxy passes a web server's Server on.
    _named(
        "squid.via",
        Place.VIA,
        r"\(squid(?:/([0-9][^)]*))?\)$",
        "Seen: `Via: 1.1 name (squid/5.7)`.",
    ),
    _named(
        "squid.server",
        Place.SERVER,
        r"^squid(?:/([0-9][0-9A-Za-z._-]*))?",
        "Seen, on every page that Squid makes itself.",
    ),
    _named(
        "tinyproxy.agent",
        Place.AGENT,
        r"^tinyproxy(?:/([0-9][0-9A-Za-z.-]*))?",
        "Seen, in the reply to a CONNECT that it grants.",
    ),
    _named(
        "tinyproxy.via",
        Place.VIA,
        r"\(tinyproxy(?:/([0-9][^)]*))?\)$",
        "`Via: 1.1 name (tinyproxy/1.11.1)`.",
    ),
    _named(
        "tinyproxy.server",
        Place.SERVER,
        r"^tinyproxy(?:/([0-9][0-9A-Za-z.-]*))?",
        "Seen, on its error pages.",
    ),
    _named(
        "privoxy.agent",
        Place.AGENT,
        r"^Privoxy[/ ]([0-9][0-9A-Za-z.]*)",
        "Privoxy until 3.0.33 in the reply to a CONNECT, and on its refusals.",
    ),
    _named(
        "privoxy.page",
        Place.PAGE,
        r"<title>[^<\n]*\(Privoxy@",
        "Seen, in the title of its error pages.",
    ),
    _named(
        "mikrotik.via",
        Place.VIA,
        r"\(Mikrotik HttpProxy\)$",
        "The web proxy of RouterOS; it has no version in it.",
    ),
    _named("mikrotik.server", Place.SERVER, r"^Mikrotik HttpProxy", "The same on its own pages."),
    _named(
        "mikrotik.page", Place.PAGE, r"\(Mikrotik HttpProxy\)", "The last line of its error page."
    ),
    _named("mikrotik.ssh", Place.FIRST, r"^SSH-2\.0-ROSSSH", "The SSH server of RouterOS."),
    _named(
        "ccproxy.realm",
        Place.HEAD,
        r'^(?:Proxy|WWW)-Authenticate: [^\n]*realm="CCProxy\b',
        'CCProxy asks for a password in the realm "CCProxy Authorization".',
    ),
    _named(
        "ccproxy.server", Place.SERVER, r"^CCProxy(?:[/ ]([0-9][0-9.]*))?", "CCProxy's own pages."
    ),
    _named(
        "ccproxy.telnet",
        Place.FIRST,
        r"^(?:\\x[0-9A-F]{2})*CCProxy Telnet>",
        "The prompt of its telnet gateway.",
    ),
    _named(
        "wingate.telnet",
        Place.FIRST,
        r"^(?:\\x[0-9A-F]{2})*WinGate>",
        "The prompt of its telnet gateway.",
    ),
    _named(
        "wingate.server", Place.SERVER, r"^WinGate(?:[/ ]v?([0-9][0-9.]*))?", "WinGate's own pages."
    ),
    _named(
        "delegate.head", Place.HEAD, rf"^DeleGate-Ver: {_V}", "DeleGate has a field of its own."
    ),
    _named("gost.agent", Place.AGENT, rf"^gost/{_V}", "GOST, a tunnel of many protocols."),
    _named("proxy_py.agent", Place.AGENT, rf"^proxy\.py v?{_V}", "A proxy written in Python."),
    _named("proxy_py.server", Place.SERVER, rf"^proxy\.py v?{_V}", "The same on its own pages."),
    _named("mitmproxy.server", Place.SERVER, rf"^mitmproxy {_V}", "An intercepting proxy."),
    _named("polipo.server", Place.SERVER, r"^Polipo\b", "Polipo, unmaintained since 2016."),
    _named(
        "isa.head",
        Place.HEAD,
        r"^HTTP/1\.[01] [0-9]{3} [^\n]*\( ?(?:The )?(?:ISA Server|Forefront TMG)\b",
        "It explains itself in the status line: `502 Proxy Error ( The ISA Server denied ... )`.",
    ),
    _named(
        "bluecoat.head",
        Place.HEAD,
        r"^(?:Proxy|WWW)-Authenticate: [^\n]*realm=\"?Blue ?Coat\b|^Server: BlueCoat",
        "Blue Coat ProxySG asks for a password in its own name.",
    ),
    _named(
        "traffic_server.via",
        Place.VIA,
        r"\(ApacheTrafficServer(?:/([0-9][0-9.]*))?",
        "Apache Traffic Server.",
    ),
    _named(
        "traffic_server.server",
        Place.SERVER,
        r"^ATS(?:/([0-9][0-9.]*))?$",
        "The same program's own pages.",
    ),
    _named(
        "varnish.via",
        Place.VIA,
        r"\bvarnish(?:-v[0-9])?(?: \(Varnish/([0-9][0-9.]*)\))?$",
        "Varnish passes requests to servers that it was told of.",
    ),
    _named("varnish.server", Place.SERVER, r"^Varnish$", "Varnish's own error page."),
    _named(
        "tor.head",
        Place.HEAD,
        r"^HTTP/1\.0 501 Tor is not an HTTP Proxy",
        "Tor's SOCKS port says so to whoever speaks HTTP.",
    ),
    # Web servers, some of which can be proxies.
    _named(
        "apache.agent",
        Place.AGENT,
        r"^Apache(?:/([0-9][0-9.]*))?(?:[ (]|$)",
        "Seen: mod_proxy_connect names the server in the reply to a CONNECT that it grants.",
    ),
    _named(
        "apache.server",
        Place.SERVER,
        r"^Apache(?:/([0-9][0-9.]*))?(?:[ (]|$)",
        "Seen; `ServerTokens` decides how much it says.",
    ),
    _named("openresty.server", Place.SERVER, r"^openresty(?:/([0-9][0-9.]*))?", "nginx with Lua."),
    _named(
        "nginx.server", Place.SERVER, r"^nginx(?:/([0-9][0-9.]*))?", "Seen, in the Server field."
    ),
    _named(
        "nginx.page",
        Place.PAGE,
        r"<center>nginx(?:/([0-9][0-9.]*))?</center>",
        "Seen, on its own pages, where the field was taken away.",
    ),
    _named(
        "lighttpd.server",
        Place.SERVER,
        r"^lighttpd(?:/([0-9][0-9.]*))?",
        "Seen, in the Server field.",
    ),
    _named(
        "iis.server", Place.SERVER, r"^Microsoft-IIS/([0-9][0-9.]*)", "The web server of Windows."
    ),
    _named("caddy.server", Place.SERVER, r"^Caddy\b", "Caddy; it has no version in it."),
    _named("envoy.server", Place.SERVER, r"^envoy$", "Envoy; it has no version in it."),
    # Others that probes meet.
    _named(
        "openssh.first", Place.FIRST, rf"^SSH-[0-9.]+-OpenSSH_{_V}", "An SSH server (RFC 4253)."
    ),
    _named(
        "dropbear.first",
        Place.FIRST,
        r"^SSH-2\.0-dropbear(?:_([0-9][0-9.]*))?",
        "The same program's own pages.",
    ),
)
"""A program says its own name."""

WAYS = (
    _ways(
        "squid.error",
        Sign(Place.HEAD, r"^X-Squid-Error: "),
        comment="Squid marks its error pages, whatever name it was given.",
    ),
    _ways(
        "squid.cache",
        Sign(Place.HEAD, r"^X-Cache-Lookup: (?:HIT|MISS|NONE) from \S+:[0-9]+"),
        comment="A field that Squid alone adds; `X-Cache` others add, too.",
    ),
    _ways(
        "privoxy.refusal",
        Sign(
            Place.HEAD,
            r"^HTTP/1\.[01] [0-9]{3} (?:Connect failed|Server or forwarder response invalid"
            r"|(?:Invalid header|Invalid request|Bad request) received from client)$",
        ),
        comment="Seen: status lines in Privoxy's words.",
    ),
    _ways(
        "3proxy.page",
        Sign(
            Place.PAGE,
            r"<h3>(?:Access control list denies you to access this resource"
            r"|Access to requested resource disallowed by administrator"
            r"|Host Not Found or connection failed|Failed to connect parent proxy"
            r"|Required action is not supported by proxy server|Recursion detected"
            r"|Internal proxy error during processing your request"
            r"|You have exceeded your (?:traffic limit|limits))",
        ),
        comment="The words of 3proxy's error pages; programs that borrowed them look the same.",
    ),
    _ways(
        "haproxy.page",
        Sign(
            Place.PAGE,
            r"^<html><body><h1>[45][0-9]{2} [^<]*</h1>\n(?:Your browser sent an invalid request\."
            r"|Request forbidden by administrative rules\."
            r"|No server is available to handle this request\."
            r"|The server didn't respond in time\."
            r"|The server returned an invalid or incomplete response\."
            r"|You need a valid user and password to access this content\.)$",
        ),
        comment="Seen: HAProxy never names itself, but its built-in pages are its own.",
    ),
    _ways(
        "isa.refusal",
        Sign(
            Place.HEAD,
            r"^HTTP/1\.[01] 502 Proxy Error +\( The specified Secure Sockets Layer \(SSL\) port",
        ),
        comment="ISA Server and Forefront TMG, when they may not CONNECT to the port.",
    ),
    _ways(
        "cisco_inspection.greeting",
        Sign(Place.GREETING, r"^220[ -][*0-9 .]*\*{8}[*0-9 .]*$"),
        comment="A Cisco firewall that inspects SMTP masks the greeting with asterisks.",
    ),
    _ways(
        "exchange.ehlo",
        Sign(Place.EHLO, r"^250[ -](?:X-ANONYMOUSTLS|X-EXPS|XEXCH50|X-LINK2STATE|XRDST)\b"),
        comment="Extensions that only Exchange has, behind another greeting.",
    ),
    _ways(
        "exim.ehlo",
        Sign(Place.EHLO, r"^250[ -](?:PRDR|X_PIPE_CONNECT|PIPECONNECT|PIPE_CONNECT)$"),
        comment="Extensions that only Exim has, behind another greeting.",
    ),
    _ways(
        "exim.refusal_cpanel",
        Sign(Place.REFUSAL, r"is (?:currently )?not permitted to relay through this server"),
        comment="Exim as cPanel configures it.",
    ),
    _ways(
        "exim.refusal",
        Sign(Place.REFUSAL, r"^550 relay not permitted$"),
        comment="The words of Exim's default access list.",
    ),
    _ways(
        "postfix.refusal",
        Sign(Place.REFUSAL, r"^[45]54 [45]\.7\.1 <[^>]*>: Relay access denied$"),
        comment="Seen: Postfix's words, behind another greeting.",
    ),
    _ways(
        "postfix.ehlo",
        Sign(Place.EHLO, r"^250-PIPELINING\n250-SIZE(?: [0-9]+)?\n(?:250-VRFY\n)?250-ETRN\n"),
        comment="Seen: Postfix's order of extensions; others have some of them in another order.",
    ),
    _ways(
        "sendmail.refusal",
        Sign(Place.REFUSAL, r"^550 5\.7\.1 <[^>]*>\.\.\. Relaying denied"),
        comment="Sendmail's words, with its three dots.",
    ),
    _ways(
        "sendmail.ehlo",
        Sign(Place.EHLO, r" Hello [^\n]*, pleased to meet you$"),
        Sign(Place.EHLO, r"^250[ -]DELIVERBY\b"),
        comment="The courtesy others have, too; the extension RFC 2852 beside it is Sendmail's.",
    ),
    _ways(
        "opensmtpd.refusal",
        Sign(Place.REFUSAL, r"^550 (?:5\.[0-9]\.[0-9] )?Invalid recipient: <"),
        comment="OpenSMTPD's words.",
    ),
    _ways(
        "exchange.refusal",
        Sign(Place.REFUSAL, r"^5[35]0 5\.7\.(?:54|57) SMTP; "),
        comment="Exchange 2010 and later begin such explanations with `SMTP;`.",
    ),
    _ways(
        "iis_smtp.refusal",
        Sign(Place.REFUSAL, r"^550 5\.7\.1 Unable to relay for "),
        comment="The SMTP service of Windows, and Exchange 2003 on top of it.",
    ),
    _ways(
        "domino.refusal",
        Sign(Place.REFUSAL, r"^554 Relay rejected for policy reasons\."),
        comment="Domino's words.",
    ),
    _ways(
        "mailenable.refusal",
        Sign(Place.REFUSAL, r"^503 This mail server requires authentication "),
        comment="MailEnable's words.",
    ),
    _ways(
        "hmailserver.refusal",
        Sign(
            Place.REFUSAL,
            r"^(?:530 SMTP authentication is required\."
            r"|550 Delivery is not allowed to this address\.)",
        ),
        comment="hMailServer's words; its greeting is the administrator's.",
    ),
    _ways(
        "courier.refusal",
        Sign(Place.REFUSAL, r"^513 Relaying denied\."),
        comment="A code that hardly anybody else uses.",
    ),
    _ways(
        "qmail.refusal",
        Sign(
            Place.REFUSAL,
            r"^553 sorry, that domain isn't in my (?:list of allowed rcpthosts|list)\b",
        ),
        comment="qmail's words, and those of its forks.",
    ),
    _ways(
        "qmail.ehlo",
        Sign(Place.GREETING, r"^220 \S+ ESMTP$"),
        Sign(Place.EHLO, r"^250-\S+\n250-PIPELINING\n250 8BITMIME$"),
        comment="qmail offers these two and nothing else.",
    ),
    _ways(
        "dante.socks",
        Sign(Place.SOCKS5, r"^05000500000 1[0-9A-F]{0,7}[1-9A-F]".replace(" ", "")),
        Sign(Place.SOCKS4, r"^005A[0-9A-F]{4}[0-9A-F]{0,7}[1-9A-F]"),
        Sign(Place.SOCKS4A, r"\A(?:005B[0-9A-F]*\n?)+\z"),
        comment="Seen: SOCKS 4 and 5 granted with the exit address in the reply, 4a always refused "
        "(it takes 0.0.0.1 for an address). Needs all three probes.",
    ),
    _ways(
        "microsocks.socks",
        Sign(Place.SOCKS4, r"^05FF"),
        comment="Seen: it says `05 FF` to anything that does not begin with 05. Needs the "
        "`socks4` probe.",
    ),
)
"""A program is known by its ways; others may share them."""

FINGERPRINTS = (*NAMED, *WAYS)
"""The whole table, in the order in which it is tried."""
