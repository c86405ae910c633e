"""From a report on the disk to what is handed to whom: names, seals, messages; nothing leaves."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pysequoia import Cert, Tsk

from survey.errors import ConfigError, MessageError
from survey.mail.dkim_signature import Signature
from survey.mail.door import Door
from survey.mail.message import Attachment, Mailbox
from survey.mail.openpgp import read_certificate, read_secret, seal
from survey.mail.report_message import ReportMail, report_message
from survey.model.agency import Agency
from survey.model.delivery import (
    Destination,
    FolderDestination,
    MailDestination,
    S3Destination,
    SftpDestination,
)
from survey.model.dispatch import Dispatch, DispatchState
from survey.model.language import choose_language
from survey.notify.wrapping import fill
from survey.reports.covering import Note, covering_note
from survey.reports.feeds.manifest import NAME, Entry, read_file, read_manifest
from survey.reports.languages import speak, written
from survey.storage.outgoing import Outgoing

_COLUMNS = 72


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


def prepare(
    report: Report, destination: Destination, revision: int, means: Means, now: datetime
) -> tuple[Prepared, ...]:
    """Everything that goes to one destination, sealed and named; the manifest last.

    Raises:
        ConfigError: The door does not allow it, a key can't be used, or it is too large.
        StorageError: A file is not the one that the manifest names.
    """
    agency = report.agency
    cert = None
    if agency.openpgp is not None:
        cert = read_certificate(agency.openpgp, agency.fingerprint)
    signer = means.signer()
    wanted = destination.formats or agency.formats
    files = [
        Attachment(
            _delivered(report, one.name, revision), one.media_type, read_file(report.folder, one)
        )
        for one in report.entries
        if one.format in wanted
    ]
    names = {
        one.name: _delivered(report, one.name, revision)
        for one in report.entries
        if one.format in wanted
    }
    manifest = Attachment(
        _delivered(report, NAME, revision), "application/json", _manifest(report, names)
    )
    if isinstance(destination, MailDestination):
        return _messages(
            report,
            destination,
            revision,
            means,
            (*files, manifest),
            cert=cert,
            signer=signer,
            now=now,
        )
    place = _place(destination, means.door)
    parts = [_sealed(file, cert, signer) for file in (*files, manifest)]
    return tuple(
        Prepared(
            _dispatch(
                report,
                destination.name,
                revision,
                name,
                place=place,
                data=data,
                order=order,
                now=now,
            ),
            data,
        )
        for order, (name, data) in enumerate(parts)
    )


def _delivered(report: Report, name: str, revision: int) -> str:
    """A file's name at the receiver: one for good, also where all periods lie in one folder."""
    path = PurePosixPath(name)
    stem = path.stem
    if report.agency.id not in stem:
        stem += f"-{report.agency.id}-{report.period}"
    if revision > 1:
        stem += f"-r{revision}"
    return stem + path.suffix


def _manifest(report: Report, names: dict[str, str]) -> bytes:
    """The manifest of what goes to this destination, with the names that files have there."""
    content = json.loads(report.manifest)
    content["files"] = [
        {**one, "delivered_as": names[one["name"]]}
        for one in content["files"]
        if one["name"] in names
    ]
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _sealed(file: Attachment, cert: Cert | None, signer: Tsk | None) -> tuple[str, bytes]:
    if cert is None:
        return file.name, file.data
    return f"{file.name}.pgp", seal(file.data, cert, signer, armor=False)


def _place(destination: Destination, door: Door) -> str:
    match destination:
        case SftpDestination():
            return door.host(destination.host, destination.port)
        case S3Destination():
            parts = urlsplit(destination.endpoint)
            return door.host(parts.hostname or "", parts.port or 443)
        case FolderDestination():
            return door.folder(destination.folder)
        case MailDestination():
            raise AssertionError(destination)


def _messages(
    report: Report,
    destination: MailDestination,
    revision: int,
    means: Means,
    files: Sequence[Attachment],
    *,
    cert: Cert | None,
    signer: Tsk | None,
    now: datetime,
) -> tuple[Prepared, ...]:
    mail = means.way.mail
    if mail is None:
        raise ConfigError(
            means.source, "mail", "is missing", f"{destination.name!r} of the agency is by mail"
        )
    signature = None
    if mail.dkim is not None:
        signature = Signature(
            mail.dkim.domain, mail.dkim.selector, read_private(means.keys / mail.dkim.key)
        )
    note = covering_note(
        speak(choose_language(report.agency.languages, written())),
        report.agency,
        report.period,
        revision=revision,
        files=[(file.name, len(file.data)) for file in files],
        reply_to=mail.reply_to,
    )
    found = []
    for order, recipient in enumerate(destination.to):
        place = means.door.mailbox(recipient)
        id_ = _id(report, destination.name, revision, recipient)
        message = report_message(
            ReportMail(
                sender=Mailbox(mail.name, mail.sender),
                reply_to=mail.reply_to,
                recipient=recipient,
                subject=note.subject,
                text=_text(note),
                files=files,
                reference=f"report.{id_[:40]}",
                date=now,
            ),
            cert,
            signer,
            signature,
        )
        if len(message) > mail.largest:
            raise MessageError(
                f"{report.agency.id}: the message to {recipient} has {len(message):,} bytes, more "
                f"than mail.largest ({mail.largest:,}); give fewer formats by mail, or use a drop"
            )
        dispatch = _dispatch(
            report,
            destination.name,
            revision,
            recipient,
            place=place,
            data=message,
            order=order,
            now=now,
        )
        found.append(Prepared(dispatch, message))
    return tuple(found)


def _text(note: Note) -> str:
    """The words as a message has them, in lines that a mail reader need not break."""

    def block(paragraph: str) -> str:
        return "\n".join(fill(paragraph, _COLUMNS, "", ""))

    files = "\n".join(f"  {line}" for line in note.files)
    blocks = (*map(block, note.opening), files, *map(block, note.closing))
    return "\n\n".join(blocks) + "\n"


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


def _dispatch(
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
    id_ = _id(report, destination, revision, part)
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


def _id(report: Report, destination: str, revision: int, part: str) -> str:
    name = f"{report.agency.id}\n{report.period}\n{destination}\n{revision}\n{part}"
    return hashlib.sha256(name.encode()).hexdigest()
