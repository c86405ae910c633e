"""``outgoing.toml``: the ways out for reports and letters, and who may be reached by them.

Nothing leaves towards an agency that this file does not allow, whatever the agency's own file says:
two people must have written it down.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from survey.storage.agency_file import File, Host, Line, Mailbox, Port, matching
from survey.storage.config_file import read_config

_DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+")
_HTTPS = re.compile(r"https://[A-Za-z0-9._~:/-]+")
_PLACE = re.compile(r"[a-z0-9.-]+:[0-9]{1,5}")


class Tls(StrEnum):
    """How TLS begins on the way to our mail server; there is no way without."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DkimTable(_Closed):
    """``[mail.dkim]``."""

    domain: Annotated[str, matching(_DOMAIN, "write a domain")]
    selector: File
    key: File


class MailTable(_Closed):
    """``[mail]``: our own mail server, to which reports are submitted."""

    host: Host
    port: Port = 465
    tls: Annotated[Tls, Field(strict=False)] = Tls.IMPLICIT
    authority: File | None = None
    user: Line | None = None
    password: File | None = None
    sender: Mailbox
    name: Line
    reply_to: Mailbox
    recipients: list[Annotated[str, matching(_DOMAIN, "write a domain")]]
    largest: Annotated[int, Field(ge=10_000)] = 20_000_000
    per_hour: Annotated[int, Field(ge=1)] = 30
    dkim: DkimTable | None = None


class OpenpgpTable(_Closed):
    """``[openpgp]``."""

    key: File


def _absolute(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError(f"{text!r} won't do; write an absolute path")
    return text


class DropsTable(_Closed):
    """``[drops]``: SFTP servers and S3 stores by host and port, and folders."""

    hosts: list[Annotated[str, matching(_PLACE, 'write host and port, "drop.example:22"')]] = []
    folders: list[Annotated[str, AfterValidator(_absolute)]] = []
    per_hour: Annotated[int, Field(ge=1)] = 600


class ImapTable(_Closed):
    """``[letters.imap]``: the mailbox to which bounces and answers come; TLS at once, verified."""

    host: Host
    port: Port = 993
    authority: File | None = None
    user: Line
    password: File
    folder: Line = "INBOX"


class LettersTable(_Closed):
    """``[letters]``: what letters to operators need besides ``[mail]``; without it none leaves."""

    per_day: Annotated[int, Field(ge=1)] = 200
    per_domain_per_day: Annotated[int, Field(ge=1)] = 10
    bounce_domain: Annotated[str, matching(_DOMAIN, "write a domain")] | None = None
    only: list[Annotated[str, matching(_DOMAIN, "write a domain")]] = []
    case_pages: bool = False
    stop_page: Annotated[str, matching(_HTTPS, "write an https address")] | None = None
    maildir: Annotated[str, AfterValidator(_absolute)] | None = None
    imap: ImapTable | None = None


class LedgerTable(_Closed):
    """``[ledger]``."""

    url: Line


class Outgoing(_Closed):
    """The whole file."""

    mail: MailTable | None = None
    openpgp: OpenpgpTable | None = None
    drops: DropsTable = DropsTable()
    letters: LettersTable | None = None
    ledger: LedgerTable | None = None


def read_outgoing(path: Path) -> Outgoing:
    """The way out.

    Raises:
        ConfigError: The file is missing, or a key is wrong.
    """
    return read_config(path, Outgoing)
