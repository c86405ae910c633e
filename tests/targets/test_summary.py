"""The figures that a person sees before a scan."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from survey.model.plan import Plan, Rate
from survey.targets.optouts import add, read_log
from survey.targets.plan import plan_hash
from survey.targets.ranges import parse_cidr
from survey.targets.summary import summarise

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_summary_counts_what_will_be_done(make_plan: Callable[..., Plan]) -> None:
    """Targets, opt-outs as of now, rate, duration and end."""
    net = parse_cidr("127.16.0.0/24")
    plan = make_plan((net,), (25, 80), 64, rate=Rate(1000, 0.5, 1))
    plan = replace(plan, excluded_by=(("exclusions", 3),))
    outside, inside = parse_cidr("127.17.0.0/24"), parse_cidr("127.16.0.8/29")
    optouts = add(Path(plan.optouts), (outside, inside), "noc@example.org", "", NOW, NOW)
    summary = summarise(plan, optouts, NOW, ("the key",))
    assert summary.plan_hash == plan_hash(plan)
    assert (summary.addresses, summary.targets, summary.shards) == (256, 512, 4)
    assert summary.opted_out == 8
    assert summary.excluded_by == (("exclusions", 3),)
    assert summary.packets_per_second == 1000
    assert summary.targets_per_second == pytest.approx(0.5)
    assert summary.seconds == pytest.approx(1024)
    assert summary.ends_at == NOW + timedelta(seconds=1024)
    assert summary.missing == ("the key",)


def test_authority_that_ends_too_early_is_said(make_plan: Callable[..., Plan]) -> None:
    """The scan would be cut off: better known before."""
    end = NOW + timedelta(seconds=60)
    plan = make_plan((parse_cidr("127.16.0.0/16"),), shard_addresses=5000, valid_until=end)
    optouts = read_log(Path(plan.optouts))
    assert "authority ends at 2026-11-24 00:01" in "".join(summarise(plan, optouts, NOW).missing)
    earlier = NOW - timedelta(hours=1)
    assert summarise(plan, optouts, earlier).missing == ()
