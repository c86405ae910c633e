"""Hand a report to its agency: each step is written down first, nothing goes twice or is lost.

Prepared bytes are on the disk before a dispatch is planned; ``flows.handing_over`` takes it on.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.errors import ConfigError, StorageError
from survey.flows.carriers import carrier_to
from survey.flows.dispatches import Means, Prepared, Report, read_report
from survey.flows.erasure import texts
from survey.flows.handing_over import Drive, Say, hand_over
from survey.flows.preparing import prepare
from survey.mail.carrier import Carrier
from survey.model.agency import Agency
from survey.model.delivery import Destination, MailDestination
from survey.model.dispatch import Dispatch, DispatchState
from survey.settings import Settings
from survey.storage.agencies import find_agency
from survey.storage.audit import record
from survey.storage.files import replacing
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.mentions import names_any
from survey.storage.outgoing import read_outgoing
from survey.targets.optouts import read_log
from survey.targets.plan import load_plan
from survey.targets.ranges import RangeSet

_OPEN = {DispatchState.PLANNED, DispatchState.SENDING}
_BEGUN = {DispatchState.HANDING, DispatchState.DELIVERED, DispatchState.UNCERTAIN}


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the dispatches of one report stand after a delivery.

    Attributes:
        agency: Agency id.
        period: The report's period.
        dispatches: Every one, as it is now, in the order in which they go out.
        put_off: What will be tried again by the next delivery, and why.
    """

    agency: str
    period: str
    dispatches: tuple[Dispatch, ...]
    put_off: tuple[str, ...]

    def having(self, state: DispatchState) -> tuple[Dispatch, ...]:
        """Those in one state."""
        return tuple(one for one in self.dispatches if one.state is state)


def means_of(settings: Settings, outgoing: Path) -> Means:
    """What deliveries need, read from ``outgoing.toml``."""
    return Means(read_outgoing(outgoing), outgoing, settings.keys)


def open_ledger(settings: Settings, means: Means) -> Ledger:
    """The ledger that ``outgoing.toml`` names, else the one beside the data."""
    layout = Layout(settings.data)
    stated = means.way.ledger
    url = stated.url if stated else f"sqlite:///{layout.ledger}"
    return Ledger.open(url, layout.ledger.with_name("deliver.lock"))


def ledger_there(settings: Settings, outgoing: Path) -> Ledger | None:
    """The ledger that ``outgoing.toml`` names or that lies beside the data; None if none does.

    Raises:
        ConfigError: ``outgoing.toml`` is wrong.
    """
    means = means_of(settings, outgoing) if outgoing.is_file() else None
    if means is not None and means.way.ledger is not None:
        return open_ledger(settings, means)
    layout = Layout(settings.data)
    if not layout.ledger.is_file():
        return None
    return Ledger.open(f"sqlite:///{layout.ledger}", layout.ledger.with_name("deliver.lock"))


def rehearse(
    settings: Settings, agency_id: str, period: str, means: Means, now: datetime
) -> tuple[Prepared, ...]:
    """Prepare everything as a delivery would, write it below ``dry-run``, and send nothing.

    The ledger is neither read nor written: this is what a first delivery would hand over.
    """
    agency, report, layout = _read(settings, agency_id, period)
    shutil.rmtree(report.folder / "dry-run", ignore_errors=True)
    made = [
        one
        for destination in _destinations(agency)
        for one in prepare(report, destination, 1, means, now)
    ]
    asked = f"agency={agency.id} period={period} dry-run"
    record(layout, "deliver", asked, now=now)
    for one in made:
        name = Path(one.dispatch.prepared).relative_to("outgoing")
        _write(report.folder / "dry-run" / name, one.data)
    return tuple(made)


