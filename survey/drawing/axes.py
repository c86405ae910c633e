"""Axes, lines and texts of a drawing: SVG without a style of its own, coloured by classes.

Time runs from left to right in every language; numbers along the axes are text in the drawing.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from html import escape

from survey.wording.language import Language

WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 30
_LINES = 4
"""Grid lines above zero, about."""
_LABELS = 6
_SHORT = 150 * 86_400
"""Seconds; a shorter line has days along its axis, a longer one months."""

Point = tuple[float, float]


def svg(parts: Sequence[str]) -> str:
    """A drawing of these parts."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" class="lines">'
        f"{''.join(parts)}</svg>"
    )


def place_x(share: float) -> float:
    """Across, for a share of the width."""
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def place_y(share: float) -> float:
    """Down, for a share of the height."""
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def line(kind: str, points: Sequence[Point]) -> str:
    """A line of one kind."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line {kind}" points="{path}"/>'


def text_at(x: float, y: float, text: str, anchor: str, *, spare: bool = False) -> str:
    """A text; a spare one goes where there is little room."""
    kind = ' class="spare"' if spare else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def rule(y: float) -> str:
    """A grid line."""
    return f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'


def count_grid(language: Language, top: int) -> str:
    """Grid lines from zero to the top, with their numbers."""
    distance = step(top)
    return "".join(
        rule(place_y(value / top))
        + text_at(_LEFT - 8, place_y(value / top) + 4, language.number(value), "end")
        for value in range(0, top + 1, distance)
    )


def share_grid(language: Language) -> str:
    """Grid lines of shares."""
    return "".join(
        rule(place_y(share))
        + text_at(_LEFT - 8, place_y(share) + 4, language.percent(share), "end")
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def dates_along(language: Language, moments: Sequence[datetime]) -> str:
    """Some of the moments below a line that begins at the first and ends at the last of them."""
    first, last = moments[0], moments[-1]
    span = (last - first).total_seconds() or 1.0
    called = language.short_day if span < _SHORT else language.month
    shown = spread(moments)
    parts = []
    for number, moment in enumerate(shown):
        anchor = "start" if number == 0 else "end" if number == len(shown) - 1 else "middle"
        across = place_x((moment - first).total_seconds() / span)
        parts.append(text_at(across, HEIGHT - 8, called(moment), anchor, spare=number % 2 == 1))
    return "".join(parts)


def step(top: int) -> int:
    """Distance of grid lines: 1, 2 or 5 times a power of ten."""
    raw = max(top / _LINES, 1)
    power = 10 ** math.floor(math.log10(raw))
    return next(int(times * power) for times in (1, 2, 5, 10) if times * power >= raw)


def ceiling(greatest: int) -> int:
    """The first grid line at or above the greatest value; at least 1."""
    distance = step(max(greatest, 1))
    return max(distance * math.ceil(greatest / distance), distance)


def spread(moments: Sequence[datetime]) -> list[datetime]:
    """A few moments spread over all, the first and the last among them."""
    if len(moments) <= _LABELS:
        return list(moments)
    last = len(moments) - 1
    return [moments[round(place * last / (_LABELS - 1))] for place in range(_LABELS)]
