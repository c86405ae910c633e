"""The survey's own relay test against every mail server of the lab: what each depth finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from survey.lab.personality import INSIDE_TLS, Personality, openness
from survey.lab.repertoire import BEHAVIOURS
from survey.lab.smtp import Session
from survey.model.address import Range, parse_ip
from survey.model.observation import Observation, Step
from survey.model.plan import Depth, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.probes import smtp_relay
from survey.probes.context import Context
from survey.probes.dialer import Dialer
from survey.probes.timeouts import LAB
from survey.protocols.token import read_token
from survey.targets.gate import Gate
from survey.targets.optouts import init_log

if TYPE_CHECKING:
    from pathlib import Path

    from survey.lab.server import Lab
    from tests.lab.conftest import FarEnd, Street

KEY = bytes(32)
IDENTITY = Identity("Survey", "s@survey.example", "https://survey.example", "probe.example", ())
SERVERS = [one for one, behaviour in BEHAVIOURS.items() if isinstance(behaviour, Session)]
DEEP = Personality.OPEN_READS_ON
NEVER_ASKED = {Personality.GREYLIST}
"""They say no the first time; follow-ups are another matter."""


class FreePacer:
    """Never makes anybody wait."""

    async def admit(self, ip: int, packets: int) -> None:
        """At once."""

    async def pay(self, packets: int) -> None:
        """At once."""

    def charge(self, packets: int) -> None:
        """Whatever it is."""

    def begun(self) -> None:
        """A connection."""

    def left(self, packets: int) -> None:
        """Paid before."""

    def ended(self) -> None:
        """A connection."""


class StreetNames:
    """The names of the street."""

    def __init__(self, street: Street) -> None:
        self._known = {(one.name.encode(), one.ip) for one in street.machines.values()}

    async def points_to(self, name: bytes, ip: int) -> bool:
        """Whether a machine of that name is there."""
        return (name, ip) in self._known


@pytest.fixture
def context(tmp_path: Path, street: Street, far_end: FarEnd) -> Context:
    """What the probe needs to test the street."""
    log = tmp_path / "optouts.jsonl"
    init_log(log)
    plan = Plan(
        campaign="lab",
        run="one",
        kind=Kind.LAB,
        purpose="tests",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        valid_until=None,
        authority="",
        seed="00" * 16,
        ranges=(Range(parse_ip("127.77.0.0"), parse_ip("127.77.0.255")),),
        excluded=0,
        probes=(ProbePlan(Probe.SMTP_RELAY, tuple(range(1, 65536))),),
        rate=Rate(1000, 10.0, 1),
        identity=IDENTITY,
        canary=far_end.canary,
        optouts=str(log),
        exclusions=(),
        names="none",
        slots=1,
        shard_addresses=256,
        lease_seconds=12.0,
        snapshots=(),
        version="0",
    )
    return Context(
        campaign="lab",
        run="one",
        key=KEY,
        identity=IDENTITY,
        canary=far_end.canary,
        dialer=Dialer(Gate.open(plan, lambda: True), FreePacer()),
        names=StreetNames(street),
        attempt=0,
        canary_healthy=lambda: True,
        timeouts=LAB,
    )


async def survey_of(
    context: Context, street: Street, personality: Personality, depth: Depth
) -> tuple[Observation, ...]:
    """The rows of one test."""
    machine = street.machines[personality]
    (door,) = machine.doors
    tls = (door.port,) if personality in INSIDE_TLS else ()
    part = ProbePlan(Probe.SMTP_RELAY, (), tls, depth)
    return await smtp_relay.run(machine.ip, door.port, replace(context, parts=(part,)))


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize("personality", SERVERS)
async def test_an_open_relay_is_found_at_the_depth_that_it_takes(  # noqa: PLR0917 - fixtures
    personality: Personality,
    depth: Depth,
    context: Context,
    street: Street,
    far_end: FarEnd,
    lab: Lab,
) -> None:
    """By a message whose envelope recipient is the row's token; nothing else arrives as one."""
    assert lab
    rows = await survey_of(context, street, personality, depth)
    sent = [row for row in rows if row.step is Step.SENT]
    assert len(sent) <= 1
    found = Probe.SMTP_RELAY in openness(personality).probes
    if found and (personality is not DEEP or depth is Depth.FULL):
        (row,) = sent
        message = await far_end.message()
        assert message.recipients == (f"{row.token}@canary.example",)
        claims = read_token(KEY, row.token)
        assert claims is not None
        assert claims.variant == row.variant
        assert claims.tls == row.tls
    else:
        tokens = {f"{row.token}@canary.example" for row in rows}
        assert not any(tokens & set(message.recipients) for message in far_end.messages)


@pytest.mark.parametrize(
    ("personality", "variant"),
    [
        (Personality.OPEN_RELAY, "V1"),
        (Personality.OPEN_TO_OWN_NAME, "V3"),
        (Personality.OPEN_IMPATIENT, "V3"),
        (Personality.OPEN_TO_NULL_SENDER, "V0"),
        (Personality.OPEN_TO_OTHER_DOMAIN, "V2"),
        (Personality.OPEN_TO_LOCALHOST, "V5"),
        (Personality.OPEN_TO_BARE_SENDER, "V6"),
        (Personality.OPEN_READS_ON, "V7"),
        (Personality.OPEN_AFTER_STARTTLS, "V1"),
        (Personality.TLS_OPEN_RELAY, "V1"),
    ],
)
async def test_each_is_found_by_the_form_that_is_for_it(
    personality: Personality, variant: str, context: Context, street: Street, lab: Lab
) -> None:
    """The first that it takes."""
    assert lab
    rows = await survey_of(context, street, personality, Depth.FULL)
    assert [row.variant for row in rows if row.step is Step.SENT] == [variant]


@pytest.mark.parametrize("only", ["V8", "V12", "V13", "V14", "V18", "V19"])
async def test_every_way_to_be_read_on_is_found(
    only: str, context: Context, street: Street, far_end: FarEnd, lab: Lab
) -> None:
    """Percent signs, quotes, two at-signs and bang paths, behind name and address."""
    assert lab
    deep = replace(context, only=(only,))
    (row,) = await survey_of(deep, street, DEEP, Depth.FULL)
    assert (row.variant, row.step) == (only, Step.SENT)
    assert (await far_end.message()).recipients == (f"{row.token}@canary.example",)
