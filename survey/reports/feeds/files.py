"""Which module makes which form, and the files of all forms that an agency wants."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from survey.model.delivery import Format
from survey.reports.feeds.about import About
from survey.reports.feeds.intelmq import intelmq_files
from survey.reports.feeds.misp import misp_files
from survey.reports.feeds.parquet import parquet_files
from survey.reports.feeds.row import Row
from survey.reports.feeds.shadowserver import shadowserver_files
from survey.reports.feeds.stix import stix_files
from survey.reports.feeds.workbook import workbook_files
from survey.reports.feeds.xarf import xarf_files

FEEDS: dict[Format, Callable[[About, Sequence[Row]], Iterator[tuple[str, int, bytes]]]] = {
    Format.SHADOWSERVER: shadowserver_files,
    Format.INTELMQ: intelmq_files,
    Format.XARF: xarf_files,
    Format.STIX: stix_files,
    Format.MISP: misp_files,
    Format.XLSX: workbook_files,
    Format.PARQUET: parquet_files,
}
"""Each gives name, rows and bytes of its files."""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One file of a feed.

    Attributes:
        name: Its name, without a folder.
        format: In which form.
        rows: How many findings it tells of.
        data: What is in it.
    """

    name: str
    format: Format
    rows: int
    data: bytes


def feed_files(about: About, rows: Sequence[Row]) -> Iterator[FeedFile]:
    """The files of every feed among the agency's formats, one after the other."""
    for format_ in about.agency.formats:
        if make := FEEDS.get(format_):
            for name, count, data in make(about, rows):
                yield FeedFile(name, format_, count, data)
