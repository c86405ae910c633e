"""The few real servers that every run of the tests starts, and a campaign on them."""

from truth import SITUATIONS

CAMPAIGN = "everyday"

SERVERS = tuple(
    situation.daemon
    for situation in SITUATIONS
    if situation.key
    in {
        *("postfix/open", "postfix/closed", "postfix/own_name"),
        *("postfix/starttls", "postfix/starttls_closed", "postfix/smtps", "exim/percent"),
        *("squid/open", "squid/denied", "squid/login"),
        *("tinyproxy/open", "tinyproxy/no_mail", "tinyproxy/denied"),
        *("dante/open", "dante/no_mail", "dante/login"),
        "microsocks/open",
    }
)

PROBES = {
    "smtp_relay": 'ports = [25, 587]\ntls_ports = [465]\ndepth = "full"',
    "http_connect": "ports = [3128, 8888]",
    "socks4": "ports = [1080]",
    "socks4a": "ports = [1080]",
    "socks5": "ports = [1080]",
}
