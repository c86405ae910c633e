"""A campaign and its resolved addresses, frozen: canonical JSON, named by its SHA-256."""

import hashlib
import json
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from survey.errors import StorageError
from survey.model.plan import Canary, Identity, Plan, ProbePlan, Rate, Waits
from survey.model.probe import Probe
from survey.targets.campaign import Campaign, RelayProbe, TlsProbe, TunnelProbe
from survey.targets.duration import shard_addresses
from survey.targets.ranges import RangeSet

_PLAN = TypeAdapter(Plan)


def freeze(
    campaign: Campaign,
    allowed: RangeSet,
    *,
    run: str,
    now: datetime,
    excluded_by: tuple[tuple[str, int], ...] = (),
    snapshots: tuple[str, ...] = (),
    optouts_version: int = 0,
    stated: tuple[tuple[str, str], ...] = (),
    seed: str | None = None,
) -> Plan:
    """The plan of one run over ``allowed``, which has every exclusion already taken out.

    Without ``seed`` the order is a new one.
    """
    rate = Rate(
        campaign.rate.packets_per_second,
        campaign.rate.per_24_per_second,
        campaign.rate.per_host_connections,
    )
    probes = tuple(_probe(probe, table) for probe, table in campaign.probes.chosen)
    ports = {port for part in probes for port in part.every_port}
    cluster, identity = campaign.cluster, campaign.identity
    return Plan(
        campaign=campaign.id,
        run=run,
        kind=campaign.kind,
        purpose=campaign.campaign.purpose,
        created_at=now.astimezone(UTC),
        valid_until=campaign.valid_until,
        authority=campaign.authority.agency if campaign.authority else "",
        seed=seed or secrets.token_hex(16),
        ranges=allowed.ranges,
        excluded=sum(addresses for _, addresses in excluded_by),
        probes=probes,
        rate=rate,
        identity=Identity(
            identity.operator,
            identity.contact,
            identity.page,
            identity.helo,
            identity.source_addresses,
        ),
        canary=Canary(
            campaign.canary.domains,
            campaign.canary.smtp,
            campaign.canary.echo,
            campaign.canary.web,
        ),
        optouts=str(campaign.optouts.path),
        exclusions=tuple(str(path) for path in campaign.targets.exclusion_files),
        names=campaign.names.source,
        slots=cluster.slots,
        shard_addresses=shard_addresses(
            allowed, len(ports), rate, cluster.slots, cluster.shard_seconds
        ),
        lease_seconds=cluster.lease_seconds,
        snapshots=snapshots,
        version=version("survey"),
        excluded_by=excluded_by,
        optouts_version=optouts_version,
        stated=stated,
        patience=campaign.campaign.patience,
        discovery=campaign.discovery.plan,
        controls=campaign.controls.all,
        waits=Waits(
            campaign.followups.greylisted,
            campaign.followups.next_envelope,
            campaign.followups.second_opinion,
        ),
    )


def _probe(probe: Probe, table: TunnelProbe) -> ProbePlan:
    ports = tuple(sorted(table.ports))
    if isinstance(table, RelayProbe):
        return ProbePlan(probe, ports, tuple(sorted(table.tls_ports)), table.depth)
    if isinstance(table, TlsProbe):
        return ProbePlan(probe, ports, tuple(sorted(table.tls_ports)))
    return ProbePlan(probe, ports)


def plan_to_json(plan: Plan) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII, one line end; addresses are numbers."""
    content = _PLAN.dump_python(plan, mode="json")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii") + b"\n"


def plan_from_json(data: bytes) -> Plan:
    """The plan that ``plan_to_json`` wrote.

    Raises:
        StorageError: It is no plan, or not byte for byte as it was frozen.
    """
    try:
        plan = _PLAN.validate_json(data)
    except (ValidationError, AssertionError) as error:
        raise StorageError("is no plan of this version of the survey") from error
    if plan_to_json(plan) != data:
        raise StorageError("is not as it was frozen")
    return plan


def plan_hash(plan: Plan) -> str:
    """SHA-256 of the canonical JSON, hex."""
    return hashlib.sha256(plan_to_json(plan)).hexdigest()


def load_plan(path: Path) -> Plan:
    """The frozen plan at ``path``.

    Raises:
        StorageError: It can't be read, is no plan, or was altered.
    """
    try:
        return plan_from_json(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path}: can't be read ({error.strerror})") from error
    except StorageError as error:
        raise StorageError(f"{path}: {error}; restore it from your copy") from error
