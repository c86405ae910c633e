"""The gate: what it holds back, what it re-reads, and when it closes."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey.errors import GateClosedError
from survey.model.address import Range, parse_ip
from survey.model.plan import Kind, Plan
from survey.targets.gate import REFRESH_SECONDS, Gate, Permit
from survey.targets.optouts import add, init_log
from survey.targets.ranges import parse_cidr

MakePlan = Callable[..., Plan]
NET = parse_cidr("127.16.0.0/24")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class World:
    """A lease and two clocks that a test moves."""

    leased: bool = True
    time: float = NOW.timestamp()
    ticks: float = 100.0

    def open(self, plan: Plan) -> Gate:
        """The gate of a plan in this world."""
        return Gate.open(
            plan, lambda: self.leased, clock=lambda: self.time, monotonic=lambda: self.ticks
        )


@pytest.fixture
def world() -> World:
    """All is well."""
    return World()


def opt_out(plan: Plan, text: str) -> None:
    """Somebody in these addresses does not want to be tested."""
    add(Path(plan.optouts), (parse_cidr(text),), "noc@example.org", "", NOW, NOW)


def rewrite(path: Path, text: str) -> None:
    """Change a file so that it can be seen, however coarse the file system's clock is."""
    path.write_text(text, encoding="utf-8")
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def fates(gate: Gate, *addresses: str) -> str:
    """One letter for each address: allowed, excluded, opted out; each has exactly one fate."""
    fate = gate.sort(np.array([parse_ip(text) for text in addresses], dtype=np.uint32))
    masks = np.stack([fate.allowed, fate.excluded, fate.opted_out])
    assert masks.sum(axis=0).tolist() == [1] * len(addresses)
    return "".join("aeo"[place] for place in masks.argmax(axis=0))


def test_permit_is_for_the_plans_targets_only(make_plan: MakePlan, world: World) -> None:
    """Another address, or another port, gets none."""
    gate = world.open(make_plan((NET,), (1080, 3128)))
    permit = gate.permit(NET.start, 3128)
    assert permit is not None
    assert (permit.ip, permit.port) == (NET.start, 3128)
    assert gate.permit(NET.start, 22) is None
    assert gate.permit(NET.start - 1, 1080) is None
    assert gate.permit(NET.end + 1, 1080) is None


def test_nobody_else_makes_a_permit() -> None:
    """A permit made by hand, even by accident, is a programmer's mistake."""
    with pytest.raises(TypeError, match="only the gate"):
        Permit(NET.start, 1080, object())


def test_opt_out_holds_back_at_once(make_plan: MakePlan, world: World) -> None:
    """What stands in the log when the gate opens is never allowed."""
    plan = make_plan((NET,))
    opt_out(plan, "127.16.0.128/25")
    gate = world.open(plan)
    assert fates(gate, "127.16.0.127", "127.16.0.128", "127.17.0.0") == "aoe"
    assert gate.permit(parse_ip("127.16.0.200"), 1080) is None


def test_opt_out_in_a_running_scan_is_in_force_within_seconds(
    make_plan: MakePlan, world: World
) -> None:
    """Nobody needs to call refresh: the gate looks by itself, well within the 15 s of law 7."""
    plan = make_plan((NET,))
    gate = world.open(plan)
    version = gate.version
    opt_out(plan, "127.16.0.7")
    world.ticks += REFRESH_SECONDS
    assert gate.permit(parse_ip("127.16.0.7"), 1080) is None
    assert fates(gate, "127.16.0.7") == "o"
    assert gate.version > version
    assert REFRESH_SECONDS < 15


def test_refresh_without_change_keeps_the_version(make_plan: MakePlan, world: World) -> None:
    """The version tells whether a batch has to be sorted again."""
    plan = make_plan((NET,))
    gate = world.open(plan)
    version = gate.version
    gate.refresh()
    assert gate.version == version
    opt_out(plan, "127.16.0.7")
    gate.refresh()
    assert gate.version == version + 1


