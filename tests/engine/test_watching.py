"""Watched targets leave a row whatever they say, and nobody is dialled for it who may not be."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from made_leases import MadeCoordinator
from made_scan import FIRST, PORT, MadeScan, make_scan, open_socks5, silent, world

from survey.engine.shard import run_shard
from survey.model.address import Range
from survey.model.episode import Watch, WatchedFor
from survey.model.failure import Failure
from survey.model.observation import Step
from survey.storage.shard_file import read_address
from survey.storage.watched import write_watched
from survey.targets.optouts import add

Lead = Callable[[MadeScan], MadeCoordinator]


def test_refusal_and_silence_of_a_watched_target_are_rows(tmp_path: Path, lead: Lead) -> None:
    """One test each; what discovery found open is not tested a second time."""
    opened, shut, quiet, unwatched = FIRST + 3, FIRST + 5, FIRST + 7, FIRST + 9
    with world(tmp_path, {opened: open_socks5, quiet: silent}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        write_watched(
            made.run.watched,
            [Watch(ip, PORT, WatchedFor.EPISODE) for ip in (opened, shut, quiet, FIRST + 500)],
        )
        receipt = run_shard(lead(made).grant(), lambda _: None)
    path = made.run.shard(0)
    assert (receipt.planned, receipt.sent) == (64, 64)
    assert {one.step for one in read_address(path, opened)} == {Step.ECHOED}
    assert len(read_address(path, opened)) == 2
    (row,) = read_address(path, shut)
    assert (row.step, row.failure, row.attempt) == (Step.NOTHING, Failure.REFUSED, 0)
    assert read_address(path, unwatched) == ()
    assert len(read_address(path, quiet)) == 1


def test_watched_target_that_opted_out_is_not_dialled(tmp_path: Path, lead: Lead) -> None:
    """No packet, no row."""
    gone = FIRST + 5
    with world(tmp_path, {}) as there:
        made = make_scan(tmp_path, shard_addresses=64, canary=there.canary)
        write_watched(made.run.watched, [Watch(gone, PORT, WatchedFor.CASE)])
        now = datetime.now(UTC)
        add(Path(made.plan.optouts), (Range(gone, gone),), "a test", "", now, now)
        receipt = run_shard(lead(made).grant(), lambda _: None)
    assert (receipt.opted_out, receipt.conversations) == (1, 0)
    assert read_address(made.run.shard(0), gone) == ()
