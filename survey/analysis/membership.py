"""Which rows belong to a jurisdiction (law 8): by what they say of their address themselves.

A row names the country and network of its address on its own day.  Whoever else had the address on
another day of the same run is not told of it.
"""

import pyarrow as pa

from survey.analysis.database import Connection, range_table
from survey.model.agency import Jurisdiction
from survey.targets.ranges import RangeSet


def claim(connection: Connection, jurisdiction: Jurisdiction, hidden: RangeSet) -> None:
    """Make the macro ``within`` show this jurisdiction's rows only, without hidden addresses."""
    tables = {
        "own_countries": pa.table(
            {"country": pa.array(sorted(jurisdiction.countries), pa.string())}
        ),
        "own_networks": pa.table({"asn": pa.array(sorted(jurisdiction.networks), pa.uint32())}),
        "own_ranges": range_table(RangeSet.of(jurisdiction.ranges)),
        "foreign_ranges": range_table(RangeSet.of(jurisdiction.excluded) | hidden),
    }
    for name, table in tables.items():
        connection.register("_claimed", table)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM _claimed")
        connection.unregister("_claimed")
