"""In which forms an agency gets its findings, and where they are delivered."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Audience(StrEnum):
    """Who reads at an agency; decides which parts it gets."""

    PUBLIC = "public"
    """Anybody: counts, small ones hidden."""
    MANAGEMENT = "management"
    """The report: figures and what is asked, no single host."""
    TECHNICAL = "technical"
    """The lists: single hosts of its jurisdiction."""


class Format(StrEnum):
    """A form of file that an agency can have."""

    HTML = "html"
    """The report as a page."""
    PDF = "pdf"
    """The report on paper."""
    CSV = "csv"
    """The list in our own columns."""
    SHADOWSERVER = "shadowserver"
    """CSV files as Shadowserver names and fills them."""
    INTELMQ = "intelmq"
    """IntelMQ events, JSON lines."""
    XARF = "xarf"
    """XARF 4 reports, JSON lines."""
    STIX = "stix"
    """One STIX 2.1 bundle."""
    MISP = "misp"
    """One MISP event."""
    XLSX = "xlsx"
    """One workbook."""
    PARQUET = "parquet"
    """One table."""

    @property
    def names_hosts(self) -> bool:
        """Whether it names single hosts; only technical readers get such a file."""
        return self not in {Format.HTML, Format.PDF}


@dataclass(frozen=True, slots=True)
class MailDestination:
    """Mailboxes of an agency; each gets a message of its own.

    Attributes:
        name: Names the destination among the agency's.
        formats: What goes there; empty: every format that the agency has.
        to: The mailboxes.
    """

    name: str
    formats: tuple[Format, ...]
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SftpDestination:
    """A folder on an SFTP server of the agency.

    Attributes:
        name: Names the destination among the agency's.
        formats: What goes there; empty: every format that the agency has.
        host: Name or address.
        port: TCP port.
        user: Our user there.
        folder: Remote folder.
        host_key: The server's public key, as in a known_hosts line without the host.
        key: File in the keys folder with our private key.
        takes_away: Whether the receiver removes what it has taken, so that absence proves nothing.
    """

    name: str
    formats: tuple[Format, ...]
    host: str
    port: int
    user: str
    folder: str
    host_key: str
    key: str
    takes_away: bool


@dataclass(frozen=True, slots=True)
class S3Destination:
    """A prefix in an S3 bucket of the agency.

    Attributes:
        name: Names the destination among the agency's.
        formats: What goes there; empty: every format that the agency has.
        endpoint: ``https://host[:port]`` of the store.
        region: Its region.
        bucket: The bucket.
        prefix: What every object's name begins with, or "".
        credentials: File in the keys folder: access key and secret, one a line.
        takes_away: Whether the receiver removes what it has taken, so that absence proves nothing.
    """

    name: str
    formats: tuple[Format, ...]
    endpoint: str
    region: str
    bucket: str
    prefix: str
    credentials: str
    takes_away: bool


@dataclass(frozen=True, slots=True)
class FolderDestination:
    """A folder that this machine can write to.

    Attributes:
        name: Names the destination among the agency's.
        formats: What goes there; empty: every format that the agency has.
        folder: Where files are put.
        takes_away: Whether the receiver removes what it has taken, so that absence proves nothing.
    """

    name: str
    formats: tuple[Format, ...]
    folder: Path
    takes_away: bool


Destination = MailDestination | SftpDestination | S3Destination | FolderDestination
