"""A scan over several hosts to which everything happens that can happen, counted from outside.

Each event is one line of a table: what was done, and what the scan made of it.
"""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from made_hosts import (
    CANARY_HOME,
    FIRST,
    PORT,
    Host,
    Network,
    end,
    network,
    start_scheduler,
    start_worker,
    worker_processes,
)
from made_scan import MadeScan, closed_socks5, make_scan, open_socks5, silent, world

from survey.model.plan import Rate
from survey.storage.manifest import committed

SCRIPT = Path(__file__).parent / "made_coordinator.py"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a scan is churned, and how fast.

    Attributes:
        addresses: Targets, one port each.
        shard_addresses: Per shard.
        rate: The cap.
        slots: Shards at once.
        lease_seconds: Time to live of a lease.
        grace: Beyond it.
        pause: Seconds between two events, at least and at most.
    """

    addresses: int = 4096
    shard_addresses: int = 256
    rate: Rate = field(default_factory=lambda: Rate(450, 30.0, 1))
    slots: int = 2
    lease_seconds: float = 3.0
    grace: float = 0.5
    pause: tuple[float, float] = (1.0, 4.0)


@dataclass(slots=True)
class Churn:
    """A scan on a network, its processes, and who may do what to them.

    Attributes:
        happened: Events so far, by name.
    """

    net: Network
    made: MadeScan
    root: Path
    sizes: Sizes
    dice: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    scheduler: subprocess.Popen[bytes] | None = None
    coordinator: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    joined: int = 0

    @property
    def base(self) -> Host:
        """Where coordinator and scheduler are."""
        return self.net.hosts[0]

    def start(self) -> None:
        """Scheduler, one worker on each other host, coordinator."""
        self.start_cluster()
        self.resume()

    def start_cluster(self) -> None:
        """Scheduler and workers."""
        self.scheduler = start_scheduler(self.base, self.made.settings.keys)
        for host in self.net.hosts[1:]:
            self.join(host)

    def join(self, host: Host) -> None:
        """One more worker."""
        self.joined += 1
        name = f"{host.name}-{self.joined}"
        keys = self.made.settings.keys
        self.workers[name] = start_worker(host, self.base, keys, self.root / "scratch", name)

    def resume(self) -> None:
        """A coordinator, for what is left."""
        self.coordinator = self.base.start(
            *(sys.executable, str(SCRIPT), str(self.root)),
            *(f"tls://{self.base.control}:{PORT}", str(self.sizes.grace)),
        )

    @property
    def done(self) -> bool:
        """Whether every shard is committed and the coordinator has said so."""
        return self.made.run.done.exists()

    def until(self, true: Callable[[], bool], seconds: float = 90.0) -> None:
        """Wait for something; a coordinator that ends meanwhile before its time is followed."""
        stop = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < stop, f"never came true after {dict(self.happened)}"
            self.look_after()
            time.sleep(0.05)

    def look_after(self) -> None:
        """What a supervisor of services does: start again what has ended."""
        if self.coordinator is not None and self.coordinator.poll() is not None and not self.done:
            self.resume()
        for name, process in list(self.workers.items()):
            if process.poll() is not None:
                del self.workers[name]
                self.join(self.host_of(name))

    def host_of(self, name: str) -> Host:
        """Where a worker lives."""
        return next(host for host in self.net.hosts if host.name == name.rpartition("-")[0])

    def some_worker(self) -> tuple[str, subprocess.Popen[bytes]] | None:
        """One that is there."""
        return self.dice.choice(list(self.workers.items())) if self.workers else None

    def kill_worker(self) -> None:
        """SIGKILL to a worker."""
        if found := self.some_worker():
            for process in worker_processes(found[1]):
                process.kill()

    def freeze_briefly(self) -> None:
        """SIGSTOP to a worker, SIGCONT within its lease."""
        self._freeze(self.dice.uniform(0.2, 0.5) * self.sizes.lease_seconds)

    def freeze_for_long(self) -> None:
        """SIGSTOP to a worker, SIGCONT long after its lease is over."""
        self._freeze(2.0 * self.sizes.lease_seconds)

    def _freeze(self, seconds: float) -> None:
        found = self.some_worker()
        processes = worker_processes(found[1]) if found else []
        for process in processes:
            process.suspend()
        time.sleep(seconds)
        for process in processes:
            if process.is_running():
                process.resume()

    def cut_off(self) -> None:
        """A worker's host cut off from the others, not from its targets."""
        host = self.dice.choice(self.net.hosts[1:])
        self.net.cut_off(host)
        time.sleep(self.dice.uniform(0.5, 2.0) * self.sizes.lease_seconds)
        self.net.reconnect(host)

    def leave(self) -> None:
        """A worker leaves in order, another joins."""
        if found := self.some_worker():
            found[1].send_signal(signal.SIGTERM)
            self.join(self.host_of(found[0]))
            found[1].wait(30)
            del self.workers[found[0]]

    def kill_coordinator(self) -> None:
        """SIGKILL to the coordinator; started again at once."""
        if self.coordinator is not None and not self.done:
            end(self.coordinator)
            self.resume()

    def freeze_coordinator(self) -> None:
        """SIGSTOP to the coordinator for longer than a lease, then SIGCONT."""
        if self.coordinator is not None:
            self.coordinator.send_signal(signal.SIGSTOP)
            time.sleep(1.5 * self.sizes.lease_seconds)
            self.coordinator.send_signal(signal.SIGCONT)

    def kill_scheduler(self) -> None:
        """SIGKILL to the scheduler and all workers; started again."""
        assert self.scheduler is not None
        end(self.scheduler)
        for process in self.workers.values():
            end(process)
        self.workers.clear()
        self.start_cluster()

    def happen(self, event: Callable[["Churn"], None]) -> None:
        """Let one thing happen."""
        self.happened[event.__name__] += 1
        event(self)

    def happen_at_random(self) -> None:
        """Let something happen, some time after what happened before."""
        time.sleep(self.dice.uniform(*self.sizes.pause))
        self.look_after()
        self.happen(self.dice.choice(EVENTS))

    def close(self) -> None:
        """End all processes."""
        for process in (self.coordinator, self.scheduler, *self.workers.values()):
            if process is not None:
                end(process)


