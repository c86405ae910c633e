"""Tested addresses by country, network and so on: the tables that rates are divided by.

They are counted when a question first needs them, once for all runs that tested the same space and
were judged with the same registries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.judged_with import judged_with
from survey.analysis.queries import query
from survey.analysis.space import (
    held_by_block,
    held_by_country,
    held_by_country_and_network,
    held_by_holder,
    held_by_network,
    held_by_organisation,
    territory,
)
from survey.model.agency import Jurisdiction
from survey.model.exposure import By
from survey.model.plan import Plan
from survey.storage.layout import Layout
from survey.storage.registries import Registries
from survey.targets.ranges import RangeSet

_PLACE_AND_NETWORK = pa.struct([("country", pa.string()), ("asn", pa.uint32())])
_NUMBERS = {By.NETWORK: pa.uint32(), By.BLOCK: pa.uint32()}
_SPACES = pa.schema([("campaign", pa.string()), ("run", pa.string()), ("space", pa.int32())])


@dataclass(frozen=True, slots=True)
class _Space:
    """What a run's denominators depend on; two runs with the same have the same."""

    ranges: tuple[object, ...]
    registries: Registries
    jurisdiction: Jurisdiction | None
    particular: tuple[str, ...]


class Denominators:
    """The tables ``spaces`` and ``held_by_*`` of one open data directory."""

    def __init__(
        self, connection: Connection, layout: Layout, plans: Sequence[Plan], hidden: RangeSet
    ) -> None:
        """Make the tables, empty.

        Args:
            connection: Where they are made.
            layout: The data directory.
            plans: Those of all judged runs.
            hidden: Addresses that have opted out by now.
        """
        self._connection = connection
        self._layout = layout
        self._plans = tuple(plans)
        self._hidden = hidden
        self._registries: dict[tuple[str, str], Registries] = {}
        self._numbers: dict[_Space, int] = {}
        self._counted: set[tuple[By, int]] = set()
        hold(connection, "spaces", _SPACES.empty_table())
        for by in By:
            hold(connection, f"held_by_{by}", _schema(by).empty_table())

    def count(
        self, by: By, plans: Sequence[Plan] | None = None, jurisdiction: Jurisdiction | None = None
    ) -> None:
        """Have the tested addresses of some runs (all, if not given) ready, by some key.

        Until the next call, ``spaces`` names these runs, with what a jurisdiction has of them.

        Raises:
            StorageError: A snapshot that a run was judged with is gone.
        """
        rows = []
        for plan in self._plans if plans is None else plans:
            space = _Space(
                plan.ranges, self._judged_with(plan), jurisdiction, _particular(by, plan)
            )
            number = self._numbers.setdefault(space, len(self._numbers))
            rows.append({"campaign": plan.campaign, "run": plan.run, "space": number})
            if (by, number) not in self._counted:
                self._append(f"held_by_{by}", self._held(by, plan, space, number))
                self._counted.add((by, number))
        self._connection.execute("DELETE FROM spaces")
        self._append("spaces", pa.Table.from_pylist(rows, schema=_SPACES))

    def _judged_with(self, plan: Plan) -> Registries:
        name = (plan.campaign, plan.run)
        if name not in self._registries:
            self._registries[name] = judged_with(self._layout, plan).main
        return self._registries[name]

    def _append(self, name: str, rows: pa.Table) -> None:
        self._connection.register("_more", rows)
        self._connection.execute(f"INSERT INTO {name} FROM _more")
        self._connection.unregister("_more")

    def _held(self, by: By, plan: Plan, about: _Space, number: int) -> pa.Table:
        space = RangeSet.of(plan.ranges) - self._hidden
        known = about.registries
        if about.jurisdiction is not None:
            space &= territory(about.jurisdiction, known.country, known.network)
        table = self._counts(by, plan, space, known)
        key = table.column(0).combine_chunks()
        if by is By.COUNTRY_AND_NETWORK:
            key = pa.StructArray.from_arrays(
                [key, table["asn"].combine_chunks()], fields=list(_PLACE_AND_NETWORK)
            )
        names = table.column_names
        name = table["network"] if "network" in names else pa.nulls(len(table), pa.string())
        return pa.table(
            {
                "space": pa.array([number] * len(table), pa.int32()),
                "key": key,
                "name": name,
                "addresses": table["addresses"],
            }
        ).cast(_schema(by))

    def _counts(  # noqa: PLR0911 - one per key
        self, by: By, plan: Plan, space: RangeSet, known: Registries
    ) -> pa.Table:
        """The key's columns and ``addresses``."""
        match by:
            case By.COUNTRY:
                return held_by_country(space, known.country)
            case By.REGISTRY_COUNTRY:
                return held_by_country(space, known.registration)
            case By.NETWORK:
                return held_by_network(space, known.network)
            case By.COUNTRY_AND_NETWORK:
                return held_by_country_and_network(space, known.country, known.network)
            case By.HOLDER:
                return held_by_holder(space, known.registration)
            case By.ORGANISATION:
                return held_by_organisation(space, known.network, known.organisation)
            case By.BLOCK:
                return held_by_block(space, self._blocks(plan))
            case By.PROBE:
                probes = pa.array([str(part.probe) for part in plan.probes], pa.string())
                counts = pa.array([space.size] * len(probes), pa.int64())
                return pa.table({"probe": probes, "addresses": counts})
            case By.SOFTWARE:
                nobody = pa.array([], pa.string())
                return pa.table({"software": nobody, "addresses": pa.array([], pa.int64())})

    def _blocks(self, plan: Plan) -> "np.typing.NDArray[np.uint32]":
        """The /24s where a run saw something, by their first addresses."""
        bound = {"campaign": plan.campaign, "run": plan.run}
        found = self._connection.execute(query("seen_blocks"), bound).fetchnumpy()["block"]
        return np.asarray(found, np.uint32)


def _schema(by: By) -> pa.Schema:
    key = _PLACE_AND_NETWORK if by is By.COUNTRY_AND_NETWORK else _NUMBERS.get(by, pa.string())
    return pa.schema(
        [("space", pa.int32()), ("key", key), ("name", pa.string()), ("addresses", pa.int64())]
    )


def _particular(by: By, plan: Plan) -> tuple[str, ...]:
    """What else a run's counts depend on: its probes, or where it saw something."""
    if by is By.PROBE:
        return tuple(str(part.probe) for part in plan.probes)
    return (plan.campaign, plan.run) if by is By.BLOCK else ()
