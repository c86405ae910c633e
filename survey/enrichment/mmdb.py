"""MaxMind-format databases (MMDB) of countries and networks.

Publishers name the same thing differently; the first of the paths below that a record has counts.
A record of where an address is registered (``registered_country``) is not where it is, and is not
looked at.
"""

import ipaddress
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import maxminddb

from survey.enrichment.content import Content
from survey.enrichment.lines import Row, country_code, name_text, network_number
from survey.enrichment.overlaps import joined
from survey.enrichment.source_file import SourceFile
from survey.errors import ConfigError

MARK = b"\xab\xcd\xefMaxMind.com"
"""Begins the metadata section, in the last 128 KiB of every such file."""

_COUNTRY = (("country", "iso_code"), ("country_code",), ("country",))
_NUMBER = (("autonomous_system_number",), ("asn",))
_NAME = (("autonomous_system_organization",), ("as_name",), ("name",))

Said = tuple[object, ...]


def read_mmdb_countries(files: Sequence[SourceFile]) -> Content:
    """Disjoint rows of COUNTRY_RANGES.

    Raises:
        ConfigError: The file is no whole MMDB, or a record is broken.
    """
    return _content(files, _country)


def read_mmdb_networks(files: Sequence[SourceFile]) -> Content:
    """Disjoint rows of NETWORK_RANGES.

    Raises:
        ConfigError: The file is no whole MMDB, or a record is broken.
    """
    return _content(files, _network)


def _content(
    files: Sequence[SourceFile], said: Callable[[Mapping[str, Any]], Said | None]
) -> Content:
    (file,) = files
    rows = sorted(_rows(file, said))
    return Content([(row.start, row.end, *row.rest) for row in joined(rows)])


def _rows(file: SourceFile, said: Callable[[Mapping[str, Any]], Said | None]) -> Iterator[Row]:
    """One row per IPv4 network that says something."""
    broken = (maxminddb.InvalidDatabaseError, UnicodeDecodeError, RecursionError)
    with tempfile.NamedTemporaryFile(suffix=".mmdb") as copy:  # the library reads files only
        copy.write(file.data)
        copy.flush()
        try:
            with maxminddb.open_database(copy.name) as database:
                for network, record in database:
                    if isinstance(network, ipaddress.IPv6Network):
                        continue
                    try:
                        rest = said(record) if isinstance(record, dict) else None
                    except ValueError as error:
                        problem, _, cure = str(error).partition("; ")
                        raise ConfigError(file.path, str(network), problem, cure) from error
                    if rest is not None:
                        start = int(network.network_address)
                        yield Row(start, start + network.num_addresses - 1, rest)
        except broken as error:
            raise ConfigError(
                file.path, "", f"is no whole MMDB ({error})", "fetch the file again"
            ) from error


def _country(record: Mapping[str, Any]) -> Said | None:
    found = _first(record, _COUNTRY)
    code = found and country_code(found)
    return (code,) if code else None


def _network(record: Mapping[str, Any]) -> Said | None:
    found = _first(record, _NUMBER)
    number = network_number(found) if found else 0
    return (number, name_text(_first(record, _NAME))) if number else None


def _first(record: Mapping[str, Any], paths: Sequence[tuple[str, ...]]) -> str:
    """The first value that is there, as text."""
    for path in paths:
        value: Any = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str | int):
            return str(value)
    return ""
