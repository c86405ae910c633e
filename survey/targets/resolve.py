"""From what a campaign asks for to what may be planned: lists read, exclusions taken out."""

import os
from dataclasses import dataclass
from pathlib import Path

from survey.errors import ConfigError
from survey.model.address import format_ip
from survey.model.discovery import Method
from survey.model.plan import Kind
from survey.targets.campaign import Campaign
from survey.targets.ranges import RangeSet, read_range_file
from survey.targets.reach import LOOPBACK, ROUTES, reach

_SHOWN = 5


def check_named_files(path: Path, campaign: Campaign) -> None:
    """Check that the files are there that the campaign file at ``path`` names.

    Raises:
        ConfigError: One is not; the key that names it is named.
    """
    targets, hosts = campaign.targets, campaign.names.hosts
    named = [("targets.lists", file) for file in targets.lists]
    named += [("targets.exclude", file) for file in targets.exclusion_files]
    named += [("names.hosts", hosts)] if hosts else []
    named += [("discovery.files", file) for file in campaign.discovery.files]
    for key, file in named:
        if not (file.is_file() and os.access(file, os.R_OK)):
            cure = "correct the path (a relative one starts from the campaign's folder)"
            raise ConfigError(path, key, f"{file} is no file that can be read", cure)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of a campaign.

    Attributes:
        allowed: May be planned.
        excluded_by: Why and how many were taken out: (reason, addresses).
    """

    allowed: RangeSet
    excluded_by: tuple[tuple[str, int], ...]


def resolve(path: Path, campaign: Campaign, found: RangeSet, routes: Path = ROUTES) -> Resolved:
    """Resolve the targets of the campaign file at ``path``.

    Args:
        path: The campaign's file, for messages.
        campaign: What it says.
        found: Ranges that registries give for its countries, networks and listings.
        routes: The kernel's routing table of this namespace.

    Raises:
        ConfigError: A line of a file that it names can't be read, a lab asks for more than a lab
            may, the canary is among the targets, or nothing is left.
    """
    targets = campaign.targets
    asked = RangeSet.of(targets.ranges) | found
    for file in targets.lists:
        asked |= read_range_file(file)
    excluded_by = []
    reachable = asked & reach(campaign.kind, routes)
    unreachable = asked - reachable
    if campaign.kind is Kind.LAB and unreachable.size:
        cure = "stay in 127.0.0.0/8, or run it in a network namespace without a default route"
        raise ConfigError(path, "targets", f"a lab can't test {describe(unreachable)}", cure)
    excluded_by.append(("special-purpose space", unreachable.size))
    excluded = RangeSet.of(targets.excluded_ranges)
    for file in targets.exclusion_files:
        excluded |= read_range_file(file)
    allowed = reachable - excluded
    excluded_by.append(("exclusions", reachable.size - allowed.size))
    if not allowed.size:
        cure = "ask for more, or exclude less"
        raise ConfigError(path, "targets", "nothing is left to test after exclusions", cure)
    if campaign.discovery.method is Method.SYN and (allowed & RangeSet.of([LOOPBACK])).size:
        cure = 'test 198.18.0.0/15 in a network namespace, or write method = "connect"'
        raise ConfigError(path, "discovery.method", "no SYN of ours gets to 127.0.0.0/8", cure)
    for key, door in campaign.canary.doors:
        if door.ip in allowed:
            cure = f'add "{format_ip(door.ip)}" to targets.exclude'
            raise ConfigError(path, f"canary.{key}", "lies among the targets", cure)
    return Resolved(allowed, tuple(excluded_by))


def check_covered(path: Path, allowed: RangeSet, covered: RangeSet) -> None:
    """Check that the authority covers every address of a plan.

    Raises:
        ConfigError: It does not; the excess is listed.
    """
    excess = allowed - covered
    if excess.size:
        raise ConfigError(
            path,
            "authority.covers",
            f"does not cover {describe(excess)} of the targets",
            "exclude them, or get them covered",
        )


def describe(some: RangeSet) -> str:
    """How many addresses, and the first few ranges."""
    shown = ", ".join(
        f"{format_ip(part.start)}-{format_ip(part.end)}" for part in some.ranges[:_SHOWN]
    )
    more = len(some.ranges) - _SHOWN
    return f"{some.size} addresses ({shown}{f' and {more} more ranges' if more > 0 else ''})"
