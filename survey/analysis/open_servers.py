"""Open findings as records: rows of an agency's list, or what a letter tells of."""

from dataclasses import dataclass
from typing import Any

from survey.analysis.database import Connection, connect, hold, range_table, show_files
from survey.analysis.queries import query
from survey.model.exposure import OpenServer
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.storage.layout import Layout
from survey.storage.schemas import FINDINGS
from survey.targets.ranges import RangeSet


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which finding a letter should tell of; None leaves it open."""

    ip: int | None = None
    port: int | None = None
    probe: Probe | None = None


def servers_for_letters(
    layout: Layout,
    campaign: str,
    run: str,
    wanted: Wanted,
    *,
    least: Rung,
    optouts: RangeSet,
    limit: int = 1000,
) -> tuple[OpenServer, ...]:
    """At most ``limit`` open findings of rung ``least`` or higher, the best proven first.

    Who has opted out by now is not among them.
    """
    with connect(layout) as connection:
        show_files(connection, "findings", FINDINGS, [layout.run(campaign, run).findings])
        hold(connection, "foreign_ranges", range_table(optouts))
        return read_servers(
            connection,
            "letter_servers",
            {
                "least": int(least),
                "ip": wanted.ip,
                "port": wanted.port,
                "probe": wanted.probe and wanted.probe.value,
                "limit": limit,
            },
        )


def suspects(layout: Layout, campaign: str, run: str) -> tuple[int, ...]:
    """Addresses of a judged run with an open or suspected finding, sorted."""
    with connect(layout) as connection:
        show_files(connection, "findings", FINDINGS, [layout.run(campaign, run).findings])
        return tuple(ip for (ip,) in connection.execute(query("suspects")).fetchall())


def read_servers(
    connection: Connection, name: str, bound: dict[str, Any] | None = None
) -> tuple[OpenServer, ...]:
    """The rows of a query that gives the columns of ``OpenServer`` in their order."""
    rows = connection.execute(query(name), bound or {}).fetchall()
    return tuple(
        OpenServer(ip, port, Probe(probe), Rung(rung), *rest)
        for ip, port, probe, rung, *rest in rows
    )
