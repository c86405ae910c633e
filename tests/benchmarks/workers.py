"""A whole scan by one worker and by two, and how much memory a worker needs.

Ours is ``scan`` as a user starts it on one machine: coordinator, Dask, leases on TLS, processes for
workers, connect discovery over refusing loopback addresses with some SOCKS servers, shard files.
The cap is too high to be felt.  Targets per second go from the start of the first shard to
the end of the last, as receipts say; a shard is a hundredth of what it should be, so what is done
once for each weighs much.  The peer of two workers is one; a worker's memory stands beside that of
a Dask worker that has done nothing.
"""

import logging
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from distributed import Client, LocalCluster

from survey.cluster.dask import DaskExecutor
from survey.flows.scan import scan
from survey.flows.standing import ScanStatus
from survey.model.plan import Rate
from survey.storage.manifest import read_manifest
from tests.benchmarks.result import Result, rss_mb
from tests.made.made_scan import FIRST, make_scan, open_socks5, world

FULL, SMALL = 1 << 20, 1 << 10
SHARDS = 4
DOOR_EVERY = 1 << 14
MB = 1 << 20


@dataclass(slots=True)
class Watched:
    """One scan.

    Attributes:
        rate: Targets per second.
        cpu: CPU seconds of all processes.
        memory: Largest worker, MB.
    """

    rate: float = 0.0
    cpu: float = 0.0
    memory: float = field(default=0.0)

    def look(self, _: ScanStatus) -> None:
        """See how large the workers are now."""
        self.memory = max(self.memory, *_sizes(), 0.0)


def run(*, small: bool = False) -> Iterator[Result]:
    """Thousands of targets per second with two workers and with one, and MB of a worker."""
    addresses = SMALL if small else FULL
    idle = _idle_worker()
    one, two = _scanned(1, addresses), _scanned(2, addresses)
    largest = max(one.memory, two.memory)
    yield Result(
        "workers_2",
        "k targets/s",
        round(two.rate / 1000, 1),
        "1 worker",
        round(one.rate / 1000, 1),
        round(two.rate / one.rate, 2),
        round(two.cpu, 2),
        round(one.cpu, 2),
        rss_mb(),
    )
    yield Result(
        "workers_memory",
        "MB",
        round(largest, 1),
        "an idle Dask worker",
        round(idle, 1),
        round(idle / largest, 2),
        round(two.cpu, 2),
        0.0,
        rss_mb(),
    )


def _scanned(workers: int, addresses: int) -> Watched:
    """Scan with so many workers."""
    watched = Watched()
    doors = dict.fromkeys(range(FIRST + 77, FIRST + addresses, DOOR_EVERY), open_socks5)
    with tempfile.TemporaryDirectory(prefix="survey-benchmark-") as name:
        root = Path(name)
        with world(root, doors) as there:
            made = make_scan(
                root,
                addresses=addresses,
                shard_addresses=addresses // SHARDS,
                canary=there.canary,
                rate=Rate(2_000_000, 1_000_000.0, 16),
                slots=workers,
            )
            cpu = _cpu_seconds()
            scan(made.plan, made.hash, made.settings, DaskExecutor(workers), watched.look)
            watched.cpu = _cpu_seconds() - cpu
            receipts = read_manifest(made.run).receipts()
    began = min(receipt.started_at for receipt in receipts)
    ended = max(receipt.finished_at for receipt in receipts)
    sent = sum(receipt.sent for receipt in receipts)
    assert sent == addresses
    assert sum(receipt.open for receipt in receipts) == len(doors)
    watched.rate = sent / (ended - began).total_seconds()
    return watched


def _idle_worker() -> float:
    """MB of a worker of Dask's own."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        assert client.submit(abs, -1).result() == 1
        time.sleep(1)
        return max(_sizes())


def _sizes() -> list[float]:
    """MB of each process that we have started."""
    sizes = []
    for child in psutil.Process().children(recursive=True):
        try:
            sizes.append(child.memory_info().rss / MB)
        except psutil.NoSuchProcess:
            continue
    return sizes


def _cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)
