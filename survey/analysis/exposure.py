"""How exposed each country, network and program is: findings counted, with denominators.

Hosts are distinct addresses.  Rates have two denominators: hosts that answered, and addresses that
were tested; the first has a Wilson interval, since it is a sample of the answering hosts.  Nobody
knows what an address that did not answer would have run, so a program has the first one only.
"""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from survey.analysis.database import Connection
from survey.analysis.membership import claim
from survey.analysis.queries import query
from survey.analysis.space import held_by_country, held_by_network, territory
from survey.model.agency import Jurisdiction
from survey.storage.registries import Registries
from survey.targets.ranges import RangeSet


class By(StrEnum):
    """What exposure is counted by."""

    COUNTRY = "country"
    NETWORK = "network"
    SOFTWARE = "software"


class Weakness(StrEnum):
    """Which findings count."""

    ANY = "any"
    RELAY = "relay"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which hosts of which run are counted.

    Attributes:
        campaign: Campaign id.
        run: Run id.
        space: Tested addresses: the plan's, less who has opted out.
        jurisdiction: Only what belongs to it counts; None for all.
        registries: The snapshots that denominators are counted by.
    """

    campaign: str
    run: str
    space: RangeSet
    jurisdiction: Jurisdiction | None
    registries: Registries


def measure(connection: Connection, scope: Scope, by: By, weakness: Weakness) -> pa.Table:
    """One row per country, network or program, most open hosts first.

    Columns: ``country`` or ``asn, network`` or ``software``; hosts ``open, suspected, closed,
    unknown, answering``; open hosts ``per_100k_answering`` with its 95 % interval ``per_100k_low,
    per_100k_high``; but for programs ``addresses`` tested and ``per_million_addresses``.  Reads the
    view ``hosts``, for programs ``findings``.
    """
    _enter(connection, scope.jurisdiction, "findings" if by is By.SOFTWARE else "hosts")
    if by is not By.SOFTWARE:
        _hold_addresses(connection, scope, by)
    return connection.sql(
        query(f"exposure_by_{by}"),
        params={"campaign": scope.campaign, "run": scope.run, "kind": str(weakness)},
    ).to_arrow_table()


def _hold_addresses(connection: Connection, scope: Scope, by: By) -> None:
    """Make ``addresses`` the tested addresses of each country or network."""
    country, network = scope.registries.country, scope.registries.network
    space = scope.space
    if scope.jurisdiction is not None:
        space &= territory(scope.jurisdiction, country, network)
    held = held_by_country(space, country) if by is By.COUNTRY else held_by_network(space, network)
    connection.register("_held", held)
    connection.execute("CREATE OR REPLACE TEMP TABLE addresses AS FROM _held")
    connection.unregister("_held")


def _enter(connection: Connection, jurisdiction: Jurisdiction | None, source: str) -> None:
    """Make ``scope`` the rows of a view that belong to a jurisdiction."""
    if jurisdiction is None:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW scope AS FROM {source}")
        return
    claim(connection, jurisdiction, RangeSet.of(()))  # the views hide who has opted out
    connection.execute(f"CREATE OR REPLACE TEMP VIEW scope AS FROM within('{source}')")
