"""Lines drawn as SVG: the same drawing in page and PDF, coloured by classes.

Numbers along the axes are text in the drawing; what the lines mean is in the legend and in words.
Time runs from left to right in every language.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from html import escape

from survey.reports.figures import Closure, Standing
from survey.reports.languages import Language

WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 30
_LINES = 4
"""Grid lines above zero, about."""
_LABELS = 6
_SHORT = 150 * 86_400
"""Seconds; a shorter line has days along its axis, a longer one months."""
_DAYS = (0, 14, 30, 60, 90)

Point = tuple[float, float]


def trend_chart(language: Language, trend: Sequence[Standing]) -> str:
    """Open servers of each run, and relays and proxies among them."""
    top = _ceiling(max(one.open for one in trend))
    first, last = trend[0].at, trend[-1].at
    span = (last - first).total_seconds() or 1.0

    def across(moment: datetime) -> float:
        return _x((moment - first).total_seconds() / span)

    parts = [_grid(language, top)]
    shown = _spread([one.at for one in trend])
    called = language.short_day if span < _SHORT else language.month
    for number, moment in enumerate(shown):
        anchor = "start" if number == 0 else "end" if number == len(shown) - 1 else "middle"
        spare = number % 2 == 1
        parts.append(_text(across(moment), HEIGHT - 8, called(moment), anchor, spare=spare))
    for kind, counts in (
        ("proxy", [one.proxies for one in trend]),
        ("relay", [one.relays for one in trend]),
        ("all", [one.open for one in trend]),
    ):
        line = [(across(one.at), _y(count / top)) for one, count in zip(trend, counts, strict=True)]
        parts.append(_line(kind, line))
        x, y = line[-1]
        parts.append(f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
    return _svg(parts)


def closure_chart(language: Language, closures: Sequence[Closure]) -> str:
    """The share still open of each group, by days."""
    end = _DAYS[-1]
    parts = [_share_grid(language)]
    for days in _DAYS:
        anchor = "start" if days == 0 else "end" if days == end else "middle"
        parts.append(_text(_x(days / end), HEIGHT - 8, language.number(days), anchor))
    for closure in closures:
        steps: list[Point] = []
        for after, share in closure.curve:
            across = _x(min(after, float(end)) / end)
            if steps:
                steps.append((across, steps[-1][1]))
            if after > end:
                break
            steps.append((across, _y(share)))
        parts.append(_line("told" if closure.told else "untold", steps))
    return _svg(parts)


def _svg(parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" class="lines">'
        f"{''.join(parts)}</svg>"
    )


def _x(share: float) -> float:
    return _LEFT + share * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _line(kind: str, points: Sequence[Point]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line {kind}" points="{path}"/>'


def _text(x: float, y: float, text: str, anchor: str, *, spare: bool = False) -> str:
    """A text; a spare one goes where there is little room."""
    kind = ' class="spare"' if spare else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(y: float) -> str:
    return f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'


def _grid(language: Language, top: int) -> str:
    step = _step(top)
    return "".join(
        _rule(_y(value / top))
        + _text(_LEFT - 8, _y(value / top) + 4, language.number(value), "end")
        for value in range(0, top + 1, step)
    )


def _share_grid(language: Language) -> str:
    return "".join(
        _rule(_y(share)) + _text(_LEFT - 8, _y(share) + 4, language.percent(share), "end")
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def _step(top: int) -> int:
    """Distance of grid lines: 1, 2 or 5 times a power of ten."""
    raw = max(top / _LINES, 1)
    power = 10 ** math.floor(math.log10(raw))
    return next(int(times * power) for times in (1, 2, 5, 10) if times * power >= raw)


def _ceiling(greatest: int) -> int:
    """The first grid line at or above the greatest value; at least 1."""
    step = _step(max(greatest, 1))
    return max(step * math.ceil(greatest / step), step)


def _spread(moments: Sequence[datetime]) -> list[datetime]:
    """A few moments spread over all, the first and the last among them."""
    if len(moments) <= _LABELS:
        return list(moments)
    last = len(moments) - 1
    return [moments[round(place * last / (_LABELS - 1))] for place in range(_LABELS)]
