# ruff: noqa: INP001 - a script, run by its path
"""Write the population table and the world's shapes anew (see the runbook beside this file)."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from babel import Locale
from babel.core import get_global

ROOT = Path(__file__).resolve().parents[2]
POPULATION = ROOT / "survey" / "analysis" / "population.csv"
SHAPES = ROOT / "notebooks" / "world" / "countries.json"

FIRST_YEAR = 2015
"""Older figures are of no use: no run is older."""

_HEADER = """\
# people per country at midyear, for rates per million people
# source: World Bank, World Development Indicators, SP.POP.TOTL (https://data.worldbank.org/indicator/SP.POP.TOTL)
# licence: CC-BY-4.0; as packaged by https://github.com/datasets/population (PDDL-1.0)
# attribution: Population by the World Bank, https://data.worldbank.org/indicator/SP.POP.TOTL, CC BY 4.0
# retrieved: {day}; infra/world/regenerate.py renews it
"""  # noqa: E501 - one fact a line
_OWN_CODES = {"XKX": "XK"}
_ANTARCTICA = "AQ"


def iso_code(code: str) -> str | None:
    """ISO 3166-1 alpha-2 of a three-letter or three-digit code; None for regions."""
    known = get_global("territory_aliases").get(code)
    return _OWN_CODES.get(code) or (known[0] if known else None)


def population(source: Path, day: str) -> str:
    """The table's text, by country and year."""
    with source.open(encoding="utf-8", newline="") as file:
        found = [
            (country, int(row["Year"]), int(float(row["Value"])))
            for row in csv.DictReader(file)
            if (country := iso_code(row["Country Code"])) and int(row["Year"]) >= FIRST_YEAR
        ]
    lines = [f"{country},{year},{people}\n" for country, year, people in sorted(found)]
    return _HEADER.format(day=day) + "country,year,people\n" + "".join(lines)


def shapes(source: Path) -> dict[str, Any]:
    """The topology with countries only, each with its code and name, and the arcs that they use."""
    world = json.loads(source.read_text(encoding="utf-8"))
    names = Locale("en").territories
    countries, used = [], {}
    for geometry in world["objects"]["countries"]["geometries"]:
        code = iso_code(f"{geometry['id']:03d}") if geometry["id"] > 0 else None
        if code == _ANTARCTICA:
            continue
        countries.append(
            {
                "type": geometry["type"],
                "arcs": _renumber(geometry["arcs"], used),
                "id": code or "",
                "properties": {"name": names.get(code or "", "")},
            }
        )
    return {
        "type": "Topology",
        "transform": world["transform"],
        "objects": {"countries": {"type": "GeometryCollection", "geometries": countries}},
        "arcs": [world["arcs"][arc] for arc in used],
    }


def _renumber(arcs: Any, used: dict[int, int]) -> Any:
    """Numbers of arcs as they will be; a negative one is the arc ~n, backwards."""
    if isinstance(arcs, list):
        return [_renumber(arc, used) for arc in arcs]
    number = used.setdefault(~arcs if arcs < 0 else arcs, len(used))
    return ~number if arcs < 0 else number


def main() -> None:
    """Write both files."""
    people, world, day = sys.argv[1:]
    POPULATION.write_text(population(Path(people), day), encoding="utf-8")
    text = json.dumps(shapes(Path(world)), separators=(",", ":"), ensure_ascii=False)
    SHAPES.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
