"""``survey listings check``: asks a campaign's DNSBLs about addresses, within permission and rate.

Nothing is asked unless the campaign names a zone with its permission.  An answer that still holds
is not asked for again; who has opted out is not asked about.  What was answered is on disk every
few hundred answers, so that a check that was interrupted goes on where it was.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from survey.enrichment.dnsbl import Answer, Asker, DnsblDoor, Pace
from survey.errors import ConfigError, StoppedError
from survey.model.listing import Dnsbl, Listed
from survey.settings import Settings
from survey.storage import audit
from survey.storage.layout import Layout
from survey.storage.listing_checks import Check, read_checks, write_checks
from survey.storage.lock import held
from survey.targets.campaign import Campaign
from survey.targets.optouts import read_log

AT_ONCE = 64
"""Questions to one zone that may wait for their answers at the same time."""
WRITE_AFTER = 500
"""Answers after which they are written."""
GIVE_UP_AFTER = 20
"""Unknowns in a row after which a zone is left alone; the rest can be asked another time."""


@dataclass(frozen=True, slots=True)
class ZoneSummary:
    """What came of one zone.  Counts only.

    Attributes:
        zone: Which.
        asked: Addresses that it was asked about.
        cached: Addresses whose answer still held.
        listed: Addresses that it lists, now or by an answer that still holds.
        not_listed: Addresses that it does not list.
        unknown: Addresses of which nothing is known.
        trouble: Why it was not asked, or not to the end; or "".
    """

    zone: str
    asked: int
    cached: int
    listed: int
    not_listed: int
    unknown: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        zones: Each zone's counts.
        opted_out: Addresses that nobody was asked about.
        checks: What is known of each (zone, address) that was wished for.
    """

    zones: tuple[ZoneSummary, ...]
    opted_out: int
    checks: tuple[Check, ...]


def check_listings(
    settings: Settings,
    campaign_path: Path,
    campaign: Campaign,
    ips: Iterable[int],
    say: Callable[[str], None],
) -> Checked:
    """Look addresses up in the campaign's DNSBLs.

    Raises:
        ConfigError: The campaign names no zone.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
        BusyError: Somebody else is checking in this data directory.
        StoppedError: Ctrl-C; what was answered until then is kept.
    """
    zones = [one.dnsbl for one in campaign.listings.zones]
    if not zones:
        raise ConfigError(
            campaign_path,
            "listings.zones",
            "is missing, so no DNSBL may be asked",
            "add [[listings.zones]] with its permission and rate (docs/listings.md)",
        )
    layout = Layout(settings.data)
    wished = sorted(set(ips))
    gone = read_log(campaign.optouts.path).ranges
    asked_about = [ip for ip in wished if ip not in gone]
    keep = timedelta(days=campaign.retention.periods.findings)
    busy = "another check is running in this data directory; wait for it"
    with held(layout.listings / "check.lock", busy):
        audit.record(
            layout,
            "listings check",
            f"addresses={len(asked_about)} zones={','.join(one.zone for one in zones)}",
        )
        visits = [_Visit(layout, dnsbl, asked_about, keep) for dnsbl in zones]
        door = DnsblDoor(dnsbl.nameserver for dnsbl in zones)
        for visit in visits:
            say(visit.intention())
        try:
            asyncio.run(_all(visits, door))
        except KeyboardInterrupt as error:
            raise StoppedError(
                "stopped; what was answered is kept, run it again to go on"
            ) from error
    return Checked(
        zones=tuple(visit.summary() for visit in visits),
        opted_out=len(wished) - len(asked_about),
        checks=tuple(check for visit in visits for check in visit.known()),
    )


async def _all(visits: "list[_Visit]", door: DnsblDoor) -> None:
    """All zones at the same time, each at its own pace."""
    async with asyncio.TaskGroup() as group:
        for visit in visits:
            group.create_task(visit.run(door))


