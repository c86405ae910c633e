"""Address space that is set aside for special purposes (IANA registry, RFC 6890)."""

import csv
from functools import cache
from importlib.resources import files

from survey.targets.ranges import RangeSet, parse_cidr


@cache
def special_purpose() -> RangeSet:
    """All of it, globally reachable or not; 3,702,257,664 addresses lie outside.

    Source and date are in ``special.csv``, which ``infra/special-purpose/regenerate.py`` renews.
    """
    text = (files("survey.targets") / "special.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return RangeSet.of(parse_cidr(row["block"]) for row in rows)