EVENTS = (
    Churn.kill_worker,
    Churn.freeze_briefly,
    Churn.freeze_for_long,
    Churn.cut_off,
    Churn.leave,
    Churn.kill_coordinator,
    Churn.freeze_coordinator,
    Churn.kill_scheduler,
)


@contextmanager
def churn(root: Path, sizes: Sizes, hosts: int, seed: int = 0) -> Iterator[Churn]:
    """A scan that is ready to start: hosts for workers, silent networks, doors, a canary."""
    names = ("base", *(f"w{number}" for number in range(1, hosts + 1)))
    with network(names) as net:
        net.internet.silence("198.18.1.0/24")
        doors = dict.fromkeys(range(FIRST + 40, FIRST + sizes.addresses, 900), open_socks5)
        doors |= dict.fromkeys(range(FIRST + 90, FIRST + sizes.addresses, 900), closed_socks5)
        doors |= dict.fromkeys(range(FIRST + 140, FIRST + sizes.addresses, 2400), silent)
        with world(root, doors, home=CANARY_HOME, where=net.internet.place.inside) as there:
            made = make_scan(
                root,
                first=FIRST,
                addresses=sizes.addresses,
                shard_addresses=sizes.shard_addresses,
                canary=there.canary,
                rate=sizes.rate,
                slots=sizes.slots,
                lease_seconds=sizes.lease_seconds,
            )
            churned = Churn(net, made, root, sizes, random.Random(seed))
            try:
                yield churned
            finally:
                churned.close()


def committed_shards(made: MadeScan) -> int:
    """How many shards are committed."""
    return len(committed(made.run, made.hash))
