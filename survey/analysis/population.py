"""How many people live in each country, by year: the table in ``population.csv``.

Source, licence and date are in the file, which ``infra/world/regenerate.py`` renews.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Population:
    """The table, and what must be said where it is used.

    Attributes:
        table: Columns ``country`` (ISO 3166-1 alpha-2), ``year``, ``people``; one row each.
        source: Who publishes it.
        licence: Its terms.
        attribution: The line that they ask for.
        retrieved: The day, and how it is renewed.
    """

    table: pa.Table
    source: str
    licence: str
    attribution: str
    retrieved: str


@cache
def population() -> Population:
    """The table as it came with this version."""
    lines = (files(__package__) / "population.csv").read_text(encoding="utf-8").splitlines()
    said = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    table = pa.table(
        {
            "country": pa.array([row["country"] for row in rows], pa.string()),
            "year": pa.array([int(row["year"]) for row in rows], pa.int64()),
            "people": pa.array([int(row["people"]) for row in rows], pa.int64()),
        }
    )
    return Population(
        table, said["source"], said["licence"], said["attribution"], said["retrieved"]
    )
