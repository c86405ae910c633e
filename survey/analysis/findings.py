"""From observations and arrivals to findings: rules applied, software told, registries joined.

The address space is cut into slices of about equal work, so that memory stays flat whatever the
size of a run.  The same input gives the same rows.
"""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis import fingerprint, located
from survey.analysis.database import Connection, connect, hold, range_table, show_files
from survey.analysis.fingerprints import FINGERPRINTS
from survey.analysis.followups import wanted
from survey.analysis.judged_with import Tally
from survey.analysis.queries import query
from survey.analysis.rules import RANKED, RELAY_RULES, TUNNEL_RULES, render
from survey.model.address import MAX_IP
from survey.model.followup import Wanted
from survey.model.plan import Depth, ProbePlan, Waits
from survey.model.probe import PROBE_CODES, Probe
from survey.model.verdict import Verdict
from survey.storage.files import replacing
from survey.storage.layout import Layout
from survey.storage.paging import paging
from survey.storage.registries import Snapshot
from survey.storage.schemas import ARRIVALS, CHECKS, FINDINGS, HOSTS, OBSERVATIONS
from survey.targets.ranges import RangeSet

SLICE_ROWS = 2_000_000
"""Observations judged at once; about 1 GB."""


LATE = 60
"""Seconds after its conversation from which a message is called delayed."""

_OPTOUTS = b"survey.optouts"


@dataclass(frozen=True, slots=True)
class Material:
    """What the judgement of one run rests on.

    Attributes:
        campaign: Campaign id.
        run: Run id.
        observations: Files of schema OBSERVATIONS.
        arrivals: Files of schema ARRIVALS; of all days, since mail comes late.
        optouts: Addresses that appear in no output.
        optouts_version: Entries of the opt-out log that they are from; kept in both files, so that
            a reader need only look at later ones.
        waits: How far two proofs lie apart at least, and how long other follow-ups wait.
        several_sources: The campaign sends from more than one address, so two proofs must, too.
        depth: How many forms of envelope the campaign tries.
        probes: What a scan tries on which port.
        registries: The snapshots to use for what was seen on a day.
    """

    campaign: str
    run: str
    observations: tuple[Path, ...]
    arrivals: tuple[Path, ...]
    optouts: RangeSet
    optouts_version: int
    waits: Waits = field(default_factory=Waits)
    several_sources: bool = False
    depth: Depth = Depth.STANDARD
    probes: tuple[ProbePlan, ...] = ()
    registries: located.Choose = located.no_registries


@dataclass(frozen=True, slots=True)
class Judged:
    """How many rows were written.

    Attributes:
        observations: Rows that were read.
        findings: Rows by verdict.
        hosts: Addresses by verdict.
        snapshots: The registry snapshots that were used, on whatever day.
        wanted: Later tests that would settle a doubt.
    """

    observations: int
    findings: dict[Verdict, int]
    hosts: dict[Verdict, int]
    snapshots: tuple[Snapshot, ...]
    wanted: tuple[Wanted, ...]


def write_findings(layout: Layout, material: Material, slice_rows: int = SLICE_ROWS) -> Judged:
    """Judge a run and replace its tables of findings, hosts and checks, each whole."""
    run = layout.run(material.campaign, material.run)
    with connect(layout) as connection, ExitStack() as files:
        snapshots = _prepare(connection, material)
        findings = _Table(files, run.findings, FINDINGS, material.optouts_version)
        hosts = _Table(files, run.hosts, HOSTS, material.optouts_version)
        checks = _Table(files, run.checks, CHECKS, material.optouts_version)
        tally = Tally()
        again: list[Wanted] = []
        for first, last in _slices(connection, slice_rows):
            connection.execute(
                query("judged"),
                {
                    "first": first,
                    "last": last,
                    "apart": material.waits.second_opinion,
                    "several_sources": material.several_sources,
                },
            )
            connection.execute(query("flags"), {"first": first, "last": last, "late": LATE})
            fingerprint.identify(connection, first, last)
            located.locate(connection)
            connection.execute(
                query("findings"), {"campaign": material.campaign, "run": material.run}
            )
            # several threads read a table, each its part: only a question has an order
            ordered = connection.sql("FROM findings ORDER BY ip, port, probe")
            findings.add(ordered.to_arrow_table())
            together = connection.sql(query("hosts")).to_arrow_table()
            hosts.add(together)
            tally.add(together)
            looks = connection.sql(
                query("checks"), params={"campaign": material.campaign, "run": material.run}
            )
            checks.add(looks.to_arrow_table())
            again += wanted(connection, first, last, material.waits, material.depth)
        hosts.say(tally.footer())
        (total,) = connection.execute("SELECT count(*) FROM observations").fetchall()[0]
        return Judged(total, findings.verdicts(), hosts.verdicts(), snapshots, tuple(again))


