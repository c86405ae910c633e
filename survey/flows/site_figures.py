"""The figures that everybody may see: for the site's page, and as files."""

import io
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from survey.analysis.notebook import Survey
from survey.analysis.published import GRAIN, SCHEMA
from survey.errors import ConfigError, StorageError
from survey.settings import Settings
from survey.site.figures import PublicFigures, public_figures
from survey.storage.layout import Layout

_README = f"exposure.csv, exposure.parquet: {GRAIN}.\ncolumns.csv: what their columns mean.\n"


@dataclass(frozen=True, slots=True)
class Published:
    """What is published.

    Attributes:
        figures: For the page.
        files: The same by file name, with a data dictionary.
    """

    figures: PublicFigures
    files: dict[str, bytes]


def published_figures(settings: Settings, campaign: str) -> Published | None:
    """Every week of a campaign; None if there is no whole and judged run of it yet.

    Raises:
        StorageError: A table is damaged.
    """
    if not settings.data.is_dir():
        return None
    try:
        with Survey(Layout(settings.data)) as survey:
            table = survey.published(campaign).to_arrow_table().cast(SCHEMA)
            sources = survey.sources(campaign).to_arrow_table().to_pylist()
    except ConfigError:  # nothing is judged
        return None
    except duckdb.Error as error:
        raise StorageError(f"{settings.data}: {str(error).partition(chr(10))[0]}") from error
    columns = tuple((field.name, (field.metadata or {})[b"doc"].decode()) for field in SCHEMA)
    lines = tuple(
        dict.fromkeys(
            f"{row['attribution'] or row['source']} ({row['licence']})" for row in sources
        )
    )
    figures = public_figures(table.to_pylist(), columns, lines)
    return None if figures is None else Published(figures, _files(table, columns))


def _files(table: pa.Table, columns: tuple[tuple[str, str], ...]) -> dict[str, bytes]:
    parquet, comma = io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet, compression="zstd")
    pc.write_csv(table, comma)
    dictionary = io.BytesIO()
    pc.write_csv(
        pa.table(
            {"column": [name for name, _ in columns], "meaning": [said for _, said in columns]}
        ),
        dictionary,
    )
    return {
        "exposure.parquet": parquet.getvalue(),
        "exposure.csv": comma.getvalue(),
        "columns.csv": dictionary.getvalue(),
        "README.txt": _README.encode(),
    }
