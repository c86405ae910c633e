"""20,000 shards through the coordinator and a Dask scheduler: what each costs, and who grows.

Real: the coordinator with its hand-out log, leases, standing and manifest, a scheduler and two
workers as processes of their own with the settings of infra/cluster, mutual TLS.  Only a shard's
work is left out: it returns a receipt at once.  The peer is Dask as it is mostly used: all tasks
submitted at once, and gathered as they complete.

Memory is what each process has more at the end than after the first tenth, when all is warm.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection, create_server

import psutil
from distributed import Client, Security, as_completed

from survey.cluster.dask import DaskExecutor
from survey.engine.shard import Report
from survey.flows import coordinator
from survey.flows.scan import scan
from survey.flows.standing import ScanStatus
from survey.model.address import Range
from survey.model.assignment import Assignment, Receipt
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.certificates import COORDINATOR, Certificates, make_certificates
from survey.storage.keys import TOKEN, make_key
from survey.storage.layout import Layout
from survey.targets.optouts import init_log
from survey.targets.plan import plan_hash, plan_to_json
from tests.benchmarks.result import Result, rss_mb

FULL, SMALL = 20_000, 100
WORKERS = 2
HOME = 0x7F000001
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
MB = 1 << 20


@dataclass(slots=True)
class Memory:
    """Resident memory of this process and of the scheduler as shards come in.

    Attributes:
        scheduler: Its process.
        shards: How many there will be.
        taken: (shards done, our bytes, the scheduler's bytes).
    """

    scheduler: psutil.Process
    shards: int
    taken: list[tuple[int, int, int]] = field(default_factory=list)

    def take(self, done: int) -> None:
        """Look now."""
        ours = psutil.Process().memory_info().rss
        self.taken.append((done, ours, self.scheduler.memory_info().rss))

    def grown(self, column: int) -> float:
        """MB more at the end than after the first tenth."""
        warm = next(one for one in self.taken if one[0] >= self.shards / 10)
        return round((self.taken[-1][column] - warm[column]) / MB, 1)


def run(*, small: bool = False) -> Iterator[Result]:
    """Milliseconds a shard, and MB that coordinator and scheduler grow by."""
    shards = SMALL if small else FULL
    with tempfile.TemporaryDirectory(prefix="survey-benchmark-") as name:
        folder = Path(name)
        ours, own_ms, own_cpu = _coordinated(folder, shards)
        theirs, peer_ms, peer_cpu = _at_once(folder, shards)
    for what, unit, own, peer in (
        ("window_shard", "ms", own_ms, peer_ms),
        ("window_scheduler_growth", "MB", ours.grown(2), theirs.grown(2)),
        ("window_coordinator_growth", "MB", ours.grown(1), theirs.grown(1)),
    ):
        yield Result(
            what,
            unit,
            own,
            f"dask, {shards:,} tasks submitted at once",
            peer,
            round(max(peer, 0.1) / max(own, 0.1), 2),
            own_cpu,
            peer_cpu,
            rss_mb(),
        )


def null_shard(assignment: Assignment, report: Report, *, watched: bool = False) -> Receipt:
    """The receipt of a shard of one address that answered nothing."""
    del report, watched
    return Receipt(
        run=assignment.run,
        plan_hash=assignment.plan_hash,
        shard=assignment.shard,
        first_index=assignment.shard,
        addresses=1,
        attempt=assignment.attempt,
        slot=assignment.slot,
        epoch=assignment.epoch,
        worker=f"host:{os.getpid()}",
        version="0.1.0",
        started_at=NOW,
        finished_at=NOW,
        planned=1,
        excluded=0,
        opted_out=0,
        sent=1,
        open=0,
        refused=0,
        silent=1,
        unreachable=0,
        conversations=0,
        aborted=0,
        packets=1,
        observations=0,
        max_rate=1,
    )


def _coordinated(folder: Path, shards: int) -> tuple[Memory, float, float]:
    """Through the coordinator's window."""
    settings = Settings(folder / "data", folder / "keys", folder / "agencies")
    make_key(settings.keys, TOKEN)
    make_certificates(settings.keys)
    plan = _plan(folder, shards)
    path = Layout(settings.data).run(plan.campaign, plan.run).plan
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(plan_to_json(plan))
    with _cluster(folder, settings.keys) as (scheduler, process):
        memory = Memory(process, shards)

        def look(status: ScanStatus) -> None:
            memory.take(status.committed)

        real, coordinator.run_shard = coordinator.run_shard, null_shard  # type: ignore[assignment]
        began, cpu = time.perf_counter(), time.process_time()
        try:
            executor = DaskExecutor(scheduler=scheduler, keys=settings.keys)
            summary = scan(plan, plan_hash(plan), settings, executor, look)
        finally:
            coordinator.run_shard = real
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        assert summary.shards == shards
        return memory, round(1000 * seconds / shards, 2), round(cpu, 1)


def _at_once(folder: Path, shards: int) -> tuple[Memory, float, float]:
    """As most programs use Dask."""
    files = Certificates(folder / "keys")
    own = str(files.own(COORDINATOR))
    security = Security(
        tls_ca_file=str(files.authority),
        tls_client_cert=own,
        tls_client_key=own,
        require_encryption=True,
    )
    with (
        _cluster(folder, folder / "keys") as (scheduler, process),
        Client(scheduler, security=security) as client,
    ):
        memory = Memory(process, shards)
        memory.take(shards // 10)
        began, cpu = time.perf_counter(), time.process_time()
        assignments = [_assignment(folder, shard) for shard in range(shards)]
        futures = client.map(_null_task, assignments, pure=False)
        receipts = []
        for future in as_completed(futures):
            receipts.append(future.result())
            if len(receipts) % 1000 == 0:
                memory.take(len(receipts))
        memory.take(shards)
        assert len(receipts) == shards
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        return memory, round(1000 * seconds / shards, 2), round(cpu, 1)


def _null_task(assignment: Assignment) -> Receipt:
    return null_shard(assignment, lambda _: None)


def _assignment(folder: Path, shard: int) -> Assignment:
    where = str(folder / "data"), str(folder / "keys")
    return Assignment(*where, "window", "2026-W48", "0" * 64, shard, 0, 0, 1, "127.0.0.1:9")


@contextmanager
def _cluster(folder: Path, keys: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A scheduler and WORKERS workers: the scheduler's address and process."""
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    own = str(keys / "worker.pem")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "DASK_CONFIG": str(ROOT / "infra" / "cluster" / "dask.yaml"),
        f"{tls}CA_FILE": str(keys / "authority.pem"),
        **{
            f"{tls}{role}__{part}": own
            for role in ("SCHEDULER", "WORKER")
            for part in ("KEY", "CERT")
        },
    }
    quiet = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    at = f"tls://127.0.0.1:{port}"
    with ExitStack() as stack:

        def start(*command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", *command, *quiet],
                env=environment,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        scheduler = start(
            *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)),
        )
        for worker in range(WORKERS):
            start(
                *("distributed.cli.dask_worker", at, "--host", "127.0.0.1", "--nthreads", "1"),
                *("--local-directory", str(folder / f"worker-{worker}")),
            )
        _until_it_listens(port)
        yield at, psutil.Process(scheduler.pid)


def _until_it_listens(port: int) -> None:
    for _ in range(600):
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the scheduler does not listen")


def _plan(folder: Path, shards: int) -> Plan:
    optouts = folder / "optouts.jsonl"
    init_log(optouts)
    return Plan(
        campaign="window",
        run="2026-W48",
        kind=Kind.LAB,
        purpose="a benchmark",
        created_at=NOW,
        valid_until=None,
        authority="",
        seed="00" * 16,
        ranges=(Range(0x7F100000, 0x7F100000 + shards - 1),),
        excluded=0,
        probes=(ProbePlan(Probe.SOCKS5, (1080,)),),
        rate=Rate(10_000, 10_000.0, 1),
        identity=Identity("A test", "a@test.example", "https://test.example/", "test.example", ()),
        canary=Canary(("canary.example", "canary.test"), Endpoint(HOME, 9), Endpoint(HOME, 10)),
        optouts=str(optouts),
        exclusions=(),
        names="none",
        slots=WORKERS,
        shard_addresses=1,
        lease_seconds=12.0,
        snapshots=(),
        version="0.1.0",
    )
