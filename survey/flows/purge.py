"""``survey purge``: takes away what is past its period, and what was asked to be forgotten.

Every step replaces a file whole or blanks lines in place, so it may be killed anywhere and run
again, and readers go on.  Counts of what was sent and found stay (law 6).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

from survey.errors import BusyError, ConfigError, GateClosedError
from survey.flows.case_expiry import cases_naming, expired_cases
from survey.flows.erasure import naming, plans_naming
from survey.flows.expiry import Periods, expired
from survey.flows.removal import Removal
from survey.flows.sharing import exchange
from survey.model.retention import Retention, Why
from survey.settings import Settings
from survey.storage import audit
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.lock import held
from survey.storage.retention import campaigns_in, note_retention, read_retention, strangers
from survey.targets.campaign import read_campaign
from survey.targets.optouts import read_log
from survey.targets.plan import load_plan
from survey.targets.ranges import RangeSet

NOBODY = RangeSet.of(())


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge takes away, or has taken.

    Attributes:
        removals: Everything that goes, table by table.
        periods: Each campaign's periods; None for one that never stated them.
        strangers: Files that are none of ours, so that nobody knows when they go.
        unread: Opt-out logs that can't be read here, so that their wishes are not known.
        plans: Plans that stay, although an address to forget is the edge of one of their ranges.
        left: What could not be done now, because a scan or a canary is at work.
    """

    removals: tuple[Removal, ...]
    periods: Mapping[str, Retention | None]
    strangers: tuple[str, ...]
    unread: tuple[str, ...]
    plans: tuple[str, ...]
    left: tuple[Removal, ...] = ()

    def rows(self, why: Why | None = None) -> int:
        """How many rows go, all in all or for one reason."""
        return sum(one.rows for one in self.removals if why in {None, one.why})


def state_periods(settings: Settings, campaigns: tuple[Path, ...]) -> None:
    """Write down what some campaign files say now about how long rows are kept.

    Raises:
        ConfigError: A campaign file is wrong.
    """
    layout = Layout(settings.data)
    for path in campaigns:
        campaign = read_campaign(path)
        if campaign.id in campaigns_in(layout):
            note_retention(layout, campaign.id, campaign.retention.periods)


def plan_purge(
    settings: Settings,
    *,
    campaigns: tuple[Path, ...] = (),
    forget: RangeSet = NOBODY,
    optouts: Path | None = None,
    only_erasure: bool = False,
    ledger: Ledger | None = None,
    now: datetime | None = None,
) -> Purge:
    """What would go now; nothing is touched.

    Args:
        settings: Where things are.
        campaigns: Campaign files whose periods count instead of those that are written down.
        forget: Addresses to forget besides those whose opt-out asked for it.
        optouts: The opt-out log, instead of those that the plans name.
        only_erasure: Leave what is past its period for another time.
        ledger: Where cases and letters are; None: no ledger is there.
        now: UTC; this moment if not given.

    Raises:
        ConfigError: There is no such data directory, or a campaign file is wrong.
        StorageError: A table is damaged.
    """
    moment = now or datetime.now(UTC)
    layout = Layout(settings.data)
    if not layout.root.is_dir():
        raise ConfigError(layout.root, "", "there is no such data directory", "check --data")
    stated = {one.id: one.retention.periods for one in map(read_campaign, campaigns)}
    known = {one: stated.get(one) or read_retention(layout, one) for one in campaigns_in(layout)}
    wished, wished_at, unread = _wishes(layout, optouts)
    gone = forget | wished
    removals = list(naming(layout, gone, moment, moment if forget.size else wished_at))
    removals += cases_naming(ledger, gone) if ledger is not None else ()
    if not only_erasure:
        periods = _periods(known)
        old = [*expired(layout, periods, moment)]
        if ledger is not None and periods.shared is not None:
            old += expired_cases(ledger, periods.shared, moment)
        removals = [*old, *removals]
    return Purge(
        removals=tuple(removals),
        periods=known,
        strangers=tuple(map(str, strangers(layout))),
        unread=unread,
        plans=plans_naming(layout, gone),
    )


def carry_out(settings: Settings, plan: Callable[[], Purge], say: Callable[[str], None]) -> Purge:
    """Do what a plan says; an audit line without an address is on disk before.

    What is past its period goes first; then the plan is made anew, since fewer rows are left.

    Returns:
        What was done, and what was left because a scan or a canary is at work.

    Raises:
        StorageError: A table is damaged, or there is no room; run it again.
    """
    layout = Layout(settings.data)
    exchange(settings)
    first = plan()
    if not first.removals:
        return first
    counts = " ".join(f"{why}={first.rows(why)}" for why in Why if first.rows(why))
    audit.record(layout, "purge", counts)
    left: list[Removal] = []
    for erasing in (False, True):
        these = first if not erasing else plan()
        some = [one for one in these.removals if (one.why is Why.ERASED) == erasing]
        for one in some:
            say(f"{one.table}: {one.where}")
            with _alone(layout, one) as free:
                if not free or not one.carry_out():
                    left.append(one)
    exchange(settings)
    return Purge(
        first.removals, first.periods, first.strangers, first.unread, first.plans, tuple(left)
    )


@contextmanager
def _alone(layout: Layout, one: Removal) -> Iterator[bool]:
    """Whether no coordinator works here, as long as that matters."""
    if not one.alone:
        yield True
        return
    try:
        with held(layout.lock):
            yield True
    except BusyError:
        yield False


def _periods(known: Mapping[str, Retention | None]) -> Periods:
    own = {name: keep for name, keep in known.items() if keep is not None}
    if len(own) < len(known):
        return Periods(own, None)
    return Periods(own, reduce(Retention.longest, own.values()) if own else Retention())


def _wishes(layout: Layout, log: Path | None) -> tuple[RangeSet, datetime | None, tuple[str, ...]]:
    """The addresses that opt-outs ask to forget, since when, and the logs that can't be read."""
    plans = layout.campaigns.glob("*/*/plan.json")
    paths = {log} if log else {Path(load_plan(path).optouts) for path in plans}
    wished, unread = NOBODY, []
    times: list[datetime] = []
    for path in sorted(paths):
        try:
            told = read_log(path)
            wished |= told.to_erase
            times += [told.wished_at] if told.wished_at else []
        except GateClosedError:
            unread.append(str(path))
    return wished, max(times, default=None), tuple(unread)
