"""Addresses of the operators' site, below the page that an identity names, and its record."""

from survey.model.address import format_ip
from survey.model.language import DEFAULT
from survey.model.probe import Probe

_CLOSING: dict[Probe, str] = {
    Probe.SMTP_RELAY: "mail-relay",
    Probe.HTTP_CONNECT: "http-proxy",
    Probe.HTTP_GET: "http-proxy",
    Probe.HTTP_POST: "http-proxy",
    Probe.SOCKS4: "socks-proxy",
    Probe.SOCKS4A: "socks-proxy",
    Probe.SOCKS5: "socks-proxy",
    Probe.TELNET: "telnet-gateway",
}


def agencies_page(page: str, language: str = DEFAULT) -> str:
    """The list of participating agencies, in a language of the letters."""
    return f"{_root(page, language)}/agencies"


def closing_page(page: str, probe: Probe | None = None, language: str = DEFAULT) -> str:
    """Step-by-step closing instructions, for all kinds of servers or for what one probe found."""
    return f"{_root(page, language)}/close" + (f"/{_CLOSING[probe]}" if probe else "")


def case_page(page: str, number: str, mark: str) -> str:
    """The page of one case; only who has its mark finds it."""
    return f"{page.rstrip('/')}/case/{number}/{mark}/"


def control_record(ip: int) -> str:
    """Name of the TXT record by which an address's holder shows that he controls it."""
    first, second, third, last = format_ip(ip).split(".")
    return f"_survey-test.{last}.{third}.{second}.{first}.in-addr.arpa"


def closing_kind(probe: Probe) -> str:
    """The kind of server that a probe finds, as it stands in addresses."""
    return _CLOSING[probe]


def closing_kinds() -> tuple[str, ...]:
    """All kinds of servers, the most wanted first."""
    return tuple(dict.fromkeys(_CLOSING.values()))


def probe_of_kind(kind: str) -> Probe:
    """The first probe that finds a kind of server."""
    return next(probe for probe, found in _CLOSING.items() if found == kind)


def _root(page: str, language: str) -> str:
    """Where the pages of a language begin; English ones at the site's own root."""
    return page.rstrip("/") + ("" if language == DEFAULT else f"/{language}")
