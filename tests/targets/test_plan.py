"""A frozen plan is canonical, named by its hash, and trusted only byte for byte."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.model.plan import Depth, Kind, Plan
from survey.model.probe import Probe
from survey.targets.campaign import read_campaign
from survey.targets.plan import freeze, load_plan, plan_from_json, plan_hash, plan_to_json
from survey.targets.ranges import RangeSet, parse_cidr

ALLOWED = RangeSet.of([parse_cidr("5.6.0.0/24"), parse_cidr("5.6.8.0/24")])
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def plan(write: Callable[..., Path], survey_text: str) -> Plan:
    """A plan of the survey campaign."""
    text = survey_text + '[names]\nresolver = "192.0.2.53:53"\n'
    campaign = read_campaign(write(text, ('"5.6.7.0/24"', '"5.6.7.0/24", "no.txt"')))
    return freeze(
        campaign,
        ALLOWED,
        run="2026-W48",
        now=NOW,
        excluded_by=(("exclusions", 7), ("special-purpose space", 2)),
        optouts_version=3,
        stated=campaign.stated(),
        seed="ab" * 16,
    )


def test_plan_says_what_the_campaign_says(plan: Plan, tmp_path: Path) -> None:
    """Every key that matters to a scan is in the plan, in exact types."""
    assert (plan.campaign, plan.run, plan.kind) == ("national", "2026-W48", Kind.SURVEY)
    assert plan.created_at == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    assert plan.valid_until == datetime(2099, 1, 1, tzinfo=UTC)
    assert plan.authority == "agency"
    assert plan.ranges == ALLOWED.ranges
    assert plan.excluded == 9
    assert plan.ports == (25, 3128, 8080)
    assert plan.probes_on(3128) == (Probe.HTTP_CONNECT,)
    assert plan.identity.helo == "probe.example.org"
    assert plan.canary.domains == ("canary.example.org", "canary.example.net")
    assert plan.optouts == str(tmp_path / "optouts.jsonl")
    assert plan.exclusions == (str(tmp_path / "no.txt"),)
    assert plan.names == "dns:192.0.2.53:53"
    assert plan.optouts_version == 3


def test_depth_and_tls_ports_are_frozen(write: Callable[..., Path], survey_text: str) -> None:
    """Another depth is another plan; a port inside TLS is one of the plan's ports."""
    deeper = write(
        survey_text, ("ports = [25]", 'ports = [25, 587]\ntls_ports = [465]\ndepth = "full"')
    )
    plan = freeze(read_campaign(deeper), ALLOWED, run="r", now=NOW, seed="ab" * 16)
    relay = plan.probes[0]
    assert (relay.probe, relay.depth) == (Probe.SMTP_RELAY, Depth.FULL)
    assert (relay.ports, relay.tls_ports, relay.every_port) == ((25, 587), (465,), (25, 465, 587))
    assert {25, 465, 587} <= set(plan.ports)
    assert plan.probes_on(465) == (Probe.SMTP_RELAY,)
    assert plan_from_json(plan_to_json(plan)) == plan
    usual = freeze(read_campaign(write(survey_text)), ALLOWED, run="r", now=NOW, seed="ab" * 16)
    assert usual.probes[0].depth is Depth.STANDARD
    assert plan_hash(usual) != plan_hash(plan)


def test_plan_survives_json_and_keeps_its_hash(plan: Plan) -> None:
    """Written and read, it is the same plan under the same name."""
    data = plan_to_json(plan)
    assert plan_from_json(data) == plan
    assert plan_hash(plan_from_json(data)) == plan_hash(plan)
    assert data.isascii()
    assert data.count(b"\n") == 1


def test_any_change_is_another_hash(plan: Plan) -> None:
    """One packet/s more is another plan."""
    faster = replace(plan, rate=replace(plan.rate, packets_per_second=1001))
    assert plan_hash(faster) != plan_hash(plan)


def test_every_run_has_its_own_order(write: Callable[..., Path], survey_text: str) -> None:
    """Without a seed each plan draws one: no address is first in every run."""
    campaign = read_campaign(write(survey_text))
    one, two = (freeze(campaign, ALLOWED, run="r", now=NOW) for _ in range(2))
    assert one.seed != two.seed
    assert len(bytes.fromhex(one.seed)) == 16


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b'"slots":2', b'"slots": 2'),
        lambda data: data.replace(b'"slots":2', b'"slots":2,"more":1'),
        lambda data: data.replace(b'"slots":2', b'"slots":"two"'),
        lambda data: data.replace(b'"start":84279296', b'"start":94279296'),
        lambda data: data[:0] + b"{}",
        lambda data: data[:0],
        lambda data: b"\xff" + data,
    ],
    ids=["end", "space", "extra", "type", "range", "empty-object", "empty", "bytes"],
)
def test_altered_plan_is_refused(plan: Plan, tmp_path: Path, damage: object) -> None:
    """A plan that somebody touched is no plan; the file is named."""
    assert callable(damage)
    path = tmp_path / "plan.json"
    data = damage(plan_to_json(plan))
    assert data != plan_to_json(plan)
    path.write_bytes(data)
    with pytest.raises(StorageError, match=r"plan\.json: .*; restore"):
        load_plan(path)


def test_plan_file_is_loaded(plan: Plan, tmp_path: Path) -> None:
    """What lies on disk is what was frozen; a missing file is named."""
    path = tmp_path / "plan.json"
    path.write_bytes(plan_to_json(plan))
    assert load_plan(path) == plan
    with pytest.raises(StorageError, match="missing"):
        load_plan(tmp_path / "missing.json")
