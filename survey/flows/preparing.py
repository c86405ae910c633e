"""What a destination gets of a report: names, seals, messages, whole bytes; nothing leaves."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from pysequoia import Cert, Tsk

from survey.errors import ConfigError, MessageError
from survey.flows.dispatches import Means, Prepared, Report, dispatch_of, id_of, read_private
from survey.mail.dkim_signature import Signature
from survey.mail.door import Door
from survey.mail.message import Attachment, Mailbox
from survey.mail.openpgp import read_certificate, seal
from survey.mail.report_message import ReportMail, report_message
from survey.model.delivery import (
    Destination,
    FolderDestination,
    MailDestination,
    S3Destination,
    SftpDestination,
)
from survey.model.language import choose_language
from survey.notify.wrapping import fill
from survey.reports.covering import Note, covering_note
from survey.reports.feeds.manifest import NAME, read_file
from survey.reports.languages import speak, written

_COLUMNS = 72


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
            dispatch_of(
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
        id_ = id_of(report, destination.name, revision, recipient)
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
        dispatch = dispatch_of(
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
