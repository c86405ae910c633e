"""What a request asks for, read strictly: an unknown or doubled word is refused, never guessed."""

import ipaddress
import re
from collections.abc import Collection, Sequence

from survey.model.address import MAX_IP, Range, parse_ip
from survey.model.case import CaseState
from survey.model.probe import Probe
from survey.portal.desk import Question

LIMIT = 100
"""Rows of a page if nobody says otherwise."""
MOST = 500
"""Rows of a page at most."""
OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
ADDRESS = rf"{OCTET}(\.{OCTET}){{3}}"
PREFIX = rf"{ADDRESS}/(3[0-2]|[12]?[0-9])"
RUN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
AFTER = "[A-Za-z0-9][A-Za-z0-9._-]{0,79}"

OF_REPORTS = ("limit", "after")
OF_FINDINGS = ("limit", "after", "address", "network", "asn", "port", "probe", "run")
OF_CASES = ("limit", "after", "address", "network", "asn", "state")

_MAX_PORT = 65535
_MAX_ASN = 2**32 - 1


class WrongError(Exception):
    """A request can't be understood; its text is for who made it."""


def read_question(pairs: Sequence[tuple[str, str]], known: Collection[str]) -> Question:
    """The question in a query string.

    Raises:
        WrongError: A word is unknown, given twice, or has a value that won't do.
    """
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise WrongError(f"a parameter is unknown here; known: {', '.join(known)}")
        if name in given:
            raise WrongError(f"{name} is given twice")
        given[name] = value
    return Question(
        limit=_number(given, "limit", 1, MOST) or LIMIT,
        after=_word(given, "after", AFTER, "give what the page before said") or "",
        addresses=_addresses(given),
        asn=_number(given, "asn", 1, _MAX_ASN),
        port=_number(given, "port", 1, _MAX_PORT),
        probe=_probe(given),
        run=_word(given, "run", RUN, "give a run's id, as 2026-W48"),
        state=_state(given),
    )


def _number(given: dict[str, str], name: str, least: int, most: int) -> int | None:
    if name not in given:
        return None
    text = given[name]
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise WrongError(f"{name} is a number from {least} to {most}")
    return int(text)


def _word(given: dict[str, str], name: str, pattern: str, cure: str) -> str | None:
    if name in given and not re.fullmatch(pattern, given[name]):
        raise WrongError(f"{name} won't do; {cure}")
    return given.get(name)


def _probe(given: dict[str, str]) -> Probe | None:
    if "probe" not in given:
        return None
    if given["probe"] not in set(Probe):
        raise WrongError(f"probe is one of: {', '.join(Probe)}")
    return Probe(given["probe"])


def _state(given: dict[str, str]) -> str | None:
    if "state" not in given:
        return None
    if given["state"] not in set(CaseState):
        raise WrongError(f"state is one of: {', '.join(CaseState)}")
    return given["state"]


def _addresses(given: dict[str, str]) -> tuple[Range, ...] | None:
    """The one address, the prefix, or what both have in common: maybe nothing."""
    start, end = 0, MAX_IP
    if _word(given, "address", ADDRESS, "write it as 192.0.2.7"):
        start = end = parse_ip(given["address"])
    elif "network" not in given:
        return None
    if _word(given, "network", PREFIX, "write it as 192.0.2.0/24"):
        network = ipaddress.IPv4Network(given["network"], strict=False)
        start, end = max(start, int(network[0])), min(end, int(network[-1]))
    return (Range(start, end),) if start <= end else ()
