"""Wishes and opt-outs reach every worker of a running scan: measured on the wire, from outside."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from law6 import whole
from made_scan import FIRST, MadeScan, closed_socks5, make_scan, silent, world
from made_wire import fullest_second
from outside import Packet, Tap, counting

from survey.flows.control import ask_pause, ask_rate, ask_stop
from survey.model.address import Range
from survey.model.failure import Failure
from survey.model.plan import Patience, Rate
from survey.storage.manifest import read_manifest
from survey.targets.optouts import add

SCRIPT = Path(__file__).parents[1] / "made" / "made_coordinator.py"
PROMISE = 15.0
"""Seconds within which everything is in force (law 7)."""

PATIENCE = 90.0
LAST = FIRST + 2047
OUT = Range(FIRST + 512, FIRST + 1023)
"""Two /24s whose operator opts out; silent doors keep conversations open in them."""


@dataclass(slots=True)
class Running:
    """A scan by two workers, and what it says."""

    process: subprocess.Popen[str]
    lines: list[dict[str, Any]] = field(default_factory=list)

    def last(self, name: str) -> Any:
        """A value of its newest report."""
        return self.lines[-1].get(name) if self.lines else None

    def read(self) -> None:
        """Keep what it says."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[MadeScan]:
    """Some 15 s of work, with servers in OUT that take a connection and say nothing."""
    doors = dict.fromkeys(range(FIRST + 9, LAST, 128), closed_socks5)
    doors |= dict.fromkeys(range(OUT.start, OUT.end, 12), silent)
    with world(tmp_path, doors) as there:
        yield make_scan(
            tmp_path,
            addresses=2048,
            shard_addresses=512,
            canary=there.canary,
            rate=Rate(200, 200.0, 1),
            lease_seconds=12.0,
            patience=Patience.INTERNET,
        )


@contextmanager
def running(root: Path) -> Iterator[Running]:
    """A scan that does not outlive its test."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root), "dask"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    scan = Running(process)
    reader = threading.Thread(target=scan.read)
    reader.start()
    try:
        yield scan
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def until(true: Callable[[], bool]) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + PATIENCE, "never came true"
        time.sleep(0.02)
    return time.monotonic() - began


def latest(packets: list[Packet]) -> float:
    """When the last of them came, seconds since 1970."""
    return max((packet.at for packet in packets), default=0.0)


def under_way(tap: Tap) -> bool:
    """Targets all over the space have been dialled, those that will opt out among them."""
    return len(tap.to(OUT.start, OUT.end)) > 60


def test_opt_out_stops_every_worker_and_breaks_off_conversations(
    tmp_path: Path, made: MadeScan
) -> None:
    """No packet to those addresses after seconds; the scan says how many, and goes on."""
    with counting(["lo"], lambda ip: FIRST <= ip <= LAST) as tap:
        with running(tmp_path) as scan:
            until(lambda: under_way(tap))
            now = datetime.now(UTC)
            add(Path(made.plan.optouts), (OUT,), "its operator", "", now, now)
            until(lambda: bool(scan.last("optouts_obeyed")))
            told = scan.last("optouts_lag")
            until(lambda: scan.process.poll() is not None)
        measured = latest(tap.to(OUT.start, OUT.end)) - now.timestamp()

    assert measured <= told + 1.0 <= PROMISE
    receipts, table = whole(made)
    assert sum(receipt.opted_out for receipt in receipts) > 0
    rows = [row for row in table.to_pylist() if OUT.start <= row["ip"] <= OUT.end]
    assert Failure.ABORTED in {row["failure"] for row in rows}
    assert sum(receipt.aborted for receipt in receipts) > 0
    outside = [row for row in table.to_pylist() if not OUT.start <= row["ip"] <= OUT.end]
    assert Failure.ABORTED not in {row["failure"] for row in outside}


def test_stop_ends_every_packet_within_seconds(tmp_path: Path, made: MadeScan) -> None:
    """Conversations in progress too; nothing partial is committed; it can be resumed."""
    with counting(["lo"], lambda ip: FIRST <= ip <= LAST) as tap, running(tmp_path) as scan:
        until(lambda: under_way(tap))
        asked = time.time()
        ask_stop(made.settings, made.plan)
        until(lambda: scan.process.poll() is not None)
        measured = latest(tap.packets) - asked

    assert measured <= PROMISE
    assert scan.process.returncode == 3
    assert len(read_manifest(made.run).shards) < made.plan.shards


def test_pause_and_rate_are_in_force_within_seconds(tmp_path: Path, made: MadeScan) -> None:
    """No new connection while paused; then no more than the lower rate, as the wire has it."""
    with counting(["lo"], lambda ip: FIRST <= ip <= LAST) as tap, running(tmp_path) as scan:
        until(lambda: under_way(tap))
        asked = time.time()
        ask_pause(made.settings, made.plan, paused=True)
        until(lambda: scan.last("state") == "paused")
        until(lambda: time.time() > latest(tap.packets) + 3.0)
        paused_after = latest(tap.packets) - asked
        so_far = len(tap.packets)
        time.sleep(2.0)
        assert len(tap.packets) == so_far
        ask_rate(made.settings, made.plan, 40)
        until(lambda: len(tap.packets) > so_far + 150)
        slow = [packet.at for packet in tap.packets[so_far:]]

    assert paused_after <= PROMISE
    assert fullest_second(slow) <= 40


def test_worker_that_was_started_again_knows_of_every_opt_out(
    tmp_path: Path, made: MadeScan
) -> None:
    """It pulls the current state before its first packet."""
    with counting(["lo"], lambda ip: FIRST <= ip <= LAST) as tap, running(tmp_path) as scan:
        until(lambda: under_way(tap))
        now = datetime.now(UTC)
        add(Path(made.plan.optouts), (OUT,), "its operator", "", now, now)
        until(lambda: bool(scan.last("optouts_obeyed")))
        in_force = time.time()
        for child in _workers(scan.process.pid):
            os.kill(child, signal.SIGKILL)
        before = len(tap.packets)
        until(lambda: len(tap.packets) > before + 200)

        assert latest(tap.to(OUT.start, OUT.end)) <= in_force
        assert scan.last("retries") == 2


def _workers(pid: int) -> list[int]:
    children = psutil.Process(pid).children(recursive=True)
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
