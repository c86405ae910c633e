"""RouteViews prefix-to-AS files (pfx2as): one announced prefix a line, tab-separated.

``prefix  length  origin``.  Prefixes lie in one another, as routes do: the longest that holds an
address is where its packets go.  An origin may be several: ``64496_64497`` was announced by both
(the more often seen first), ``64496,64497`` is the AS set of an aggregate.  A row has room for one
network, and it is the first of them: of several origins the one that most of the world sees, of a
set the first named.  How many were so is noted.  The file has no names of networks.
"""

import re
from collections.abc import Sequence

from survey.enrichment.content import Content
from survey.enrichment.lines import Row, address, network_number
from survey.enrichment.overlaps import Line, flattened
from survey.enrichment.source_file import SourceFile

_SEVERAL = re.compile(r"[_,]")
_FIELDS = 3
_BITS = 32


def read_prefixes(files: Sequence[SourceFile]) -> Content:
    """Disjoint rows of NETWORK_RANGES.

    Raises:
        ConfigError: A line is broken, or two give one prefix different origins.
    """
    lines = []
    several = 0
    for file in files:
        for number, fields in file.fields("\t"):
            try:
                row = _row(fields)
            except ValueError as error:
                problem, _, cure = str(error).partition("; ")
                raise file.wrong(number, problem, cure) from error
            several += _SEVERAL.search(fields[2]) is not None
            if row is not None:
                lines.append(Line(row, file, number))
    notes = (f"{several:,} prefixes have several origins: the first counts",) if several else ()
    return Content([(row.start, row.end, *row.rest) for row in flattened(lines)], notes)


def _row(fields: Sequence[str]) -> Row | None:
    if len(fields) != _FIELDS:
        raise ValueError(f"has {len(fields)} fields; write {_FIELDS}: prefix, length, origin")
    prefix, length, origins = (field.strip() for field in fields)
    start = address(prefix)
    if not (length.isascii() and length.isdigit() and int(length) <= _BITS):
        raise ValueError(f"{length!r} is no prefix length; write 0 to {_BITS}")
    span = 1 << (_BITS - int(length))
    if start % span:
        raise ValueError(f"{prefix}/{length} has bits set behind its prefix; correct it")
    numbers = [network_number(origin) for origin in _SEVERAL.split(origins)]
    return Row(start, start + span - 1, (numbers[0], "")) if numbers[0] else None