def test_exclusion_files_are_in_force_and_may_grow(
    make_plan: MakePlan, world: World, tmp_path: Path
) -> None:
    """An exclusion that is added during the run counts from the next look."""
    exclusions = tmp_path / "no.txt"
    exclusions.write_text("127.16.0.0/30\n", encoding="utf-8")
    gate = world.open(make_plan((NET,), exclusions=(str(exclusions),)))
    assert fates(gate, "127.16.0.1", "127.16.0.9") == "ea"
    rewrite(exclusions, "127.16.0.0/30\n127.16.0.8/30\n")
    gate.refresh()
    assert fates(gate, "127.16.0.1", "127.16.0.9", "127.16.0.12") == "eea"


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: rewrite(path, ""),
        lambda path: rewrite(path, "127.16.0.0/31\n"),
        lambda path: rewrite(path, "127.16.0.0/30\nexample.org\n"),
    ],
    ids=["missing", "emptied", "shrunk", "unreadable"],
)
def test_exclusion_file_that_says_less_closes_the_gate(
    make_plan: MakePlan, world: World, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Missing, unreadable, or smaller: nothing is sent until it is put right."""
    exclusions = tmp_path / "no.txt"
    exclusions.write_text("127.16.0.0/30\n", encoding="utf-8")
    gate = world.open(make_plan((NET,), exclusions=(str(exclusions),)))
    change(exclusions)
    for _ in range(2):
        with pytest.raises(GateClosedError, match=r"no\.txt"):
            gate.refresh()
    world.ticks += REFRESH_SECONDS
    for _ in range(2):
        with pytest.raises(GateClosedError, match=r"no\.txt"):
            gate.permit(parse_ip("127.16.0.9"), 1080)
        with pytest.raises(GateClosedError, match=r"no\.txt"):
            fates(gate, "127.16.0.9")
    rewrite(exclusions, "127.16.0.0/29\n")
    assert fates(gate, "127.16.0.7", "127.16.0.9") == "ea"


@pytest.mark.parametrize(
    "change",
    [
        lambda log: log.unlink(),
        lambda log: log.write_bytes(b""),
        lambda log: log.write_bytes(log.read_bytes()[:-5]),
        lambda log: (log.unlink(), init_log(log)),
        lambda log: (log.unlink(), log.mkdir()),
    ],
    ids=["missing", "emptied", "torn", "another", "folder"],
)
def test_opt_out_log_that_says_less_closes_the_gate(
    make_plan: MakePlan, world: World, change: Callable[[Path], None]
) -> None:
    """No certainty about who said no, no packet."""
    plan = make_plan((NET,))
    opt_out(plan, "127.16.0.7")
    gate = world.open(plan)
    log = Path(plan.optouts)
    change(log)
    world.ticks += REFRESH_SECONDS
    with pytest.raises(GateClosedError, match=r"optouts\.jsonl"):
        gate.permit(parse_ip("127.16.0.9"), 1080)
    with pytest.raises(GateClosedError, match=r"optouts\.jsonl"):
        fates(gate, "127.16.0.9")


def test_one_file_being_wrong_does_not_hide_that_another_changed(
    make_plan: MakePlan, world: World, tmp_path: Path
) -> None:
    """An opt-out read in a look that failed later is in force after the next good look."""
    exclusions = tmp_path / "no.txt"
    exclusions.write_text("127.16.0.0/30\n", encoding="utf-8")
    plan = make_plan((NET,), exclusions=(str(exclusions),))
    more = tmp_path / "more.txt"
    more.write_text("", encoding="utf-8")
    plan = make_plan((NET,), exclusions=(str(more), str(exclusions)))
    gate = world.open(plan)
    version = gate.version
    rewrite(more, "127.16.0.16/30\n")
    rewrite(exclusions, "broken\n")
    with pytest.raises(GateClosedError):
        gate.refresh()
    rewrite(exclusions, "127.16.0.0/30\n ")
    gate.refresh()
    assert fates(gate, "127.16.0.17", "127.16.0.1", "127.16.0.9") == "eea"
    assert gate.version > version


def test_gate_does_not_open_without_its_files(
    make_plan: MakePlan, world: World, tmp_path: Path
) -> None:
    """Missing at the start is as bad as missing later."""
    with pytest.raises(GateClosedError, match=r"missing\.txt"):
        world.open(make_plan((NET,), exclusions=(str(tmp_path / "missing.txt"),)))
    plan = make_plan((NET,))
    Path(plan.optouts).unlink()
    with pytest.raises(GateClosedError, match=r"optouts\.jsonl"):
        world.open(plan)


def test_log_older_than_the_plan_keeps_the_gate_shut(make_plan: MakePlan, world: World) -> None:
    """A log restored from an old copy, between two starts of a run, has fewer entries."""
    plan = make_plan((NET,))
    opt_out(plan, "127.16.0.7")
    world.open(replace(plan, optouts_version=1))
    with pytest.raises(GateClosedError, match="lost entries"):
        world.open(replace(plan, optouts_version=2))


def test_no_lease_no_permit(make_plan: MakePlan, world: World) -> None:
    """The lease is asked at every permit and every sort."""
    gate = world.open(make_plan((NET,)))
    world.leased = False
    with pytest.raises(GateClosedError, match="lease"):
        gate.permit(NET.start, 1080)
    with pytest.raises(GateClosedError, match="lease"):
        fates(gate, "127.16.0.9")


def test_nothing_is_sent_after_the_authority_ended(make_plan: MakePlan, world: World) -> None:
    """The moment itself is too late already."""
    end = datetime(2026, 11, 24, 0, 1, tzinfo=UTC)
    gate = world.open(make_plan((NET,), valid_until=end))
    world.time = end.timestamp() - 0.001
    assert gate.permit(NET.start, 1080) is not None
    world.time = end.timestamp()
    with pytest.raises(GateClosedError, match="authority"):
        gate.permit(NET.start, 1080)
    with pytest.raises(GateClosedError, match="authority"):
        fates(gate, "127.16.0.9")


def test_survey_never_reaches_special_space_whatever_its_plan_says(
    make_plan: MakePlan, world: World
) -> None:
    """A plan is a file, and files can be wrong; the gate checks the kind itself."""
    ranges = tuple(map(parse_cidr, ("5.6.7.0/24", "10.0.0.0/8", "127.0.0.0/8", "198.18.0.0/15")))
    gate = world.open(make_plan(ranges, kind=Kind.SURVEY))
    assert fates(gate, "5.6.7.8", "10.1.1.1", "127.0.0.1", "198.18.0.1") == "aeee"


def test_lab_never_leaves_loopback_whatever_its_plan_says(
    make_plan: MakePlan, world: World
) -> None:
    """No public address, in a lab, ever."""
    ranges = (parse_cidr("5.6.7.0/24"), parse_cidr("10.0.0.0/8"), NET)
    gate = world.open(make_plan(ranges))
    assert fates(gate, "5.6.7.8", "10.1.1.1", "127.16.0.1") == "eea"
    assert gate.permit(parse_ip("5.6.7.8"), 1080) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.data())
def test_sort_and_permit_agree(
    make_plan: MakePlan, world: World, tmp_path: Path, data: st.DataObject
) -> None:
    """Vectorised and one by one, the answers are the same, and those of plain sets."""
    planned, out = (data.draw(st.sets(st.integers(0, 30))) for _ in range(2))
    no = data.draw(st.integers(0, 30))
    exclusions = tmp_path / "no.txt"
    exclusions.write_text("".join(f"127.16.0.{ip}\n" for ip in out), encoding="utf-8")
    ranges = tuple(Range(NET.start + ip, NET.start + ip) for ip in sorted(planned))
    plan = make_plan(ranges, exclusions=(str(exclusions),))
    Path(plan.optouts).unlink()
    init_log(Path(plan.optouts))
    opt_out(plan, f"127.16.0.{no}")
    gate = world.open(plan)
    expected = planned - out - {no}
    names = [f"127.16.0.{ip}" for ip in range(31)]
    assert {ip for ip, fate in enumerate(fates(gate, *names)) if fate == "a"} == expected
    permitted = {ip for ip in range(31) if gate.permit(NET.start + ip, 1080) is not None}
    assert permitted == expected