async def deliver(
    settings: Settings,
    agency_id: str,
    period: str,
    means: Means,
    ledger: Ledger,
    *,
    corrected: bool = False,
    say: Say = lambda line: None,  # noqa: ARG005
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    carry: Callable[[Destination, Means], Carrier] = carrier_to,
) -> Delivery:
    """Hand over what is not handed over yet; may be broken off anywhere and called again.

    Args:
        settings: Where data, keys and agencies are.
        agency_id: Whose report.
        period: Of which period.
        means: The way out.
        ledger: What was handed over before.
        corrected: Send a report that was made anew after an earlier one was planned or sent.
        say: Told what happens, one line each; no tested host in it.
        clock: The time, UTC.
        carry: Makes the carrier to a destination.

    Raises:
        ConfigError: The agency, a key or the way out is wrong; nothing was sent.
        StorageError: There is no report, or it names an address that opted out since.
        BusyError: Another delivery is under way.
    """
    agency, report, layout = _read(settings, agency_id, period)
    put_off: list[str] = []
    with ledger.exclusive():
        for destination in _destinations(agency):
            known = [
                one
                for one in ledger.dispatches(agency.id, period)
                if one.destination == destination.name
            ]
            newest = max((one.revision for one in known), default=0)
            anew = any(one.revision == newest and one.report != report.sha256 for one in known)
            begun = any(one.revision == newest and one.state in _BEGUN for one in known)
            if not known or (anew and (corrected or not begun)):
                newest, anew = newest + 1, False
                made = prepare(report, destination, newest, means, clock())
                _plan(layout, report, made, ledger, clock())
                known += [one.dispatch for one in made]
            rows = _superseded(ledger, known, newest, clock)
            if anew:  # never the bytes of an older report; but what was begun is asked about
                put_off += [
                    f"{one.part}: the report was made anew; --corrected sends it"
                    for one in rows
                    if one.state in _OPEN
                ]
                rows = [one for one in rows if one.state not in _OPEN]
            carrier = carry(destination, means)
            drive = Drive(report.folder, ledger, carrier, clock)
            limit = _limit(means, destination)
            try:
                put_off += [text async for text in hand_over(rows, drive, limit, say)]
            finally:
                await carrier.close()
        rows_now = ledger.dispatches(agency.id, period)
        for one in rows_now:
            if one.state is DispatchState.DELIVERED or one.revision < _newest(rows_now, one):
                (report.folder / one.prepared).unlink(missing_ok=True)
    return Delivery(agency.id, period, rows_now, tuple(put_off))


def settle(ledger: Ledger, start: str, *, arrived: bool, by: str, now: datetime) -> Dispatch:
    """A person found out what became of an uncertain or refused dispatch.

    Args:
        ledger: The ledger.
        start: How the dispatch's id begins.
        arrived: Whether the receiver has it; if not, the next delivery sends it.
        by: Who found out, and how.
        now: UTC.

    Raises:
        ConfigError: There is no such dispatch, or nothing is uncertain about it.
    """
    with ledger.exclusive():
        one = ledger.find(start)
        if one.state not in {DispatchState.UNCERTAIN, DispatchState.REFUSED}:
            raise ConfigError(
                "dispatch", "", f"{one.id[:12]} is {one.state}", "only a doubt can be settled"
            )
        state = DispatchState.DELIVERED if arrived else DispatchState.PLANNED
        return ledger.mark(one, state, f"settled by {by}", now=now)


def _read(settings: Settings, agency_id: str, period: str) -> tuple[Agency, Report, Layout]:
    layout = Layout(settings.data)
    agency = find_agency(settings.agencies, agency_id)
    report = read_report(agency, period, layout.report(agency.id, period))
    plan = layout.run(report.campaign, report.run).plan
    if plan.is_file():
        check_optouts(Path(load_plan(plan).optouts), report)
    return agency, report, layout


def check_optouts(log: Path, report: Report) -> None:
    """Who opted out after the report was made must not be handed to anybody.

    Raises:
        StorageError: It names somebody who did.
        GateClosedError: The opt-out log can't be read.
    """
    since = RangeSet.of(
        part
        for entry in read_log(log).entries
        if entry.added_at > report.generated_at
        for part in entry.ranges
    )
    paths = [report.folder / one.name for one in report.entries]
    if since.size and any(
        names_any(text, since) for path in paths if path.is_file() for text in texts(path)
    ):
        raise StorageError(
            f"{report.folder}: names an address that opted out after it was made; make it again"
        )


def _destinations(agency: Agency) -> Iterator[Destination]:
    if not agency.delivery:
        raise ConfigError(f"{agency.id}.toml", "delivery", "is missing", "say where its reports go")
    yield from agency.delivery


def _newest(rows: Sequence[Dispatch], like: Dispatch) -> int:
    """The newest revision at the same destination."""
    return max(one.revision for one in rows if one.destination == like.destination)


def _plan(
    layout: Layout, report: Report, made: Sequence[Prepared], ledger: Ledger, now: datetime
) -> None:
    """Put the bytes on the disk, and only then write the rows: a row always has its bytes."""
    first = made[0].dispatch
    asked = f"agency={first.agency} period={first.period} to={first.destination}"
    record(layout, "deliver", f"{asked} revision={first.revision}", now=now)
    for one in made:
        _write(report.folder / one.dispatch.prepared, one.data)
    ledger.plan([one.dispatch for one in made])


def _superseded(
    ledger: Ledger, known: Sequence[Dispatch], newest: int, clock: Callable[[], datetime]
) -> list[Dispatch]:
    """Rows that are to be handed over; of older revisions only what was begun and is open."""
    rows = []
    for one in known:
        if one.revision < newest and one.state in _OPEN:
            ledger.mark(one, DispatchState.REFUSED, f"superseded by revision {newest}", now=clock())
        else:
            rows.append(one)
    return rows


def _limit(means: Means, destination: Destination) -> int:
    """How many dispatches an hour may go to one place."""
    if isinstance(destination, MailDestination) and means.way.mail is not None:
        return means.way.mail.per_hour
    return means.way.drops.per_hour


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)
