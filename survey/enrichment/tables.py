"""CSV and TSV files, one range a line: countries, networks, contacts, listings.

A header line, comments and any order are fine.  Ranges of a listing may overlap, since a list
often holds a network and an address in it; those of the others may not.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from survey.enrichment.content import Content
from survey.enrichment.lines import (
    Row,
    contact_row,
    country_row,
    listing_row,
    network_row,
    plain_network_row,
)
from survey.enrichment.overlaps import Line, distinct, in_order
from survey.enrichment.source_file import SourceFile

Parse = Callable[[Sequence[str]], Row | None]

_HEADER = re.compile(r"(ip_?)?(range_?)?(start|from|first|network)(_ip)?", re.IGNORECASE)


def read_csv_countries(files: Sequence[SourceFile]) -> Content:
    """``range_start,range_end,country_code``.

    Raises:
        ConfigError: A line is broken, or two overlap and don't say the same.  So all of these.
    """
    return _disjoint(files, ",", country_row)


def read_tsv_countries(files: Sequence[SourceFile]) -> Content:
    """``range_start range_end country_code``."""
    return _disjoint(files, "\t", country_row)


def read_tsv_networks(files: Sequence[SourceFile]) -> Content:
    """``range_start range_end asn country name``."""
    return _disjoint(files, "\t", network_row)


def read_csv_networks(files: Sequence[SourceFile]) -> Content:
    """``range_start,range_end,asn,name``."""
    return _disjoint(files, ",", plain_network_row)


def read_contacts(files: Sequence[SourceFile]) -> Content:
    """``range_start,range_end,email,name,language``."""
    return _disjoint(files, ",", contact_row)


def read_listings(files: Sequence[SourceFile], source: str) -> Content:
    """``range_start,range_end,listing,since``, or one address or CIDR a line of ``source``'s."""
    return _content(in_order(_lines(files, ",", lambda fields: listing_row(fields, source))))


def _disjoint(files: Sequence[SourceFile], delimiter: str, parse: Parse) -> Content:
    return _content(distinct([*_lines(files, delimiter, parse)]))


def _content(lines: Sequence[Line]) -> Content:
    return Content([(line.row.start, line.row.end, *line.row.rest) for line in lines])


def _lines(files: Sequence[SourceFile], delimiter: str, parse: Parse) -> Iterator[Line]:
    for file in files:
        begun = False
        for number, fields in file.fields(delimiter):
            header = not begun and _HEADER.fullmatch(fields[0].strip())
            begun = True
            if header:
                continue
            try:
                row = parse(fields)
            except ValueError as error:
                problem, _, cure = str(error).partition("; ")
                raise file.wrong(number, problem, cure) from error
            if row is not None:
                yield Line(row, file, number)
