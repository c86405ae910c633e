"""Shards on a Dask cluster; the only file that knows Dask.

Dask carries assignments out and receipts back, and nothing else: all durable truth is in the data
directory.  Each setting below answers a pitfall of its own (decision 0032).
"""

import logging
import queue
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client, Future, LocalCluster, Security, get_worker
from distributed.scheduler import KilledWorker

from survey.cluster.executor import Broken, Done, Lost, Outcome, Report, Work
from survey.errors import ConfigError, StoppedError, SurveyError
from survey.model.assignment import Assignment, Progress, Receipt
from survey.storage.certificates import COORDINATOR, Certificates, coordinator_tls

TOPIC = "survey-progress"

REACH = "10s"
"""Patience with a scheduler that is given."""

ANSWER = 5.0
"""Seconds for an answer to come from the worker that has it.  If that has died since, Dask would go
on dialling it for a minute and a half, and nothing else would be handed out meanwhile."""

SETTINGS: dict[str, Any] = {
    # A lost worker's shard is ours to hand out again, when its lease is over; Dask would at once.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.unknown-task-duration": "10m",
    # A worker that hangs is ended by its own watchdog.  This timer would go by the wall clock, and
    # a step of it would end all workers at once.
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.profile.enabled": False,
    "distributed.comm.retry.count": 3,
    "distributed.admin.system-monitor.interval": "5s",
    # Dask listens for HTTP even without a dashboard; then at least there is nothing to be seen.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class DaskExecutor:
    """Workers of an existing cluster, or of one of our own on this machine.

    Args:
        workers: Processes of our own cluster, one thread each; without ``scheduler``.
        scheduler: Address of an existing scheduler, ``tls://host:port``; without TLS only on this
            machine.
        keys: Folder with the coordinator's certificate, by which that scheduler knows us.
        leases_at: Address and port (0: any) where its workers reach us; None: as we reach it.
    """

    own_processes = True

    def __init__(
        self,
        workers: int = 2,
        scheduler: str | None = None,
        keys: Path | None = None,
        *,
        leases_at: tuple[str, int] | None = None,
    ) -> None:
        assert workers >= 1
        self._workers, self._scheduler, self._keys = workers, scheduler, keys
        self._leases_at = leases_at

    def leases_at(self) -> tuple[str, int]:
        """What was given, else our address on the network on which the scheduler is."""
        if self._leases_at is not None:
            return self._leases_at
        if self._scheduler is None:
            return "127.0.0.1", 0
        there = urlsplit(self._scheduler)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((there.hostname or "", there.port or 0))  # no packet leaves for that
            except (OSError, ValueError) as error:
                raise _unreachable(self._scheduler, error) from error
            return str(sock.getsockname()[0]), 0

    @contextmanager
    def open(self, work: Work, report: Report) -> Iterator["DaskPool"]:
        """The workers, until the end of the block.

        Raises:
            ConfigError: The scheduler can't be reached, or is not set as we need it.
        """
        with ExitStack() as stack:
            # Dask appends to lists that it is given.
            stack.enter_context(dask.config.set(deepcopy(SETTINGS)))
            client = self._client(stack)
            pool = DaskPool(client, work)
            client.subscribe_topic(TOPIC, lambda event: report(_progress(event[1])))
            yield pool

    def _client(self, stack: ExitStack) -> Client:
        if self._scheduler is None:
            stack.enter_context(
                dask.config.set({"distributed.worker.preload": ["survey.cluster.interrupt"]})
            )
            cluster = LocalCluster(
                n_workers=self._workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                security=Security.temporary(),
                protocol="tls://",
                # What goes wrong comes back as an outcome; the rest is noise at the end.
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
            return stack.enter_context(Client(cluster))
        security = self._security()
        try:
            client = Client(self._scheduler, timeout=REACH, security=security)
            stack.enter_context(client)
            reruns = client.run_on_scheduler(_allowed_failures)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise _unreachable(self._scheduler, error) from error
        if reruns:
            raise ConfigError(
                "--scheduler",
                "",
                f"{self._scheduler} would run a lost shard again by itself, beside its first run",
                "start it with DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0",
            )
        return client

    def _security(self) -> Security | None:
        there = urlsplit(self._scheduler or "")
        if there.scheme != "tls":
            if there.hostname != "127.0.0.1":
                raise ConfigError(
                    "--scheduler",
                    "",
                    f"{self._scheduler} is not encrypted, and whoever reaches it runs code",
                    "give tls://HOST:PORT",
                )
            return None
        assert self._keys is not None
        files = Certificates(self._keys)
        coordinator_tls(self._keys)  # says what is wrong with them
        own = str(files.own(COORDINATOR))
        return Security(
            tls_ca_file=str(files.authority),
            tls_client_cert=own,
            tls_client_key=own,
            require_encryption=True,
        )


def _allowed_failures(dask_scheduler: Any) -> int:
    """How often the scheduler reruns a task whose worker died; runs there."""
    return int(dask_scheduler.allowed_failures)


def _unreachable(scheduler: str, error: Exception) -> ConfigError:
    return ConfigError(
        "--scheduler",
        "",
        f"{scheduler} can't be reached or asked ({error})",
        "give tls://HOST:PORT of a scheduler with the certificates of our `survey keys init`",
    )


class DaskPool:
    """What is under way on a cluster."""

    def __init__(self, client: Client, work: Work) -> None:
        self._client, self._work = client, work
        self._ended: queue.SimpleQueue[tuple[Assignment, Future]] = queue.SimpleQueue()
        self._futures: dict[Assignment, Future] = {}

    def width(self) -> int:
        """Threads of the workers that are there; they have one each.

        None while the scheduler can't be asked: ``wait`` says whether it comes back.
        """
        try:
            return sum(self._client.nthreads().values())
        except OSError:
            return 0

    def prove(self, proof: Callable[[], None]) -> None:
        """Run the proof on every worker; the first error is raised."""
        self._client.run(proof)

    def submit(self, assignment: Assignment) -> None:
        """Hand it to Dask as one task, which is never the same as another."""
        future = self._client.submit(
            _task,
            self._work,
            assignment,
            key=_key(assignment),
            pure=False,
            retries=0,
        )
        self._futures[assignment] = future
        future.add_done_callback(partial(self._note, assignment))

    def wait(self, seconds: float) -> tuple[Outcome, ...]:
        """Whatever has ended by then.

        Raises:
            StoppedError: The scheduler is gone.
        """
        if self._client.status not in ("running", "connecting"):
            raise StoppedError("the Dask scheduler is gone; run `survey scan` again to resume")
        ended = []
        try:
            ended.append(self._ended.get(timeout=seconds))
            while True:
                ended.append(self._ended.get_nowait())
        except queue.Empty:
            return tuple(self._outcome(assignment, future) for assignment, future in ended)

    def _note(self, assignment: Assignment, future: Future) -> None:
        self._ended.put((assignment, future))

    def _outcome(self, assignment: Assignment, future: Future) -> Outcome:
        try:
            if future.status == "finished":
                try:
                    result = future.result(timeout=ANSWER)
                except Exception as unread:  # noqa: BLE001 - whatever Dask makes of its bytes
                    return Lost(assignment, f"its answer can't be read ({type(unread).__name__})")
                if isinstance(result, SurveyError):
                    return Broken(assignment, result)
                return Done(assignment, result)
            if future.status == "error":
                error = future.exception()
                if isinstance(error, KilledWorker):
                    return Lost(assignment, f"worker {error.last_worker.address} died")
                return Broken(assignment, error)
            return Lost(assignment, f"Dask has {future.status} its task")
        finally:
            future.release()
            self._futures.pop(assignment, None)


def _progress(event: dict[str, Any]) -> Progress:
    """A report, as it was before it travelled: Dask makes lists of tuples."""
    content = event["progress"]
    return Progress(**content | {"failures": tuple(map(tuple, content["failures"]))})


def _key(assignment: Assignment) -> str:
    """Names the task in Dask's logs; no address and no secret is in it."""
    return (
        f"survey-shard-{assignment.run}-{assignment.shard:06d}-{assignment.attempt}"
        f"-epoch-{assignment.epoch}-{assignment.plan_hash[:12]}"
    )


def _task(work: Work, assignment: Assignment) -> Receipt | SurveyError:
    """Runs in a worker's thread, outside the loop that talks to the scheduler.

    An error of ours is an answer: Dask would log it with its traceback if it were raised.  It comes
    without what led to it: task groups refer to one another, and pickling would not end.
    """
    worker = get_worker()

    def report(progress: Progress) -> None:
        worker.log_event(TOPIC, {"progress": asdict(progress)})

    try:
        return work(assignment, report)
    except SurveyError as error:
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
