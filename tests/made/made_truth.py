"""What is true of one part of a run of a history, counted in plain Python from the truth alone."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from survey.model.plan import Plan
from survey.targets.ranges import RangeSet

LADDER = {"nothing": 0, "connected": 1, "spoke": 2, "open": 6}


@dataclass(frozen=True)
class Holder:
    """Whose addresses a range is."""

    country: str
    asn: int | None
    network: str


@dataclass(frozen=True)
class Service:
    """What became of one (ip, port, probe) in a run, all its looks together."""

    ip: int
    probe: str
    rung: int
    software: str

    @property
    def open(self) -> bool:
        """Whether it was proven."""
        return self.rung > 4

    @property
    def relay(self) -> bool:
        """Whether it is a mail server."""
        return self.probe == "smtp_relay"


@dataclass(frozen=True)
class Part:
    """One part of a run: what answered there, and how many addresses were tested."""

    services: tuple[Service, ...]
    tested: int

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """Servers open, relays, proxies, suspected (a history has none), answering; tested."""
        opened = [one for one in self.services if one.open]
        return (
            len({one.ip for one in opened}),
            len({one.ip for one in opened if one.relay}),
            len({one.ip for one in opened if not one.relay}),
            0,
            len({one.ip for one in self.services if one.rung > 0}),
            self.tested,
        )


class Territory:
    """Whose each address of a history is."""

    def __init__(self, truth: Path) -> None:
        rows = pq.read_table(truth / "ranges.parquet").to_pylist()
        self._ranges = [
            (
                row["range_start"],
                row["range_end"],
                Holder(row["country"] or "", row["asn"], row["network"] or ""),
            )
            for row in rows
        ]
        self._starts = [start for start, _, _ in self._ranges]

    def holder(self, ip: int) -> Holder:
        """Whose an address is."""
        return self._ranges[bisect_right(self._starts, ip) - 1][2]

    def sizes(self, space: RangeSet, gone: RangeSet) -> Iterator[tuple[Holder, int]]:
        """Each range's holder, and how many of its addresses are planned and not gone."""
        left = space - gone
        for start, end, holder in self._ranges:
            yield (
                holder,
                sum(
                    max(0, min(end, part.end) - max(start, part.start) + 1) for part in left.ranges
                ),
            )


def services(truth: Path, run: str) -> list[Service]:
    """Every service that left a row in a run; proven twice is what two attempts found open."""
    looks = defaultdict(list)
    for row in pq.read_table(truth / "answers" / f"{run}.parquet").to_pylist():
        looks[row["ip"], row["port"], row["probe"]].append(row)
    return [_service(key, sorted(some, key=_attempt)) for key, some in looks.items()]


def _attempt(row: dict) -> int:
    return int(row["attempt"])


def _service(key: tuple[int, int, str], looks: list[dict]) -> Service:
    opened = [row for row in looks if row["came_to"] == "open"]
    if not opened:
        return Service(key[0], key[2], LADDER[looks[-1]["came_to"]], "")
    twice = looks[-1] is opened[-1] and opened[0]["attempt"] < opened[-1]["attempt"]
    software = next((row["software"] for row in looks if row["software"]), "")
    return Service(key[0], key[2], 7 if twice else 6, software)


def parts(
    truth: Path,
    plan: Plan,
    gone: RangeSet,
    inside: Callable[[Holder], bool],
    by: Callable[[Holder], object],
) -> dict[object, Part]:
    """A jurisdiction's part of a run, by whatever its holders are told apart."""
    territory = Territory(truth)
    tested: Counter[object] = Counter()
    for holder, size in territory.sizes(RangeSet.of(plan.ranges), gone):
        if inside(holder):
            tested[by(holder)] += size
    found = defaultdict(list)
    for one in services(truth, plan.run):
        holder = territory.holder(one.ip)
        if one.ip not in gone and inside(holder):
            found[by(holder)].append(one)
    return {key: Part(tuple(found[key]), size) for key, size in tested.items() if size}
