"""A report on the disk, what deliveries need, and how one dispatch of it is named."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from pysequoia import Tsk

from survey.errors import ConfigError
from survey.mail.door import Door
from survey.mail.openpgp import read_secret
from survey.model.agency import Agency
from survey.model.dispatch import Dispatch, DispatchState
from survey.reports.feeds.manifest import NAME, Entry, read_manifest
from survey.storage.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was made.

    Attributes:
        agency: Whose.
        period: Its period, as its folder is named.
        folder: Where it lies.
        entries: Its files.
        manifest: Its manifest's bytes.
        campaign: Campaign id.
        run: Run id.
        generated_at: When it was made, UTC.
    """

    agency: Agency
    period: str
    folder: Path
    entries: tuple[Entry, ...]
    manifest: bytes
    campaign: str
    run: str
    generated_at: datetime

    @property
    def sha256(self) -> str:
        """Of the manifest: names the report as it is now."""
        return hashlib.sha256(self.manifest).hexdigest()


@dataclass(frozen=True, slots=True)
class Means:
    """What deliveries need beside the report.

    Attributes:
        way: ``outgoing.toml``.
        source: Where that lies.
        keys: Folder of secret keys.
    """

    way: Outgoing
    source: Path
    keys: Path

    @property
    def door(self) -> Door:
        """Who may be reached."""
        mail = self.way.mail
        return Door(
            self.source,
            frozenset(mail.recipients if mail else ()),
            frozenset(self.way.drops.hosts),
            tuple(map(Path, self.way.drops.folders)),
        )

    def signer(self) -> Tsk | None:
        """Our OpenPGP key, if there is one."""
        return read_secret(self.keys / self.way.openpgp.key) if self.way.openpgp else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """One dispatch with its bytes; nothing of it left yet."""

    dispatch: Dispatch
    data: bytes


def read_report(agency: Agency, period: str, folder: Path) -> Report:
    """The report of an agency and period as it lies there.

    Raises:
        StorageError: There is none, or it is damaged.
    """
    entries = read_manifest(folder)
    manifest = (folder / NAME).read_bytes()
    said = json.loads(manifest)
    made = datetime.fromisoformat(said["generated_at"]).astimezone(UTC)
    return Report(agency, period, folder, entries, manifest, said["campaign"], said["run"], made)


def read_private(path: Path) -> bytes:
    """A secret that is 0600.

    Raises:
        ConfigError: It can't be read, or others may.
    """
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise ConfigError(path, "", f"can't be read ({error.strerror})", "put it there") from error
    if mode & 0o077:
        raise ConfigError(path, "", "others may read this secret", f"chmod 600 {path}")
    return data


def dispatch_of(
    report: Report,
    destination: str,
    revision: int,
    part: str,
    *,
    place: str,
    data: bytes,
    order: int,
    now: datetime,
) -> Dispatch:
    """One message or file as it is planned.

    Args:
        report: What it is of.
        destination: Name of the destination.
        revision: 1, or which correction.
        part: The mailbox, or the file's name at the receiver.
        place: What limits are counted by.
        data: Its bytes.
        order: When it goes out, among those of its destination.
        now: UTC.
    """
    id_ = id_of(report, destination, revision, part)
    # by its ending, whoever must erase an address knows how to look for it
    ending = ".eml" if "@" in part else PurePosixPath(part).suffix
    return Dispatch(
        id=id_,
        agency=report.agency.id,
        period=report.period,
        destination=destination,
        revision=revision,
        part=part,
        place=place,
        report=report.sha256,
        prepared=f"outgoing/{destination}-r{revision}/{id_[:16]}{ending}",
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        order=order,
        state=DispatchState.PLANNED,
        attempts=0,
        changed_at=now,
        receipt="",
    )


def id_of(report: Report, destination: str, revision: int, part: str) -> str:
    """The same for one part of one revision, however often it is prepared."""
    name = f"{report.agency.id}\n{report.period}\n{destination}\n{revision}\n{part}"
    return hashlib.sha256(name.encode()).hexdigest()
