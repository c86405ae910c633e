"""What an agency is told of open servers beside the findings: since when, which case, listings."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from survey.analysis.jurisdiction import View
from survey.analysis.listed_servers import listed_servers
from survey.model.episode import ExposureKind
from survey.model.exposure import Known, OpenServer, ServerKey
from survey.storage.layout import Layout

Exposure = tuple[int, int, str]
"""Address, port and kind."""


def known_of(
    layout: Layout,
    seen: View,
    servers: Sequence[OpenServer],
    cases: Mapping[Exposure, str],
    day: date,
) -> dict[ServerKey, Known]:
    """What is known of each, by address, port and probe.

    Args:
        layout: Where listings are.
        seen: The agency's view of the run.
        servers: The run's open findings in it.
        cases: See ``cases_told``.
        day: Which day's copies of public listings count.
    """
    since, listed = seen.open_since(), listed_servers(layout, servers, day)
    return {
        one.key: Known(
            open_since=since.get(one.key),
            case=cases.get((one.ip, one.port, _kind(one)), ""),
            listings=listed.get((one.ip, one.port, one.probe.value), ()),
        )
        for one in servers
    }


def cases_told(letters: pa.Table | None, agency: str) -> dict[Exposure, str]:
    """The last case under which each exposure's operator was written to in an agency's name.

    Args:
        letters: Who was told (schema TOLD), or None.
        agency: Agency id: no other agency's cases are told.
    """
    if letters is None:
        return {}
    mine = pc.and_(pc.equal(letters["agency"], agency), pc.is_valid(letters["sent_at"]))
    sent = letters.filter(mine).sort_by("sent_at").select(["ip", "port", "kind", "case"])
    return {(row["ip"], row["port"], row["kind"]): row["case"] for row in sent.to_pylist()}


def _kind(server: OpenServer) -> str:
    return (ExposureKind.RELAY if server.probe.is_relay else ExposureKind.PROXY).value
