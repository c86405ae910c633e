"""What must fit together in a campaign file, beyond each key by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from survey.errors import ConfigError
from survey.model.address import Range, format_ip
from survey.model.discovery import Method
from survey.model.plan import Endpoint, Kind, Patience
from survey.model.retention import LEAST
from survey.targets.ranges import RangeSet, parse_cidr
from survey.targets.reach import LOOPBACK, TEST_NET
from survey.targets.special import special_purpose

if TYPE_CHECKING:
    from pathlib import Path

    from survey.targets.campaign import Campaign

LAB_SPACE = RangeSet.of([LOOPBACK, TEST_NET])

# Documentation space stands for real addresses in examples; nothing answers there anyway.
_EXAMPLES = RangeSet.of(map(parse_cidr, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))

MAX_SURVEY_PER_24 = 10.0
MAX_SURVEY_PER_HOST = 4

SHORTEST_WAITS = {"greylisted": 300.0, "next_envelope": 600.0, "second_opinion": 3600.0}
"""Seconds before a survey tests a target again."""


def check_together(path: Path, campaign: Campaign) -> None:
    """Check a campaign whose keys are right one by one.

    Raises:
        ConfigError: Two keys don't fit together; the one to change is named.
    """
    problem = _problem(campaign)
    if problem:
        raise ConfigError(path, *problem)


def _problem(campaign: Campaign) -> tuple[str, str, str] | None:
    """(key, problem, cure) of the first thing that is wrong."""
    return (
        _asks_for_nothing(campaign)
        or (_survey(campaign) if campaign.kind is Kind.SURVEY else _lab(campaign))
        or _far_end(campaign)
        or _controls(campaign)
        or _work(campaign)
        or _waits(campaign)
        or _discovery(campaign)
        or _retention(campaign)
    )


def _asks_for_nothing(campaign: Campaign) -> tuple[str, str, str] | None:
    asked = campaign.targets
    if not (asked.ranges or asked.countries or asked.networks or asked.lists or asked.listings):
        cure = "give ranges, countries, networks, lists or listings"
        return "targets", "names nothing to test", cure
    if not campaign.probes.chosen:
        return "probes", "names no test", "add one, like [probes.smtp_relay] with ports = [25]"
    for probe, table in campaign.probes.chosen:
        for port in getattr(table, "tls_ports", ()):
            if port in table.ports:
                problem = f"{port} stands among ports, too"
                return f"probes.{probe}.tls_ports", problem, "a port begins with TLS or without"
    authority = campaign.authority
    if authority:
        covers = authority.covers
        if not (covers.ranges or covers.countries or covers.networks):
            return "authority.covers", "covers nothing", "give ranges, countries or networks"
    return None


def _survey(campaign: Campaign) -> tuple[str, str, str] | None:
    if campaign.authority is None:
        return "authority", "is missing", "a survey needs [authority] (docs/campaign.md)"
    if "identity" not in campaign.model_fields_set:
        return "identity", "is missing", "a survey needs [identity] (docs/campaign.md)"
    unroutable = special_purpose() - _EXAMPLES
    for key, ip in _own_addresses(campaign):
        # a source address may be private: it is translated on its way out
        if ip in unroutable and (key.startswith("canary") or ip in LOOPBACK):
            problem = f"{format_ip(ip)} can't be reached from the internet"
            return key, problem, "give a public address"
    if campaign.rate.per_24_per_second > MAX_SURVEY_PER_24:
        cure = f"a survey opens at most {MAX_SURVEY_PER_24:g} connections/s into one /24"
        return "rate.per_24_per_second", f"{campaign.rate.per_24_per_second:g} is too fast", cure
    if campaign.rate.per_host_connections > MAX_SURVEY_PER_HOST:
        cure = f"a survey has at most {MAX_SURVEY_PER_HOST} at once to one address"
        problem = f"{campaign.rate.per_host_connections} is too many"
        return "rate.per_host_connections", problem, cure
    return _hurry(campaign)


def _hurry(campaign: Campaign) -> tuple[str, str, str] | None:
    if campaign.campaign.patience is Patience.LAB:
        cure = 'leave it out, or say "internet"'
        return "campaign.patience", "a lab's patience misses slow servers", cure
    return None


def _lab(campaign: Campaign) -> tuple[str, str, str] | None:
    outside = RangeSet.of(campaign.targets.ranges) - LAB_SPACE
    if outside.size:
        problem = f"{_text(outside.ranges[0])} is outside of a lab"
        cure = 'a lab has 127.0.0.0/8, and 198.18.0.0/15 in a namespace; or kind = "survey"'
        return "targets.ranges", problem, cure
    for key, ip in _own_addresses(campaign):
        if ip not in LAB_SPACE:
            problem = f"{format_ip(ip)} is outside of a lab"
            return key, problem, 'a lab stays in 127.0.0.0/8; or kind = "survey"'
    return None


def _far_end(campaign: Campaign) -> tuple[str, str, str] | None:
    canary = campaign.canary
    if canary.domains[0] == canary.domains[1]:
        cure = "give two: one for recipients, another that no server can take for its own"
        return "canary.domains", "names the same domain twice", cure
    taken: dict[Endpoint, str] = {}
    for key, door in canary.doors:
        if door in taken:
            problem = f"is the same socket as canary.{taken[door]}"
            return f"canary.{key}", problem, "give it another port"
        taken[door] = key
    if campaign.probes.http_get and canary.web is None:
        cure = 'give web = "address:port", where the canary waits for the client'
        return "canary.web", "is missing, and http_get asks for it", cure
    asked = RangeSet.of(campaign.targets.ranges) - RangeSet.of(campaign.targets.excluded_ranges)
    for key, door in canary.doors:
        if door.ip in asked:
            problem = f"{format_ip(door.ip)} lies among targets.ranges"
            cure = f'add "{format_ip(door.ip)}" to targets.exclude'
            return f"canary.{key}", problem, cure
    return None


def _controls(campaign: Campaign) -> tuple[str, str, str] | None:
    asked = RangeSet.of(campaign.targets.ranges) - RangeSet.of(campaign.targets.excluded_ranges)
    doors = {door for _, door in campaign.canary.doors}
    taken: set[Endpoint] = set()
    for control in campaign.controls.all:
        key = f"controls.{control.known_as}"
        text = f"{format_ip(control.at.ip)}:{control.at.port}"
        if control.at in doors:
            return key, f"{text} is the canary itself", "a control is a server apart from it"
        if control.at in taken:
            return key, f"{text} stands there twice", "each control is one thing only"
        taken.add(control.at)
        if control.at.ip in asked:
            cure = f'add "{format_ip(control.at.ip)}" to targets.exclude'
            return key, f"{format_ip(control.at.ip)} lies among targets.ranges", cure
    return None


def _work(campaign: Campaign) -> tuple[str, str, str] | None:
    slots, rate = campaign.cluster.slots, campaign.rate.packets_per_second
    if slots > rate:
        problem = f"{slots} slots can't share {rate} packets/s"
        return "cluster.slots", problem, f"at most {rate}, or raise rate.packets_per_second"
    if campaign.names.hosts and campaign.names.resolver:
        return "names", "has both hosts and resolver", "keep one of them"
    zones = [one.zone for one in campaign.listings.zones]
    for at, zone in enumerate(zones):
        if zone in zones[:at]:
            return f"listings.zones.{at}.zone", f"{zone} stands there twice", "write it once"
    return None


def _waits(campaign: Campaign) -> tuple[str, str, str] | None:
    if campaign.kind is Kind.LAB:
        return None
    for key, least in SHORTEST_WAITS.items():
        wait = getattr(campaign.followups, key)
        if wait < least:
            return f"followups.{key}", f"{wait:g} s is too soon", f"a survey waits {least:g} s"
    return None


def _discovery(campaign: Campaign) -> tuple[str, str, str] | None:
    said, method = campaign.discovery, campaign.discovery.method
    of_syn = {"interface", "gateway", "source_ports"} & said.model_fields_set
    if of_syn and method is not Method.SYN:
        cure = 'take it out, or write method = "syn"'
        return f"discovery.{min(of_syn)}", f'means nothing to method "{method}"', cure
    if said.files and method is not Method.IMPORT:
        cure = 'take it out, or write method = "import"'
        return "discovery.files", f'means nothing to method "{method}"', cure
    if method is Method.IMPORT and not said.files:
        return "discovery.files", "names nothing to import", "name what another scanner wrote"
    first, last = said.source_ports
    if last - first + 1 < campaign.cluster.slots:
        problem = f"{last - first + 1} ports can't be shared by {campaign.cluster.slots} slots"
        return "discovery.source_ports", problem, "give a port for each slot at least"
    return None


def _retention(campaign: Campaign) -> tuple[str, str, str] | None:
    periods = campaign.retention.periods
    for longer, shorter in LEAST:
        days, least = getattr(periods, longer), getattr(periods, shorter)
        if days < least:
            problem = f"{days} days is less than {shorter}, {least}"
            return f"retention.{longer}", problem, f"at least {least}: the latter rests on it"
    return None


def _own_addresses(campaign: Campaign) -> list[tuple[str, int]]:
    """Key and address of everything that is ours."""
    own = [(f"canary.{key}", door.ip) for key, door in campaign.canary.doors]
    own += [(f"controls.{one.known_as}", one.at.ip) for one in campaign.controls.all]
    own += [("identity.source_addresses", ip) for ip in campaign.identity.source_addresses]
    if campaign.kind is Kind.LAB:
        if campaign.discovery.gateway is not None:
            own.append(("discovery.gateway", campaign.discovery.gateway))
        if campaign.names.resolver:
            own.append(("names.resolver", campaign.names.resolver.ip))
        own += [
            (f"listings.zones.{at}.nameserver", one.nameserver.ip)
            for at, one in enumerate(campaign.listings.zones)
        ]
    return own


def _text(part: Range) -> str:
    return f"{format_ip(part.start)}-{format_ip(part.end)}"
