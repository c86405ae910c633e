"""Which public databases name some open servers on a day: their names, without the findings."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from survey.analysis.database import connect, hold, show_files
from survey.analysis.listing_views import make_listing_views
from survey.model.exposure import OpenServer
from survey.storage.layout import Layout
from survey.storage.listing_checks import check_files
from survey.storage.schemas import FINDINGS, LISTING_CHECKS

Key = tuple[int, int, str]

_COLUMNS = ("campaign", "run", "ip", "port", "probe", "host")
_ASKED = pa.schema([FINDINGS.field(name) for name in _COLUMNS])
_NAMES = (
    "SELECT ip, port, probe, list(DISTINCT listing ORDER BY listing) FROM listed "
    "GROUP BY ip, port, probe"
)


def listed_servers(
    layout: Layout, servers: Sequence[OpenServer], day: date
) -> dict[Key, tuple[str, ...]]:
    """Names of the listings of each server that is in any, by address, port and probe; sorted.

    The same entries speak as in the notebook's ``listed``: by the copies in force on that day, and
    by what was answered over DNS when it was last asked.
    """
    if not servers:
        return {}
    rows = [
        {
            "campaign": "",
            "run": "",
            "ip": one.ip,
            "port": one.port,
            "probe": one.probe.value,
            "host": one.host or None,
        }
        for one in servers
    ]
    with connect(layout) as connection:
        connection.execute("CREATE SCHEMA stored")
        hold(connection, "findings", pa.Table.from_pylist(rows, _ASKED))
        show_files(connection, "listing_checks", LISTING_CHECKS, check_files(layout))
        make_listing_views(connection, layout, day)
        found = connection.execute(_NAMES).fetchall()
    return {(ip, port, probe): tuple(names) for ip, port, probe, names in found}
