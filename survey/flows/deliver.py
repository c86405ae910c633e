"""Hand a report to its agency: each step is written down first, nothing goes twice or is lost.

The order of every dispatch (docs/delivery.md)::

    prepared bytes on the disk -> PLANNED -> SENDING -> prepare -> HANDING -> hand over -> DELIVERED

Whoever finds a dispatch in SENDING knows that the receiver can't have it and begins anew.  Whoever
finds one in HANDING asks the receiver; where that can't be asked it is UNCERTAIN, and stays so
until a person settles it.
"""

import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from survey.errors import ConfigError, StorageError
from survey.flows.carriers import carrier_to
from survey.flows.dispatches import Means, Prepared, Report, prepare, read_report
from survey.flows.erasure import texts
from survey.mail.carrier import Carrier, DoubtError, NotTakenError
from survey.model.agency import Agency
from survey.model.delivery import Destination, MailDestination
from survey.model.dispatch import Dispatch, DispatchState
from survey.model.hostile import show_text
from survey.model.plan import Plan
from survey.reports.feeds.manifest import NAME
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

_HOUR = timedelta(hours=1)
_OPEN = {DispatchState.PLANNED, DispatchState.SENDING}
_BEGUN = {DispatchState.HANDING, DispatchState.DELIVERED, DispatchState.UNCERTAIN}
_MANIFEST = Path(NAME).stem
"""How a manifest's name begins, at a receiver, too."""

Say = Callable[[str], None]


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
            drive = _Drive(report.folder, ledger, carrier, clock)
            limit = _limit(means, destination)
            try:
                put_off += [text async for text in _hand_over(rows, drive, limit, say)]
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
        _check_optouts(load_plan(plan), report)
    return agency, report, layout


def _check_optouts(plan: Plan, report: Report) -> None:
    """Who opted out after the report was made must not be handed to anybody."""
    since = RangeSet.of(
        part
        for entry in read_log(Path(plan.optouts)).entries
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


async def _hand_over(
    rows: Sequence[Dispatch], drive: "_Drive", limit: int, say: Say
) -> AsyncIterator[str]:
    """Each row as far as it goes today; yields what is put off."""
    for row in rows:
        if row.state is DispatchState.PLANNED:
            if row.part.startswith(_MANIFEST) and row.revision in drive.left:
                yield f"{row.part}: waits for the other files"
                continue
            if drive.handed(row.place) >= limit:
                drive.left.add(row.revision)
                yield f"{row.part}: {limit} an hour went to {row.place}; it waits"
                continue
        if reason := await drive.on(row):
            yield f"{row.part}: {reason}"
        say(f"{row.destination}: {row.part}: {drive.now.state}{_why(drive.now)}")


def _why(one: Dispatch) -> str:
    return f" ({show_text(one.receipt, 200)})" if one.receipt else ""


def _limit(means: Means, destination: Destination) -> int:
    """How many dispatches an hour may go to one place."""
    if isinstance(destination, MailDestination) and means.way.mail is not None:
        return means.way.mail.per_hour
    return means.way.drops.per_hour


class _Drive:
    """One dispatch after the other through its steps, by one carrier."""

    def __init__(
        self, folder: Path, ledger: Ledger, carrier: Carrier, clock: Callable[[], datetime]
    ) -> None:
        self._folder, self._ledger, self._carrier, self._clock = folder, ledger, carrier, clock
        self.left: set[int] = set()
        """Revisions of which something was not delivered."""

    def handed(self, place: str) -> int:
        """How many dispatches went to a place in the last hour."""
        return self._ledger.handed_since(place, self._clock() - _HOUR)

    async def on(self, row: Dispatch) -> str:
        """As far as it goes; why it is put off, or ""."""
        self.now = row
        reason = ""
        if row.state is DispatchState.SENDING:
            self._mark(DispatchState.PLANNED, "was broken off before it was handed over")
        elif row.state is DispatchState.HANDING:
            reason = await self._ask()
        if self.now.state is DispatchState.PLANNED and not reason:
            reason = await self._send()
        if self.now.state is not DispatchState.DELIVERED:
            self.left.add(row.revision)
        return reason

    async def _send(self) -> str:
        data = _prepared(self._folder, self.now)
        self._mark(DispatchState.SENDING)
        try:
            await self._carrier.prepare(self.now, data)
            self._mark(DispatchState.HANDING)
            receipt = await self._carrier.hand_over(self.now, data)
        except NotTakenError as error:
            return self._not_taken(error)
        except DoubtError as error:
            return await self._ask(str(error))
        self._mark(DispatchState.DELIVERED, receipt)
        return ""

    async def _ask(self, why: str = "was broken off while it was handed over") -> str:
        try:
            there = await self._carrier.ask(self.now)
        except NotTakenError as error:
            if error.final:
                return self._not_taken(error)
            return f"{why}; {error}"  # stays as it is, and is asked again
        if there is None:
            self._mark(DispatchState.UNCERTAIN, f"{why}, and the receiver can't tell")
            return ""
        if there:
            self._mark(DispatchState.DELIVERED, f"{why}; asked: it is there")
            return ""
        self._mark(DispatchState.PLANNED, f"{why}; asked: it is not there")
        return "" if why.startswith("was broken off") else f"{why}; it is not there"

    def _not_taken(self, error: NotTakenError) -> str:
        self._mark(DispatchState.REFUSED if error.final else DispatchState.PLANNED, str(error))
        return "" if error.final else str(error)

    def _mark(self, state: DispatchState, receipt: str = "") -> None:
        self.now = self._ledger.mark(self.now, state, receipt, now=self._clock())


def _prepared(folder: Path, one: Dispatch) -> bytes:
    """The bytes that were prepared, and no others.

    Raises:
        StorageError: They are gone or changed.
    """
    path = folder / one.prepared
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: what was prepared is gone: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != one.sha256:
        raise StorageError(f"{path}: is not what was prepared; send the report by --corrected")
    return data


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)
