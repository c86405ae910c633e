"""The feeds of one report, and the manifest of everything that belongs to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.errors import StorageError
from survey.model.agency import Agency
from survey.model.assignment import Receipt
from survey.model.delivery import Format
from survey.model.exposure import NOTHING_KNOWN, Known, OpenServer, ServerKey
from survey.model.plan import Plan
from survey.reports.feeds.about import About
from survey.reports.feeds.files import feed_files
from survey.reports.feeds.manifest import NAME, Entry, entry, manifest_text, read_manifest
from survey.reports.feeds.row import make_rows
from survey.storage.files import replacing


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the report that is no feed and is there already.

    Attributes:
        path: Where it is.
        format: In which form.
        rows: How many findings it names; None if it names none.
    """

    path: Path
    format: Format
    rows: int | None


def about(agency: Agency, plan: Plan, receipts: Sequence[Receipt], now: datetime) -> About:
    """What all feeds of one agency's report have in common."""
    begun = plan.created_at.astimezone(UTC)
    return About(
        agency=agency,
        campaign=plan.campaign,
        run=plan.run,
        operator=plan.identity.operator,
        contact=plan.identity.contact,
        page=plan.identity.page,
        started_at=min((one.started_at for one in receipts), default=begun).astimezone(UTC),
        finished_at=max((one.finished_at for one in receipts), default=begun).astimezone(UTC),
        generated_at=now.astimezone(UTC).replace(microsecond=0),
    )


def write_feeds(
    folder: Path,
    of: About,
    servers: Iterable[OpenServer],
    others: Sequence[Written],
    *,
    tested: int,
    opted_out: int,
    known: Mapping[ServerKey, Known] = NOTHING_KNOWN,
) -> tuple[Entry, ...]:
    """Write the feeds among the agency's formats, and last the manifest of these and ``others``.

    A file of an earlier making that no longer belongs to the report is removed.  The manifest is
    written last: whoever stops before it leaves one that its files do not fit, and nothing of that
    is delivered.
    """
    before = _earlier(folder)
    entries = [
        entry(one.path.name, one.format, one.rows, one.path.read_bytes())
        for one in others
        if one.format in of.agency.formats
    ]
    rows = make_rows(servers, of.campaign, of.run, of.page, known)
    for file in feed_files(of, rows):
        _write(folder / file.name, file.data)
        entries.append(entry(file.name, file.format, file.rows, file.data))
    text = manifest_text(of, entries, tested=tested, opted_out=opted_out)
    _write(folder / NAME, text.encode())
    kept = {one.name for one in entries} | {one.path.name for one in others}
    for name in before - kept:
        (folder / name).unlink(missing_ok=True)
    return tuple(entries)


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)


def _earlier(folder: Path) -> set[str]:
    """What the manifest of an earlier making names, if there is one that can be read."""
    try:
        return {one.name for one in read_manifest(folder)}
    except StorageError:
        return set()
