# ruff: noqa: INP001 - a script, run by its path
"""Write the report's outlines anew out of the notebooks' (see the runbook beside this file)."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ROOT / "notebooks" / "world" / "countries.json"
OUTLINES = ROOT / "survey" / "reports" / "world.json"

_TENTHS = 10


def outlines(world: dict[str, Any]) -> dict[str, list[list[int]]]:
    """Per country its outer rings, largest first: longitude, latitude, ... in tenths of a degree.

    Lands without a code are together under "".
    """
    step_x, step_y = world["transform"]["scale"]
    left, top = world["transform"]["translate"]
    arcs = []
    for arc in world["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * step_x + left, y * step_y + top))
        arcs.append(points)
    found: dict[str, list[list[int]]] = {}
    for geometry in world["objects"]["countries"]["geometries"]:
        parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        rings = [_ring(arcs, part[0]) for part in parts]
        found.setdefault(geometry["id"], []).extend(sorted(rings, key=_size, reverse=True))
    return dict(sorted(found.items()))


def _ring(arcs: list[list[tuple[float, float]]], numbers: list[int]) -> list[int]:
    ring: list[int] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        for lon, lat in arc:
            point = [round(lon * _TENTHS), round(lat * _TENTHS)]
            if ring[-2:] != point:
                ring += point
    return ring


def _size(ring: list[int]) -> int:
    xs, ys = ring[::2], ring[1::2]
    return (max(xs) - min(xs)) * (max(ys) - min(ys))


def main() -> None:
    """Write the file."""
    world = json.loads(SHAPES.read_text(encoding="utf-8"))
    text = json.dumps(outlines(world), separators=(",", ":"))
    OUTLINES.write_text(text.replace('"],"', '"],\n"').replace(']],"', ']],\n"') + "\n", "ascii")


if __name__ == "__main__":
    main()
