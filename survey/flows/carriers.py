"""Which carrier goes to a destination, with the keys that it needs."""

from survey.errors import ConfigError
from survey.flows.dispatches import Means, read_private
from survey.mail.carrier import Carrier
from survey.mail.folder import Folder
from survey.mail.s3 import S3
from survey.mail.sftp import Sftp
from survey.mail.submission import MailServer, Submission
from survey.model.delivery import (
    Destination,
    FolderDestination,
    MailDestination,
    S3Destination,
    SftpDestination,
)
from survey.storage.outgoing import Tls


def carrier_to(destination: Destination, means: Means) -> Carrier:
    """The carrier; nothing is opened yet.

    Raises:
        ConfigError: A key or password is missing, or others may read it, or the door is shut.
    """
    match destination:
        case MailDestination():
            return Submission(mail_server(means), means.door)
        case SftpDestination():
            read_private(means.keys / destination.key)  # says best what is wrong with it
            return Sftp(destination, means.keys / destination.key, means.door)
        case S3Destination():
            return S3(destination, _access(means, destination.credentials), means.door)
        case FolderDestination():
            return Folder(destination.folder, means.door, takes_away=destination.takes_away)


def mail_server(means: Means) -> MailServer:
    """Our mail server as ``outgoing.toml`` has it.

    Raises:
        ConfigError: It is missing, or its password can't be read, or others may read it.
    """
    mail = means.way.mail
    if mail is None:
        raise ConfigError(means.source, "mail", "is missing", "add it: a destination is by mail")
    password = None
    if mail.password is not None:
        password = read_private(means.keys / mail.password).decode().strip()
    return MailServer(
        host=mail.host,
        port=mail.port,
        implicit=mail.tls is Tls.IMPLICIT,
        authority=means.source.parent / mail.authority if mail.authority else None,
        user=mail.user,
        password=password,
        sender=mail.sender,
        helo=mail.sender.rpartition("@")[2],
    )


def _access(means: Means, name: str) -> tuple[str, str]:
    path = means.keys / name
    lines = read_private(path).decode(errors="replace").split()
    if len(lines) != 2:  # noqa: PLR2004 - id and secret
        raise ConfigError(
            path, "", f"has {len(lines)} words", "write the access key's id and secret, one a line"
        )
    return lines[0], lines[1]
