"""A plan over refusing or answering loopback addresses, for the benchmarks that dial."""

from datetime import UTC, datetime
from pathlib import Path

from survey.model.address import Range, parse_ip
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.targets.optouts import init_log

LOOPBACK_CANARY = Canary(
    ("canary.example", "canary2.example"),
    Endpoint(parse_ip("127.0.0.2"), 2526),
    Endpoint(parse_ip("127.0.0.2"), 2527),
)


def loopback_plan(
    folder: Path,
    ranges: tuple[Range, ...],
    ports: tuple[int, ...],
    probe: Probe = Probe.SOCKS5,
) -> Plan:
    """A lab plan with a real opt-out log in ``folder`` and a cap too high to be felt."""
    log = folder / "optouts.log"
    init_log(log)
    return Plan(
        campaign="benchmark",
        run="2026-W48",
        kind=Kind.LAB,
        purpose="benchmark",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        valid_until=None,
        authority="",
        seed="00" * 16,
        ranges=ranges,
        excluded=0,
        excluded_by=(),
        probes=(ProbePlan(probe, ports),),
        rate=Rate(1_000_000, 1_000_000.0, 16),
        identity=Identity(
            "Benchmark", "survey@lab.example", "https://lab.example/", "probe.lab.example", ()
        ),
        canary=LOOPBACK_CANARY,
        optouts=str(log),
        optouts_version=0,
        exclusions=(),
        names="none",
        slots=1,
        shard_addresses=1 << 20,
        lease_seconds=12.0,
        snapshots=(),
        stated=(),
        version="benchmark",
    )
