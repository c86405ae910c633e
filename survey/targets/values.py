"""The kinds of values that a campaign file holds, each checked and read into its exact type.

A validator's ``ValueError("what is wrong; what would be right")`` becomes the error's line.
Serialised, every value is text or number again, as a person would write it.
"""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictInt,
    StrictStr,
    ValidationInfo,
)

from survey.model.address import Range, format_ip, parse_ip
from survey.model.plan import Endpoint
from survey.model.probe import Probe
from survey.targets.ranges import parse_cidr

MAX_PORTS = 64
FIRST_FREE_PORT = 1024
"""Ports below it are for the machine's servers."""
LOOPBACK_ITSELF = 0x7F000001
ERROR_CODES = 0x7FFFFF00
"""127.255.255.0/24: the DNSBLs' way to say that a question was not answered."""
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = re.compile(rf"(?=.{{4,253}}$)({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")
_LOCAL_PART = re.compile(r"[A-Za-z0-9._+-]{1,64}")


def _matching(pattern: str, cure: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{text[:80]!r} won't do; {cure}")
        return text

    return AfterValidator(check)


def _fqdn(text: str) -> str:
    name = text.lower()
    if not _FQDN.fullmatch(name):
        raise ValueError(
            f"{text[:80]!r} is no fully qualified host name; write one like probe.example.org"
        )
    return name


def _mailbox(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if not (_LOCAL_PART.fullmatch(local) and _FQDN.fullmatch(domain.lower())):
        raise ValueError(
            f"{text[:80]!r} is no mail address; write a plain one like survey@example.org"
        )
    return text


def _page(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(
            f"{text[:80]!r} is no https page; write a URL like https://survey.example.org/"
        )
    return text


def _range(value: object) -> Range:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is no text; write it like "192.0.2.0/24"')  # noqa: TRY004
    return parse_cidr(value)


def _range_text(value: Range) -> str:
    return f"{format_ip(value.start)}/{32 - (len(value) - 1).bit_length()}"


def _path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f'{value!r} is no path; write it like "../exclusions.txt"')
    folder = info.context["folder"] if info.context else Path()
    return Path(folder, value).absolute()


def _range_or_path(value: object, info: ValidationInfo) -> Range | Path:
    """Digits, dots and a slash are meant as a range: a mistyped one is never taken for a file."""
    if isinstance(value, str) and re.fullmatch(r"[0-9][0-9./ -]*", value):
        return parse_cidr(value)
    return _path(value, info)


def _endpoint(value: object) -> Endpoint:
    address, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    try:
        ip, number = parse_ip(address), int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 1 <= number <= 65535:  # noqa: PLR2004
        raise ValueError(f'{value!r} is no address and port; write them like "192.0.2.25:25"')
    return Endpoint(ip, number)


def _control(value: object) -> tuple[Probe, Endpoint]:
    name, _, socket = value.partition(" ") if isinstance(value, str) else ("", "", "")
    try:
        return Probe(name), _endpoint(socket.strip())
    except ValueError:
        raise ValueError(
            f'{value!r} is no probe and socket; write them like "socks5 192.0.2.30:1080"'
        ) from None


def _control_text(value: tuple[Probe, Endpoint]) -> str:
    return f"{value[0]} {endpoint_text(value[1])}"


def endpoint_text(value: Endpoint) -> str:
    """``192.0.2.25:25``."""
    return f"{format_ip(value.ip)}:{value.port}"


def _ip(value: object) -> int:
    try:
        return parse_ip(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f'{value!r} is no IPv4 address; write it like "192.0.2.7"') from None


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is no time; write it like 2027-01-31T00:00:00Z")  # noqa: TRY004
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} names no time zone; write {value.isoformat()}Z")
    return value.astimezone(UTC)


def _day(value: object) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError(f"{value!r} is no day; write it like 2026-11-23")  # noqa: TRY004
    return value


def _return_code(text: str) -> str:
    """What a DNSBL may answer for a listed address (RFC 5782 s2.1), and no word about an error."""
    try:
        number = parse_ip(text)
    except ValueError:
        number = 0
    if number >> 24 != 127 or number == LOOPBACK_ITSELF or number >> 8 == ERROR_CODES >> 8:  # noqa: PLR2004
        raise ValueError(f"{text[:40]!r} is no return code of a list; write it like 127.0.0.2")
    return text


def _once_each(values: tuple[int, ...]) -> tuple[int, ...]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value} stands there twice; write each once")
    return values


def _rising(ports: tuple[int, int]) -> tuple[int, int]:
    """First and last port of a range of our own."""
    first, last = ports
    if not FIRST_FREE_PORT <= first <= last:
        raise ValueError(f"{first} to {last} is no range of free ports; write [61000, 65535]")
    return ports


CampaignId = Annotated[
    StrictStr,
    _matching(r"[a-z0-9][a-z0-9-]{0,62}", "use up to 63 lower-case letters, digits and hyphens"),
]
Line = Annotated[
    StrictStr, _matching(r"[^\x00-\x1f\x7f]{1,300}", "write one line of at most 300 characters")
]
Interface = Annotated[
    StrictStr, _matching(r"[!-.0-~]{1,15}", "write the name of a network interface, like eth0")
]
Country = Annotated[
    StrictStr, _matching(r"[A-Z]{2}", 'write an ISO 3166-1 code in capitals, like "ES"')
]
Network = Annotated[StrictInt, Field(ge=1, le=2**32 - 1)]
Fqdn = Annotated[StrictStr, AfterValidator(_fqdn)]
Mailbox = Annotated[StrictStr, AfterValidator(_mailbox)]
Page = Annotated[StrictStr, AfterValidator(_page)]
Cidr = Annotated[Range, PlainValidator(_range), PlainSerializer(_range_text)]
FilePath = Annotated[Path, PlainValidator(_path), PlainSerializer(str)]
CidrOrFile = Annotated[
    Range | Path,
    PlainValidator(_range_or_path),
    PlainSerializer(lambda value: _range_text(value) if isinstance(value, Range) else str(value)),
]
Address = Annotated[int, PlainValidator(_ip), PlainSerializer(format_ip)]
Socket = Annotated[Endpoint, PlainValidator(_endpoint), PlainSerializer(endpoint_text)]
OwnServer = Annotated[
    tuple[Probe, Endpoint], PlainValidator(_control), PlainSerializer(_control_text)
]
Moment = Annotated[datetime, PlainValidator(_moment), PlainSerializer(datetime.isoformat)]
Day = Annotated[date, PlainValidator(_day), PlainSerializer(date.isoformat)]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Ports = Annotated[
    tuple[Port, ...], Field(min_length=1, max_length=MAX_PORTS), AfterValidator(_once_each)
]
PortRange = Annotated[tuple[Port, Port], AfterValidator(_rising)]
FurtherPorts = Annotated[tuple[Port, ...], Field(max_length=MAX_PORTS), AfterValidator(_once_each)]
ReturnCode = Annotated[StrictStr, AfterValidator(_return_code)]
Days = Annotated[StrictInt, Field(ge=1, le=3650)]
