"""Lines of public figures as SVG; where a figure is left out, the line has a gap."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from survey.drawing.axes import (
    Point,
    ceiling,
    count_grid,
    dates_along,
    place_x,
    place_y,
    svg,
)
from survey.wording.language import Language

_WIDE, _HIGH = 240, 64
_EDGE = 4

Counts = Sequence[int | None]


def long_line(language: Language, moments: Sequence[datetime], counts: Counts) -> str:
    """Counts over time, with axes."""
    top = ceiling(max((count for count in counts if count is not None), default=1))
    points = _points(moments, counts)
    parts = [count_grid(language, top), dates_along(language, moments)]
    for run in points:
        placed = [(place_x(across), place_y(count / top)) for across, count in run]
        parts += _drawn(placed, place_y(0))
    if points:
        across, count = points[-1][-1]
        parts.append(_dot(place_x(across), place_y(count / top)))
    return svg(parts)


def small_line(moments: Sequence[datetime], counts: Counts) -> str:
    """The same without axes; its height is its own greatest count."""
    top = max((count for count in counts if count is not None), default=0) or 1
    parts = []
    points = _points(moments, counts)
    for run in points:
        placed = [_small(across, count / top) for across, count in run]
        parts += _drawn(placed, _HIGH - _EDGE)
    if points:
        across, count = points[-1][-1]
        parts.append(_dot(*_small(across, count / top)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" class="small" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )


def _points(moments: Sequence[datetime], counts: Counts) -> list[list[Point]]:
    """(share of the time, count) of each unbroken run of figures."""
    span = (moments[-1] - moments[0]).total_seconds() or 1.0
    known = [
        ((moment - moments[0]).total_seconds() / span, count)
        for moment, count in zip(moments, counts, strict=True)
    ]
    return [
        [(across, float(count)) for across, count in run if count is not None]
        for there, run in groupby(known, key=lambda pair: pair[1] is not None)
        if there
    ]


def _small(across: float, share: float) -> Point:
    """In whole units: a page may have many of them."""
    return (
        round(_EDGE + across * (_WIDE - 2 * _EDGE)),
        round(_HIGH - _EDGE - share * (_HIGH - 2 * _EDGE)),
    )


def _drawn(placed: Sequence[Point], ground: float) -> list[str]:
    """A run of figures; one that stands alone is a dot."""
    if len(placed) == 1:
        return [_dot(*placed[0])]
    return [_area(placed, ground), _line(placed)]


def _area(placed: Sequence[Point], ground: float) -> str:
    first, last = placed[0][0], placed[-1][0]
    path = "".join(f"L{_short(x)} {_short(y)}" for x, y in placed)
    return (
        f'<path class="area" d="M{_short(first)} {_short(ground)}{path}'
        f'L{_short(last)} {_short(ground)}Z"/>'
    )


def _dot(x: float, y: float) -> str:
    return f'<circle class="dot all" cx="{_short(x)}" cy="{_short(y)}" r="3.5"/>'


def _line(placed: Sequence[Point]) -> str:
    path = " ".join(f"{_short(x)},{_short(y)}" for x, y in placed)
    return f'<polyline class="line all" points="{path}"/>'


def _short(place: float) -> str:
    """With one decimal, if it has any."""
    return f"{place:.1f}".removesuffix(".0")
