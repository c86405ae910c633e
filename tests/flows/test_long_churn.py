"""The longer proofs of laws 5 and 6: an hour of churn, 200 random kills, and the real lease times.

``SURVEY_CHURN_SECONDS`` and ``SURVEY_KILLS`` set other lengths; with ``SURVEY_PROOFS=1`` the tables
of docs/proofs.md are written anew.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from churn import EVENTS, Churn, Sizes, churn, committed_shards
from law6 import whole
from made_scan import FIRST, closed_socks5, make_scan, open_socks5, world
from outside import Outside, Tap, crowd, outside
from proofs import record

from survey.cluster.leases import GRACE
from survey.model.plan import Rate
from survey.storage.handouts import read_handouts

pytestmark = pytest.mark.long

CHURN_SECONDS = float(os.environ.get("SURVEY_CHURN_SECONDS", "3600"))
KILLS = int(os.environ.get("SURVEY_KILLS", "200"))
SCRIPT = Path(__file__).parents[1] / "made" / "made_coordinator.py"
AT_ONCE = 4


def hold(tap: Tap, rate: Rate) -> Outside:
    """What was seen; the caps held, and the counter missed nothing."""
    seen = outside(tap)
    assert seen.missed == 0
    assert seen.fullest_second <= rate.packets_per_second
    assert seen.fullest_24 <= rate.per_24_per_second
    assert seen.fullest_host <= rate.per_host_connections, "\n".join(
        crowd(tap, rate.per_host_connections)
    )
    return seen


@pytest.mark.timeout(900)
def test_caps_hold_with_the_real_lease_times(tmp_path: Path) -> None:
    """12 s to live and 6 s of grace: a frozen, a cut off worker, a dead coordinator."""
    sizes = Sizes(addresses=16_384, shard_addresses=2048, lease_seconds=12.0, grace=GRACE)
    with churn(tmp_path, sizes, hosts=2) as scan:
        scan.start()
        scan.until(lambda: committed_shards(scan.made) >= 1)
        for event in (Churn.freeze_for_long, Churn.cut_off, Churn.kill_coordinator):
            scan.happen(event)
            before = committed_shards(scan.made)
            scan.until(lambda before=before: committed_shards(scan.made) > before or scan.done, 200)
        scan.until(lambda: scan.done, 400)

    whole(scan.made)
    hold(scan.net.internet.tap, sizes.rate)


@pytest.mark.timeout(CHURN_SECONDS + 600)
def test_caps_hold_and_nothing_is_lost_in_an_hour_of_churn(tmp_path: Path) -> None:
    """Scan after scan over three hosts, something happening every few seconds."""
    sizes = Sizes(addresses=8192, shard_addresses=256, rate=Rate(600, 40.0, 1), slots=3)
    happened: Counter[str] = Counter()
    scans, packets, shards, handed, repeated, bound = 0, 0, 0, 0, 0, 0
    worst = Outside(0, 0, 0, 0, 0, 0)
    end = time.monotonic() + CHURN_SECONDS
    while time.monotonic() < end:
        root = tmp_path / str(scans)
        root.mkdir()
        with churn(root, sizes, hosts=3, seed=scans) as scan:
            scan.start()
            scan.until(lambda scan=scan: committed_shards(scan.made) >= 1)
            while not scan.done and time.monotonic() < end:
                scan.happen_at_random()
            scan.until(lambda scan=scan: scan.done, 400)
        receipts, _ = whole(scan.made)
        seen = hold(scan.net.internet.tap, sizes.rate)
        happened += scan.happened
        scans, packets, shards = scans + 1, packets + seen.packets, shards + len(receipts)
        times = Counter(one.shard for one in read_handouts(scan.made.run))
        handed += sum(times.values())
        repeated += seen.repeated
        bound += sum((times[one.shard] - 1) * one.planned for one in receipts)
        assert seen.repeated <= bound + sum(one.open for one in receipts)
        worst = replace(
            worst,
            fullest_second=max(worst.fullest_second, seen.fullest_second),
            fullest_24=max(worst.fullest_24, seen.fullest_24),
            fullest_host=max(worst.fullest_host, seen.fullest_host),
        )
    record(
        "churn",
        ("what", "how often", "law"),
        [
            ("whole scans of 8,192 targets by 3 hosts", scans, ""),
            ("shards committed, each once", shards, "6"),
            ("shards handed out", handed, ""),
            *(
                ((event.__doc__ or "").rstrip("."), happened[event.__name__], "")
                for event in EVENTS
            ),
            ("packets counted at the far end", f"{packets:,}", ""),
            ("most packets in any second (cap 600)", worst.fullest_second, "5"),
            ("most new connections into a /24 in any second (cap 40)", worst.fullest_24, "5"),
            ("most connections to one address at once (cap 1)", worst.fullest_host, "5"),
            ("targets lost, or twice in the data", 0, "6"),
            ("addresses dialled more than once, as counted outside", repeated, ""),
            ("the same, as receipts and hand-out log bound it", f"{bound:,}", ""),
        ],
    )


class Scan:
    """A scan in a process group of its own, killed at random until it has come to its end."""

    MOMENTS = {"serial": (0.8, 8.0), "dask": (4.0, 25.0)}  # noqa: RUF012 - a constant

    def __init__(self, root: Path, executor: str, seed: int) -> None:
        self.root, self.executor, self.dice = root, executor, random.Random(seed)
        self.first = FIRST + 256 * (seed % 64)
        self.kills = 0

    def run(self) -> tuple[int, int]:
        """Kills that it survived, and times that a shard was handed out again."""
        self.root.mkdir()
        doors = {self.first + 3: open_socks5, self.first + 177: closed_socks5}
        with world(self.root, doors) as there:
            made = make_scan(
                self.root,
                first=self.first,
                addresses=240,
                shard_addresses=20,
                canary=there.canary,
                rate=Rate(400, 400.0, 2),
                lease_seconds=1.2,
            )
            while not made.run.done.exists():
                self._run_for(self.dice.uniform(*self.MOMENTS[self.executor]))
            receipts, table = whole(made)
        assert {row["ip"] for row in table.to_pylist()} == set(doors)
        return self.kills, len(read_handouts(made.run)) - len(receipts)

    def _run_for(self, seconds: float) -> None:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.root), self.executor, "0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, complaints = process.communicate(timeout=seconds)
            assert process.returncode == 0, complaints.decode()
        except subprocess.TimeoutExpired:
            self.kills += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.mark.timeout(KILLS * 30 + 300)
def test_random_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """Coordinator, scheduler and workers at once, at any moment, again and again."""
    rows = []
    for executor in Scan.MOMENTS:
        kills = again = scans = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while kills < KILLS / 2:
                seeds = range(scans, scans + AT_ONCE)
                batch = [Scan(tmp_path / f"{executor}-{seed}", executor, seed) for seed in seeds]
                for survived, handed in pool.map(Scan.run, batch):
                    kills, again = kills + survived, again + handed
                scans += AT_ONCE
        rows.append((executor, scans, kills, again, 0, 0))
    record(
        "kills",
        (
            *("executor", "scans", "kills at random moments", "shards handed out again"),
            *("targets lost", "targets or rows twice"),
        ),
        rows,
    )
