"""What may stand in an agency's TOML file, key by key (docs/agencies.md)."""

import ipaddress
import re
from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from survey.model.address import Range
from survey.model.delivery import Audience, Format
from survey.model.experiment import MOST_DAYS, MOST_SHARE, OPERATORS, Medium, Wording
from survey.model.period import Cadence

AGENCY_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_MAILBOX = re.compile(r"[A-Za-z0-9._+-]+@([a-z0-9-]+\.)+[a-z0-9-]+")
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")
_PHONE = re.compile(r"\+[0-9][0-9 ().-]*")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_REMOTE = re.compile(r"[A-Za-z0-9._/-]*")
_ENDPOINT = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?")
_HOST_KEY = re.compile(r"(ssh-[a-z0-9-]+|ecdsa-[a-z0-9-]+) [A-Za-z0-9+/=]+")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}([0-9A-F]{24})?")


def matching(pattern: re.Pattern[str], cure: str) -> AfterValidator:
    """Text that fits the pattern whole; the error says the cure."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} won't do; {cure}")
        return text

    return AfterValidator(check)


def range_of(text: str) -> Range:
    """The range that a CIDR names; ValueError says what is wrong with it."""
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no IPv4 range ({error}); write it as 192.0.2.0/24") from None
    return Range(int(network.network_address), int(network.broadcast_address))


def _cidr(text: str) -> str:
    range_of(text)
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'{text!r} is no time zone; write an IANA name, "Europe/Madrid"') from None
    return text


Country = Annotated[str, matching(_COUNTRY, 'write an ISO 3166-1 code in capitals, like "ES"')]
Language = Annotated[str, matching(_LANGUAGE, 'write a BCP 47 tag, like "es" or "pt-BR"')]
Line = Annotated[str, matching(_LINE, "write one line of text")]
Mailbox = Annotated[str, matching(_MAILBOX, "write one plain mail address")]
Host = Annotated[str, matching(_HOST, "write a host's name or address, in lower case")]
Network = Annotated[int, Field(ge=1, le=2**32 - 1)]
Cidr = Annotated[str, AfterValidator(_cidr)]
File = Annotated[str, matching(_FILE, "write a file's name, without a folder")]
Port = Annotated[int, Field(ge=1, le=65535)]
# a file holds words, and strict pydantic would want the enum's own members
Formats = list[Annotated[Format, Field(strict=False)]]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class JurisdictionTable(_Closed):
    """``[jurisdiction]``."""

    countries: list[Country] = []
    networks: list[Network] = []
    cidrs: list[Cidr] = []
    exclude: list[Cidr] = []


class KeysTable(_Closed):
    """``[keys]``."""

    openpgp: File
    fingerprint: Annotated[
        str, matching(_FINGERPRINT, "write 40 or 64 hex digits in capitals, no spaces")
    ]


class ContactTable(_Closed):
    """``[[contacts]]``."""

    name: Line
    role: Line
    mail: Mailbox
    phone: Annotated[str, matching(_PHONE, 'write it with its country, "+34 ..."')] | None = None
    languages: list[Language] = []


class _DestinationTable(_Closed):
    name: Annotated[str, matching(AGENCY_ID, "use lower-case letters, digits, single hyphens")] = ""
    formats: Formats = []


class MailTable(_DestinationTable):
    """``[[delivery.mail]]``."""

    to: Annotated[list[Mailbox], Field(min_length=1)]


class SftpTable(_DestinationTable):
    """``[[delivery.sftp]]``."""

    host: Host
    port: Port = 22
    user: Annotated[str, matching(_FILE, "write a user's name")]
    folder: Annotated[str, matching(_REMOTE, "write a remote folder without spaces")]
    host_key: Annotated[
        str, matching(_HOST_KEY, 'write kind and key as in known_hosts: "ssh-ed25519 AAAA..."')
    ]
    key: File
    takes_away: bool = False


class S3Table(_DestinationTable):
    """``[[delivery.s3]]``."""

    endpoint: Annotated[str, matching(_ENDPOINT, "write https://host, without a path")]
    region: Annotated[str, matching(_FILE, 'write the region, like "eu-south-2"')]
    bucket: Annotated[str, matching(_FILE, "write the bucket's name")]
    prefix: Annotated[str, matching(_REMOTE, "write a prefix without spaces")] = ""
    credentials: File
    takes_away: bool = False


class FolderTable(_DestinationTable):
    """``[[delivery.folder]]``."""

    folder: Annotated[str, matching(re.compile(r"/[^\x00-\x1f]*"), "write an absolute path")]
    takes_away: bool = False


class DeliveryTable(_Closed):
    """``[delivery]``: any number of each kind."""

    mail: list[MailTable] = []
    sftp: list[SftpTable] = []
    s3: list[S3Table] = []
    folder: list[FolderTable] = []


def _languages(tags: list[str]) -> list[str]:
    for tag in tags:
        if tag != OPERATORS and not _LANGUAGE.fullmatch(tag):
            raise ValueError(f'{tag!r} won\'t do; write "{OPERATORS}" or a BCP 47 tag, like "es"')
    return tags


def _as_list(value: object) -> object:
    return [value] if isinstance(value, int) else value


class ExperimentTable(_Closed):
    """``[experiment]``: who signed that some cases wait, or that letters differ."""

    reference: Line
    reason: Line
    signed_by: Line
    signed_on: date
    until: date | None = None
    share: Annotated[float, Field(ge=0, le=MOST_SHARE)] = 0.0
    days: Annotated[
        list[Annotated[int, Field(ge=1, le=MOST_DAYS)]],
        Field(min_length=1),
        BeforeValidator(_as_list),
    ] = [MOST_DAYS]
    languages: Annotated[list[str], AfterValidator(_languages)] = []
    media: list[Annotated[Medium, Field(strict=False)]] = []
    wordings: list[Annotated[Wording, Field(strict=False)]] = []

    @model_validator(mode="after")
    def _has_an_end_and_arms(self) -> Self:
        if self.until is not None and self.until < self.signed_on:
            raise ValueError("until lies before signed_on; write a later day, or leave it out")
        several = False
        for name in ("languages", "media", "wordings"):
            arms = getattr(self, name)
            if arms and len(set(arms)) != max(len(arms), 2):
                raise ValueError(f"{name} needs two arms or more, each once; or leave it out")
            several = several or bool(arms)
        if not self.share and not several:
            raise ValueError("compares nothing; write a share above 0, or arms")
        return self


class AgencyFile(_Closed):
    """The whole file."""

    id: Annotated[str, matching(AGENCY_ID, "use lower-case letters, digits and single hyphens")]
    name: Line
    country: Country
    languages: Annotated[list[Language], Field(min_length=1)]
    contact: Mailbox
    page: Annotated[str, matching(re.compile(r"https://[!-~]+"), "write an https address")]
    tlp: Literal["TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"]
    cadence: Annotated[Cadence, Field(strict=False)] = Cadence.WEEKLY
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    audiences: Annotated[list[Annotated[Audience, Field(strict=False)]], Field(min_length=1)] = [
        Audience.MANAGEMENT,
        Audience.TECHNICAL,
    ]
    formats: Annotated[Formats, Field(min_length=1)] = [Format.HTML, Format.CSV]
    jurisdiction: JurisdictionTable
    keys: KeysTable | None = None
    contacts: list[ContactTable] = []
    delivery: DeliveryTable = DeliveryTable()
    experiment: ExperimentTable | None = None
    logo: File | None = None

    @model_validator(mode="after")
    def _fits_its_readers(self) -> Self:
        hosts = [format_.value for format_ in self.formats if format_.names_hosts]
        if hosts and Audience.TECHNICAL not in self.audiences:
            raise ValueError(
                f'formats {", ".join(hosts)} name single hosts; add "technical" to audiences, '
                "or leave them out"
            )
        return self
