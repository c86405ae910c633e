"""A worker whose path is not honest commits nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made_leases import MadeCoordinator
from made_scan import FIRST, PORT, MadeScan, closed_socks5, make_scan, open_socks5, world

from survey.engine import canary_watch, self_check
from survey.engine.shard import run_shard
from survey.errors import PathError
from survey.model.assignment import Progress
from survey.model.plan import Endpoint, KnownAs, PathControl
from survey.model.probe import Probe
from survey.storage.shard_file import read_address

Lead = Callable[[MadeScan], MadeCoordinator]

TARGET, OPEN, CLOSED, NOBODY = FIRST + 3, FIRST + 200, FIRST + 201, FIRST + 202
CONTROLS = (
    PathControl(KnownAs.OPEN, Probe.SOCKS5, Endpoint(OPEN, PORT)),
    PathControl(KnownAs.CLOSED, Probe.SOCKS5, Endpoint(CLOSED, PORT)),
    PathControl(KnownAs.NONEXISTENT, None, Endpoint(NOBODY, PORT)),
)
HONEST = {TARGET: open_socks5, OPEN: open_socks5, CLOSED: closed_socks5}


def ignore(_: Progress) -> None:
    """Nobody looks."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_check, "AGAIN", 0.05)


def test_an_honest_path_is_checked_before_and_after(tmp_path: Path, lead: Lead) -> None:
    """Controls are visited at both ends, and are no rows of the run."""
    with world(tmp_path, HONEST) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary, controls=CONTROLS)

        reports: list[Progress] = []
        receipt = run_shard(lead(made).grant(), reports.append)

        assert there.visits[OPEN] >= 2 * 2
        assert there.visits[CLOSED] == 2
    assert receipt.open == 1
    assert read_address(made.run.shard(0), OPEN) == ()
    assert len(read_address(made.run.shard(0), TARGET)) == 2
    assert reports[-1].checks == 2


def test_controls_are_asked_during_a_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Lead
) -> None:
    """A path can turn dishonest in the middle."""
    monkeypatch.setattr(self_check, "INTERVAL", 0.05)
    with world(tmp_path, HONEST) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary, controls=CONTROLS)

        run_shard(lead(made).grant(), ignore)

        assert there.visits[CLOSED] > 2


@pytest.mark.parametrize(
    ("doors", "says"),
    [
        (HONEST | {CLOSED: open_socks5}, "closed control .* accepts a stranger"),
        (HONEST | {OPEN: closed_socks5}, "open control .* is not open"),
        (HONEST | {NOBODY: closed_socks5}, "nonexistent control .* accepts connections"),
        ({TARGET: open_socks5, OPEN: open_socks5}, "closed control .* does not refuse"),
        ({TARGET: open_socks5, CLOSED: closed_socks5}, "open control .* is not open"),
    ],
    ids=["everything is open", "all is refused", "phantom", "closed is gone", "egress blocked"],
)
def test_a_dishonest_path_commits_nothing(
    tmp_path: Path, lead: Lead, doors: dict[int, object], says: str
) -> None:
    """No target is even tried; the error says which control, and what it did."""
    with world(tmp_path, doors) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary, controls=CONTROLS)

        with pytest.raises(PathError, match=says):
            run_shard(lead(made).grant(), ignore)

        assert TARGET not in there.visits
    assert not made.run.shard(0).exists()


def test_a_control_that_met_an_ill_canary_condemns_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Lead
) -> None:
    """Our own failure: it is asked again once the canary is well, and the shard is kept."""
    state = {"visits": 0, "ill": 0}
    answers_noop = canary_watch.answers_noop

    async def leads_nowhere_at_first(*streams: object) -> None:
        state["visits"] += 1
        if state["visits"] > 2:
            await open_socks5(*streams)  # type: ignore[arg-type]

    async def answers(door: Endpoint) -> bool:
        if state["visits"] >= 2 and state["ill"] < 2:
            state["ill"] += 1
            return False
        return await answers_noop(door)

    monkeypatch.setattr(canary_watch, "answers_noop", answers)
    with world(tmp_path, HONEST | {OPEN: leads_nowhere_at_first}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary, controls=CONTROLS)

        receipt = run_shard(lead(made).grant(), ignore)

    assert state["ill"] == 2
    assert receipt.open == 1
