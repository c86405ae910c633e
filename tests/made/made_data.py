"""A data directory made for tests: a plan, its shards, the canary's log, registries, opt-outs.

Everything is written the way the survey writes it; only the network is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from survey.canary.record import mapped, to_line
from survey.enrichment.snapshots import import_snapshot
from survey.model.address import Range, parse_ip
from survey.model.arrival import Arrival, ArrivalKind
from survey.model.assignment import Receipt
from survey.model.observation import Observation, Step
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.manifest import write_manifest
from survey.storage.registries import SnapshotKind
from survey.storage.shard_file import rows, write_shard
from survey.targets.optouts import add, init_log
from survey.targets.plan import plan_hash, plan_to_json

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CAMPAIGN = "nightwatch"
RUN = "2026-W48"

COUNTRIES = """\
192.0.2.0,192.0.2.127,ES
192.0.2.128,192.0.2.255,MX
198.51.100.0,198.51.100.191,ES
"""
"""The last quarter of 198.51.100.0/24 is a gap."""

NETWORKS = """\
192.0.2.0\t192.0.2.255\t64496\tES\tEXAMPLE-BROADBAND
198.51.100.0\t198.51.100.63\t64497\tES\tEXAMPLE-HOSTING
198.51.100.64\t198.51.100.127\t64496\tES\tEXAMPLE-BROADBAND
"""


def seen(
    ip: str, probe: Probe = Probe.SMTP_RELAY, variant: str = "V1", **known: object
) -> Observation:
    """An observation of an address; what is not known stays at nothing."""
    blank = Observation(
        ip=parse_ip(ip),
        port={Probe.SMTP_RELAY: 25, Probe.HTTP_CONNECT: 3128}.get(probe, 1080),
        probe=probe,
        variant=variant,
        canary_port=0 if probe.is_relay else 2525,
        tls=False,
        attempt=0,
        started_at=MORNING,
        duration=0.5,
        step=Step.CONNECTED,
        failure=None,
        protocol=None,
        refused_at=None,
        code=None,
        reply=b"",
        token="",
        nonce="",
        received=b"",
        sent=b"",
        bytes_in=0,
        bytes_out=0,
    )
    return replace(blank, **known)


def arrived(kind: ArrivalKind, token: str, **known: object) -> Arrival:
    """An arrival for a token, complete if it is a message."""
    blank = Arrival(
        at=MORNING + timedelta(minutes=1),
        kind=kind,
        token=token,
        nonce="",
        peer=mapped("192.0.2.9"),
        peer_port=40000,
        canary_port=25,
        complete=kind is ArrivalKind.MESSAGE,
        sender=b"",
        helo=b"",
        size=100,
    )
    return replace(blank, **known)


class MadeData:
    """One data directory with one campaign, below a temporary folder."""

    def __init__(
        self,
        folder: Path,
        blocks: Sequence[str] = ("192.0.2.0", "198.51.100.0"),
        countries: str = COUNTRIES,
        networks: str = NETWORKS,
    ) -> None:
        """An empty one, with an opt-out log and both registries; each block is a /24."""
        self.blocks = blocks
        self.layout = Layout(folder / "data")
        self.settings = Settings(folder / "data", folder / "keys", folder / "agencies")
        self.optouts = folder / "optouts.log"
        init_log(self.optouts)
        for kind, text in ((SnapshotKind.COUNTRY, countries), (SnapshotKind.NETWORK, networks)):
            path = folder / f"{kind}.txt"
            path.write_text(text, encoding="utf-8")
            import_snapshot(self.layout, kind, path, retrieved_at=MORNING - timedelta(days=1))

    def plan(self, run: str = RUN, created_at: datetime = MORNING) -> Plan:
        """A plan over the blocks, one shard for each."""
        return Plan(
            campaign=CAMPAIGN,
            run=run,
            kind=Kind.SURVEY,
            purpose="a test",
            created_at=created_at,
            valid_until=created_at + timedelta(days=30),
            authority="example",
            seed="00" * 16,
            ranges=tuple(Range(parse_ip(start), parse_ip(start) + 255) for start in self.blocks),
            excluded=0,
            probes=(
                ProbePlan(Probe.SMTP_RELAY, (25,)),
                ProbePlan(Probe.SOCKS5, (1080,)),
                ProbePlan(Probe.HTTP_CONNECT, (3128,)),
            ),
            rate=Rate(1000, 10.0, 1),
            identity=Identity(
                "Example", "survey@example.org", "https://example.org", "a.example", ()
            ),
            canary=Canary(
                ("a.example", "b.example"),
                Endpoint(parse_ip("203.0.113.1"), 25),
                Endpoint(parse_ip("203.0.113.1"), 443),
            ),
            optouts=str(self.optouts),
            exclusions=(),
            names="none",
            slots=1,
            shard_addresses=256,
            lease_seconds=12.0,
            snapshots=(),
            version="0",
        )

    def scan(
        self,
        observations: Sequence[Observation],
        run: str = RUN,
        created_at: datetime = MORNING,
        *,
        done: bool = True,
    ) -> None:
        """Write what a scan leaves behind: the plan, its shards, the manifest."""
        plan = self.plan(run, created_at)
        paths = self.layout.run(CAMPAIGN, run)
        paths.root.mkdir(parents=True)
        paths.plan.write_bytes(plan_to_json(plan))
        receipts = []
        for shard in range(plan.shards):
            mine = [one for one in observations if one.ip % plan.shards == shard]
            receipt = _receipt(plan, shard, len(mine), len({(one.ip, one.port) for one in mine}))
            receipts.append(write_shard(paths.shard(shard), rows(run, shard, mine), receipt))
        write_manifest(paths, receipts)
        if done:
            paths.done.write_text("{}")

    def arrive(self, arrivals: Iterable[Arrival]) -> None:
        """Append to the canary's log of the day."""
        self.layout.arrivals.mkdir(parents=True, exist_ok=True)
        with (self.layout.arrivals / f"{MORNING.date()}.log").open("ab") as log:
            log.writelines(map(to_line, arrivals))

    def opt_out(self, ip: str) -> None:
        """One address no longer wants to be tested."""
        ranges = (Range(parse_ip(ip), parse_ip(ip)),)
        add(self.optouts, ranges, "its operator", "", MORNING, MORNING)


def _receipt(plan: Plan, shard: int, observations: int, accepted: int) -> Receipt:
    planned = plan.shard_addresses * len(plan.ports)
    return Receipt(
        run=plan.run,
        plan_hash=plan_hash(plan),
        shard=shard,
        first_index=shard * plan.shard_addresses,
        addresses=plan.shard_addresses,
        attempt=0,
        slot=0,
        epoch=1,
        worker="host:1",
        version=plan.version,
        started_at=plan.created_at,
        finished_at=plan.created_at + timedelta(minutes=5),
        planned=planned,
        excluded=0,
        opted_out=0,
        sent=planned,
        open=accepted,
        refused=planned - accepted,
        silent=0,
        unreachable=0,
        conversations=observations,
        aborted=0,
        packets=10 * planned,
        observations=observations,
        max_rate=900,
        rechecked=1,
        reopened=1,
        missed=1,
    )
