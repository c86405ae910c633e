"""Campaigns and plans to test with."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.model.address import Range
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.targets.optouts import init_log

SURVEY = """\
[campaign]
id = "national"
purpose = "Find open relays and proxies, and tell their operators"
kind = "survey"

[authority]
agency = "agency"
reference = "2026/17"
approved_by = "A. Person"
valid_until = 2099-01-01T00:00:00Z
covers = { ranges = ["198.51.100.0/24", "5.0.0.0/8"] }

[identity]
operator = "Secure Your Server"
contact = "survey@example.org"
page = "https://survey.example.org/"
helo = "probe.example.org"

[targets]
ranges = ["5.6.0.0/16"]
exclude = ["5.6.7.0/24"]

[probes.smtp_relay]
ports = [25]

[probes.http_connect]
ports = [3128, 8080]

[rate]
packets_per_second = 1000

[canary]
domains = ["canary.example.org", "canary.example.net"]
smtp = "203.0.113.25:25"
echo = "203.0.113.25:2525"

[optouts]
path = "optouts.jsonl"
"""

LAB = """\
[campaign]
id = "lab"
purpose = "Try everything out"
kind = "lab"

[targets]
ranges = ["127.16.0.0/24"]

[probes.socks5]
ports = [1080]

[rate]
packets_per_second = 1000

[canary]
domains = ["canary.lab.example", "other.lab.example"]
smtp = "127.0.0.53:2525"
echo = "127.0.0.53:2526"

[optouts]
path = "optouts.jsonl"
"""


FAST = Rate(1000, 1000.0, 1)


@pytest.fixture
def survey_text() -> str:
    """A right campaign of kind survey."""
    return SURVEY


@pytest.fixture
def lab_text() -> str:
    """A right campaign of kind lab."""
    return LAB


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a campaign file, with an opt-out log beside it."""

    def write_file(text: str, *changes: tuple[str, str]) -> Path:
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "campaign.toml"
        path.write_text(text, encoding="utf-8")
        if not (tmp_path / "optouts.jsonl").exists():
            init_log(tmp_path / "optouts.jsonl")
        return path

    return write_file


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Plan]:
    """Make a lab plan over some ranges and ports, with an opt-out log of its own."""

    def make(
        ranges: tuple[Range, ...],
        ports: tuple[int, ...] = (1080,),
        shard_addresses: int = 10,
        *,
        seed: str = "00" * 16,
        kind: Kind = Kind.LAB,
        valid_until: datetime | None = None,
        exclusions: tuple[str, ...] = (),
        slots: int = 1,
        rate: Rate = FAST,
    ) -> Plan:
        log = tmp_path / "optouts.jsonl"
        if not log.exists():
            init_log(log)
        return Plan(
            campaign="lab",
            run="2026-W48",
            kind=kind,
            purpose="test",
            created_at=datetime(2026, 11, 24, tzinfo=UTC),
            valid_until=valid_until,
            authority="",
            seed=seed,
            ranges=ranges,
            excluded=0,
            probes=(ProbePlan(Probe.SOCKS5, ports),),
            rate=rate,
            identity=Identity(
                "lab", "lab@lab.example", "https://lab.example/", "probe.lab.example", ()
            ),
            canary=Canary(
                ("a.lab.example", "b.lab.example"),
                Endpoint(0x7F000035, 2525),
                Endpoint(0x7F000035, 2526),
            ),
            optouts=str(log),
            exclusions=exclusions,
            names="none",
            slots=slots,
            shard_addresses=shard_addresses,
            lease_seconds=12.0,
            snapshots=(),
            version="0.1.0",
        )

    return make
