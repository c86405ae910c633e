"""Lines drawn as SVG: the same drawing in page and PDF, coloured by classes.

Numbers along the axes are text in the drawing; what the lines mean is in the legend and in words.
Time runs from left to right in every language.
"""

from collections.abc import Sequence
from datetime import datetime

from survey.drawing.axes import (
    HEIGHT,
    WIDTH,
    Point,
    ceiling,
    count_grid,
    dates_along,
    line,
    place_x,
    place_y,
    share_grid,
    svg,
    text_at,
)
from survey.reports.figures import Closure, Standing
from survey.reports.languages import Language

__all__ = ["HEIGHT", "WIDTH", "closure_chart", "trend_chart"]

_DAYS = (0, 14, 30, 60, 90)


def trend_chart(language: Language, trend: Sequence[Standing]) -> str:
    """Open servers of each run, and relays and proxies among them."""
    top = ceiling(max(one.open for one in trend))
    first, last = trend[0].at, trend[-1].at
    span = (last - first).total_seconds() or 1.0

    def across(moment: datetime) -> float:
        return place_x((moment - first).total_seconds() / span)

    parts = [count_grid(language, top), dates_along(language, [one.at for one in trend])]
    for kind, counts in (
        ("proxy", [one.proxies for one in trend]),
        ("relay", [one.relays for one in trend]),
        ("all", [one.open for one in trend]),
    ):
        points = [
            (across(one.at), place_y(count / top)) for one, count in zip(trend, counts, strict=True)
        ]
        parts.append(line(kind, points))
        x, y = points[-1]
        parts.append(f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
    return svg(parts)


def closure_chart(language: Language, closures: Sequence[Closure]) -> str:
    """The share still open of each group, by days."""
    end = _DAYS[-1]
    parts = [share_grid(language)]
    for days in _DAYS:
        anchor = "start" if days == 0 else "end" if days == end else "middle"
        parts.append(text_at(place_x(days / end), HEIGHT - 8, language.number(days), anchor))
    for closure in closures:
        steps: list[Point] = []
        for after, share in closure.curve:
            across = place_x(min(after, float(end)) / end)
            if steps:
                steps.append((across, steps[-1][1]))
            if after > end:
                break
            steps.append((across, place_y(share)))
        parts.append(line("told" if closure.told else "untold", steps))
    return svg(parts)