class _Visit:
    """One zone and the addresses to ask it about."""

    def __init__(self, layout: Layout, dnsbl: Dnsbl, ips: list[int], keep: timedelta) -> None:
        self._layout = layout
        self._dnsbl = dnsbl
        self._ips = ips
        now = datetime.now(UTC)
        self._checks = {
            ip: check
            for ip, check in read_checks(layout, dnsbl.zone).items()
            if check.asked_at > now - keep
        }
        fresh = now - timedelta(hours=dnsbl.cache_hours)
        self._due = [ip for ip in ips if not self._holds(ip, fresh)]
        self._cached = len(ips) - len(self._due)
        self._asked = 0
        self._unwritten = 0
        self._in_a_row = 0
        self._trouble = ""

    def intention(self) -> str:
        """What will be asked, and how long it takes at least."""
        seconds = len(self._due) / self._dnsbl.queries_per_second
        return (
            f"{self._dnsbl.zone}: asks about {len(self._due):,} addresses in {seconds:,.0f} s or "
            f"more, knows {self._cached:,} ({self._dnsbl.permission})"
        )

    def summary(self) -> ZoneSummary:
        """Its counts."""
        states = [check.state for check in self.known()]
        return ZoneSummary(
            zone=self._dnsbl.zone,
            asked=self._asked,
            cached=self._cached,
            listed=states.count(Listed.LISTED),
            not_listed=states.count(Listed.NOT_LISTED),
            unknown=len(self._ips) - states.count(Listed.LISTED) - states.count(Listed.NOT_LISTED),
            trouble=self._trouble,
        )

    def known(self) -> Iterator[Check]:
        """What is known of the addresses."""
        return (self._checks[ip] for ip in self._ips if ip in self._checks)

    async def run(self, door: DnsblDoor) -> None:
        """Ask until all is known, or the zone is in trouble."""
        if not self._due:
            return
        clock = asyncio.get_running_loop().time
        asker = Asker(self._dnsbl, door, Pace(self._dnsbl.queries_per_second, clock))
        self._trouble = await asker.trouble()
        if self._trouble:
            return
        waiting = iter(self._due)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(self._due))):
                    group.create_task(self._work(asker, waiting))
        finally:
            self._write()

    async def _work(self, asker: Asker, waiting: Iterator[int]) -> None:
        for ip in waiting:
            if self._in_a_row >= GIVE_UP_AFTER:
                self._trouble = f"gave no usable answer {GIVE_UP_AFTER} times in a row"
                return
            self._note(ip, await asker.look_up(ip))

    def _note(self, ip: int, answer: Answer) -> None:
        self._asked += 1
        unknown = answer.state is Listed.UNKNOWN
        self._in_a_row = self._in_a_row + 1 if unknown else 0
        self._checks[ip] = after(
            self._checks.get(ip), self._dnsbl.zone, ip, answer, datetime.now(UTC)
        )
        self._unwritten += 1
        if self._unwritten >= WRITE_AFTER:
            self._write()

    def _write(self) -> None:
        write_checks(self._layout, self._dnsbl.zone, self._checks)
        self._unwritten = 0

    def _holds(self, ip: int, fresh: datetime) -> bool:
        check = self._checks.get(ip)
        return (
            check is not None
            and check.state is not Listed.UNKNOWN
            and check.checked_at is not None
            and check.checked_at > fresh
        )


def after(before: Check | None, zone: str, ip: int, answer: Answer, now: datetime) -> Check:
    """The row after one more answer: what it was, and since when it has been listed."""
    if before is None:
        before = Check(zone, ip, Listed.UNKNOWN, None, None, None, None, None, now)
    known = replace(before, state=answer.state, asked_at=now)
    match answer.state:
        case Listed.UNKNOWN:
            return known
        case Listed.NOT_LISTED:
            return replace(known, checked_at=now, since=None)
        case Listed.LISTED:
            return replace(
                known,
                checked_at=now,
                since=before.since if before.stands and before.since else now,
                last_seen=now,
                code=",".join(answer.codes),
                reason=answer.reason,
            )
