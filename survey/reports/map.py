"""A map of a jurisdiction and its surroundings, as SVG, without any network."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

WIDTH, HEIGHT = 640, 400
_MARGIN = 0.35
"""Surroundings on each side, as a share of the jurisdiction's own extent."""
_LEAST = 24.0
"""Degrees of latitude shown at least, so that a small country is seen among its neighbours."""
_WORLD = (-170.0, -56.0, 180.0, 78.0)
_STEPS = 4
"""Shades; more can't be told apart."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of the world that is shown, in degrees."""

    west: float
    south: float
    east: float
    north: float

    @property
    def squeeze(self) -> float:
        """How much shorter a degree of longitude is than one of latitude."""
        return max(math.cos(math.radians((self.south + self.north) / 2)), 0.2)

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a point of the earth lies in the picture."""
        scale = HEIGHT / (self.north - self.south)
        return (lon - self.west) * scale * self.squeeze, (self.north - lat) * scale


def draw_map(shares: Mapping[str, float]) -> str:
    """Countries (ISO codes) shaded by a share; "" if the map has none of them."""
    world = _outlines()
    own = [code for code in shares if code in world]
    if not own:
        return ""
    window = _around([world[code][0] for code in own])
    greatest = max(shares[code] for code in own)
    others = "".join(
        _path(ring, window) for code, rings in world.items() if code not in own for ring in rings
    )
    parts = [f'<path class="land" d="{others}"/>']
    for code in own:
        step = math.ceil(shares[code] / greatest * _STEPS) if greatest else 0
        drawn = "".join(_path(ring, window) for ring in world[code])
        parts.append(f'<path class="own own-{step}" d="{drawn}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" class="map">'
        f'<rect class="sea" width="{WIDTH}" height="{HEIGHT}"/>{"".join(parts)}</svg>'
    )


@cache
def _outlines() -> dict[str, list[list[int]]]:
    text = (files(__package__) / "world.json").read_text(encoding="ascii")
    found: dict[str, list[list[int]]] = json.loads(text)
    return found


def _around(rings: Sequence[Sequence[int]]) -> _Window:
    """The mainlands with their surroundings, in the shape of the picture."""
    west = min(min(ring[::2]) for ring in rings) / 10
    east = max(max(ring[::2]) for ring in rings) / 10
    south = min(min(ring[1::2]) for ring in rings) / 10
    north = max(max(ring[1::2]) for ring in rings) / 10
    middle_lon, middle_lat = (west + east) / 2, (south + north) / 2
    squeeze = max(math.cos(math.radians(middle_lat)), 0.2)
    tall = max((north - south) * (1 + 2 * _MARGIN), _LEAST)
    wide = (east - west) * squeeze * (1 + 2 * _MARGIN)
    tall = max(tall, wide * HEIGHT / WIDTH)
    if tall * WIDTH / HEIGHT / squeeze > _WORLD[2] - _WORLD[0]:
        tall = (_WORLD[2] - _WORLD[0]) * HEIGHT / WIDTH
        return _Window(_WORLD[0], 11 - tall / 2, _WORLD[2], 11 + tall / 2)
    half_wide = tall * WIDTH / HEIGHT / squeeze / 2
    return _Window(
        middle_lon - half_wide, middle_lat - tall / 2, middle_lon + half_wide, middle_lat + tall / 2
    )


def _path(ring: Sequence[int], window: _Window) -> str:
    """One outline as path data; nothing if it is out of sight."""
    lons, lats = ring[::2], ring[1::2]
    if (
        max(lons) / 10 < window.west
        or min(lons) / 10 > window.east
        or max(lats) / 10 < window.south
        or min(lats) / 10 > window.north
    ):
        return ""
    points = [window.place(lon / 10, lat / 10) for lon, lat in zip(lons, lats, strict=True)]
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in points) + "Z"
