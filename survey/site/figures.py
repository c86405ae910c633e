"""The public figures: what of a campaign may be shown to everybody, as the page needs it.

A figure that is left out is None: no line goes through it, and nobody can tell it from a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_KEPT = 53
"""Periods along a line: a year of weeks."""


@dataclass(frozen=True, slots=True)
class Country:
    """One country.

    Attributes:
        code: ISO code.
        open: Open servers, one per period.
        answering: Servers that answer, in the newest period.
        rate: Open ones per 100,000 of those.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    code: str
    open: tuple[int | None, ...]
    answering: int | None
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PublicFigures:
    """All of it.

    Attributes:
        moments: When each period's run began (UTC), oldest first; a year at most.
        total: Open servers of all countries, one per period.
        countries: Those shown in the newest period, most open servers first.
        hidden: Codes of those that are not, since their numbers are small.
        columns: Of the files: name and meaning, in English.
        sources: Whose data they rest on, one line each.
    """

    moments: tuple[datetime, ...]
    total: tuple[int | None, ...]
    countries: tuple[Country, ...]
    hidden: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]


def public_figures(
    rows: Sequence[dict[str, Any]],
    columns: tuple[tuple[str, str], ...],
    sources: tuple[str, ...],
) -> PublicFigures | None:
    """What rows of ``analysis.published`` (oldest first) tell; None if there is no period."""
    moments = tuple(dict.fromkeys(row["began"] for row in rows))[-_KEPT:]
    if not moments:
        return None
    lines: dict[str | None, dict[datetime, dict[str, Any]]] = {}
    total: dict[datetime, int | None] = {}
    for row in rows:
        if row["total"]:
            total[row["began"]] = row["open"]
        else:
            lines.setdefault(row["country"], {})[row["began"]] = row
    newest = moments[-1]
    named = {code: line for code, line in lines.items() if code is not None and newest in line}
    shown = [_country(code, line, moments) for code, line in named.items()]
    return PublicFigures(
        moments=moments,
        total=tuple(total.get(moment) for moment in moments),
        countries=tuple(
            sorted(
                (one for one in shown if one.open[-1] is not None),
                key=lambda one: (-(one.open[-1] or 0), one.code),
            )
        ),
        hidden=tuple(sorted(one.code for one in shown if one.open[-1] is None)),
        columns=columns,
        sources=sources,
    )


def _country(
    code: str, line: dict[datetime, dict[str, Any]], moments: tuple[datetime, ...]
) -> Country:
    newest = line[moments[-1]]
    return Country(
        code=code,
        open=tuple(line[moment]["open"] if moment in line else None for moment in moments),
        answering=newest["answering"],
        rate=newest["per_100k_answering"],
        low=newest["per_100k_low"],
        high=newest["per_100k_high"],
    )