def optouts_version(path: Path) -> int:
    """How many entries of the opt-out log a file of findings or hosts has taken into account."""
    metadata = pq.read_metadata(path).metadata or {}
    return int(metadata.get(_OPTOUTS, b"0"))


def stored_verdicts(path: Path) -> dict[Verdict, int]:
    """How many rows a file of findings or hosts has, by verdict."""
    counts = Counter(pq.read_table(path, columns=["verdict"])["verdict"].to_pylist())
    return {verdict: counts[verdict] for verdict in Verdict}


def _prepare(connection: Connection, material: Material) -> tuple[Snapshot, ...]:
    """Everything that the slices have in common; the registry snapshots that they use."""
    show_files(connection, "observations", OBSERVATIONS, material.observations)
    show_files(connection, "arrivals", ARRIVALS, material.arrivals)
    snapshots = located.prepare(connection, material.registries)
    hold(connection, "optout_ranges", range_table(material.optouts))
    hold(
        connection,
        "rules",
        pa.table(
            {
                "rank": pa.array(range(len(RANKED)), pa.int32()),
                "rule": [rule.id for rule in RANKED],
                "verdict": [str(rule.verdict) for rule in RANKED],
                "rung": pa.array([int(rule.rung) for rule in RANKED], pa.uint8()),
            }
        ),
    )
    hold(connection, "probe_bits", probe_bits())
    hold(connection, "planned", _planned(material.probes))
    connection.execute(query("printable"))
    connection.execute(query("header_names"))
    connection.execute(query("own_words"))
    connection.execute(
        "CREATE MACRO relay_rank("
        "step, failure, protocol, refused_at, code, words, names_us, like_control, letter, "
        "letter_torn, reproduced"
        f") AS {render(RELAY_RULES)}"
    )
    connection.execute(
        "CREATE MACRO tunnel_rank("
        "probe, variant, step, failure, protocol, refused_at, code, head, tunnel, forwarded, "
        "reproduced"
        f") AS {render(TUNNEL_RULES)}"
    )
    fingerprint.prepare(connection, FINGERPRINTS)
    connection.execute(query("letters"))
    connection.execute(query("tunnels"))
    return snapshots


def _bit(probe: Probe) -> int:
    """The bit of a probe in CHECKS."""
    return 1 << PROBE_CODES[probe] - 1


def probe_bits() -> pa.Table:
    """Which bit stands for which probe in CHECKS."""
    return pa.table(
        {
            "probe": [str(probe) for probe in Probe],
            "bit": pa.array([_bit(probe) for probe in Probe], pa.uint16()),
        }
    )


def _planned(probes: tuple[ProbePlan, ...]) -> pa.Table:
    """What a scan tries on each port, as bits."""
    bits: Counter[tuple[int, str]] = Counter()
    for part in probes:
        for port in part.every_port:
            bits[port, "relay" if part.probe.is_relay else "proxy"] |= _bit(part.probe)
    return pa.table(
        {
            "port": pa.array([port for port, _ in bits], pa.uint16()),
            "kind": pa.array([kind for _, kind in bits], pa.string()),
            "probes": pa.array(list(bits.values()), pa.uint16()),
        }
    )


def _slices(connection: Connection, rows: int) -> list[tuple[int, int]]:
    """First and last address of each slice; together the whole address space."""
    firsts = [first for (first,) in connection.execute(query("slices"), {"rows": rows}).fetchall()]
    edges = [0, *firsts[1:], MAX_IP + 1]
    return [(first, after - 1) for first, after in pairwise(edges)]


_ROWS = {FINDINGS: 16_384, CHECKS: 65_536, HOSTS: 122_880}
"""Rows of one row group.  A question about one address reads one group of every run's findings; all
hosts are read together, so larger groups are better there."""


class _Table:
    """A Parquet file that is written slice by slice and appears whole at the end."""

    def __init__(
        self, files: ExitStack, path: Path, schema: pa.Schema, optouts_version: int
    ) -> None:
        part = files.enter_context(replacing(path))
        footer = {**(schema.metadata or {}), _OPTOUTS: str(optouts_version).encode()}
        self._writer = files.enter_context(
            pq.ParquetWriter(
                part, schema.with_metadata(footer), compression="zstd", **paging(schema)
            )
        )
        self._schema = schema
        self._verdicts: Counter[str] = Counter()

    def add(self, rows: pa.Table) -> None:
        """Append one slice, in the schema's types."""
        whole = rows.select(self._schema.names).cast(self._schema)
        self._writer.write_table(whole, row_group_size=_ROWS[self._schema])
        if "verdict" in rows.column_names:
            for count in rows["verdict"].value_counts():
                self._verdicts[count["values"].as_py()] += count["counts"].as_py()

    def say(self, facts: dict[str, str]) -> None:
        """Add facts about the whole to the footer."""
        self._writer.add_key_value_metadata(facts)

    def verdicts(self) -> dict[Verdict, int]:
        """How many rows so far, by verdict."""
        return {verdict: self._verdicts[verdict] for verdict in Verdict}
