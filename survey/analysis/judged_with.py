"""The registry snapshots that a judged run was joined with, kept in the footer of its hosts.

Rows of one run may name different snapshots (``located.py``).  Rates need one set for their
denominators, and that is the one that most hosts were joined with.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.model.plan import Plan
from survey.storage.layout import Layout
from survey.storage.registries import (
    JOINED,
    Registries,
    Snapshot,
    find_snapshot,
    registries_in_force,
)

FOOTER = "survey.registries"
"""JSON: a list of ``[hosts, id of each kind of JOINED or null]``, most hosts first."""

COLUMNS = tuple(f"{kind}_snapshot" for kind in JOINED)


@dataclass(frozen=True, slots=True)
class JudgedWith:
    """What the rows of a run name.

    Attributes:
        main: The set that most hosts were joined with.
        every: All snapshots that some row names, by kind and id.
    """

    main: Registries
    every: tuple[Snapshot, ...]


def judged_with(layout: Layout, plan: Plan) -> JudgedWith:
    """The snapshots of a judged run; of one without a host, those in force on its first day.

    Raises:
        StorageError: One of them is not here any more, or the run is not judged by this version.
    """
    path = layout.run(plan.campaign, plan.run).hosts
    footer = (pq.read_metadata(path).metadata or {}).get(FOOTER.encode())
    if footer is None:
        raise StorageError(f"{path}: does not say which registries it used; judge the run again")
    sets = [ids for _, *ids in json.loads(footer)]
    if not sets:
        main = registries_in_force(layout, plan.created_at.date())
        return JudgedWith(main, main.snapshots())
    known = {id_: find_snapshot(layout, id_) for ids in sets for id_ in ids if id_}
    main = Registries(
        **{
            kind.value: known[id_] if id_ else None
            for kind, id_ in zip(JOINED, sets[0], strict=True)
        }
    )
    order = list(JOINED)
    every = sorted(known.values(), key=lambda one: (order.index(one.kind), one.id))
    return JudgedWith(main, tuple(every))


class Tally:
    """Counts, while hosts are written, how many name which snapshots."""

    def __init__(self) -> None:
        self._hosts: Counter[tuple[str | None, ...]] = Counter()

    def add(self, hosts: pa.Table) -> None:
        """Some more rows of HOSTS."""
        counted = hosts.group_by(list(COLUMNS)).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            self._hosts[tuple(row[name] for name in COLUMNS)] += row["count_all"]

    def footer(self) -> dict[str, str]:
        """What the footer shall hold."""
        return {FOOTER: json.dumps([[count, *ids] for ids, count in _ranked(self._hosts.items())])}


def _ranked(
    counts: Iterable[tuple[tuple[str | None, ...], int]],
) -> list[tuple[tuple[str | None, ...], int]]:
    """Most hosts first; of equals, the later snapshots."""
    return sorted(counts, key=lambda item: (item[1], [id_ or "" for id_ in item[0]]), reverse=True)
