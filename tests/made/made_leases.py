"""A coordinator as far as leases go: the real switchboard, and a heart that a test may stop."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from made_scan import MadeScan

from survey.cluster.leases import Leases
from survey.cluster.switchboard import Switchboard
from survey.model.assignment import Assignment
from survey.model.control import Lease, Renewal, Word
from survey.protocols.lease_line import LINE, renewal_to_line, word_from_line
from survey.storage.certificates import COORDINATOR, coordinator_tls, worker_tls
from survey.targets.optouts import read_log

BEAT = 0.05


class MadeCoordinator:
    """Coordinator number 1 of a made scan.

    Attributes:
        leases: What it grants.
        paused: What it says at the next beat.
        rate: Likewise, packets/s.
        beating: Whether its heart beats.
    """

    def __init__(self, made: MadeScan, leases: Leases, address: str) -> None:
        self.made, self.leases, self.address = made, leases, address
        self.paused, self.rate = False, made.plan.rate.packets_per_second
        self.beating = True

    def grant(self, shard: int = 0, attempt: int = 0, slot: int = 0) -> Assignment:
        """Hand a shard out."""
        self.leases.grant(Lease(slot, shard, attempt))
        return self.made.assignment(shard, attempt, slot, self.address)

    def give_up(self, shard: int = 0, attempt: int = 0, slot: int = 0) -> float:
        """Take a lease back."""
        return self.leases.revoke(Lease(slot, shard, attempt))

    def beat(self) -> None:
        """Once."""
        try:
            optouts = read_log(Path(self.made.plan.optouts)).version
        except Exception:  # noqa: BLE001 - a test broke the log; the worker has to see that
            optouts = 0
        self.leases.beat(paused=self.paused, rate=self.rate, optouts=optouts)


def ask(assignment: Assignment) -> Word:
    """Be the worker of an assignment, for one question."""
    host, _, port = assignment.leases_at.rpartition(":")
    lease = Lease(assignment.slot, assignment.shard, assignment.attempt)
    tls = worker_tls(Path(assignment.keys))
    with (
        socket.create_connection((host, int(port)), timeout=20) as sock,
        tls.wrap_socket(sock, server_hostname=COORDINATOR) as line,
    ):
        line.sendall(renewal_to_line(Renewal(assignment.epoch, lease, "a test", 0)))
        return word_from_line(line.recv(LINE))


@contextmanager
def coordinating(made: MadeScan) -> Iterator[MadeCoordinator]:
    """It lives until the end of the block."""
    plan, stop = made.plan, threading.Event()
    leases = Leases(1, plan.rate.packets_per_second, plan.lease_seconds, time.monotonic, 0.2)
    with Switchboard(leases, coordinator_tls(made.settings.keys), "127.0.0.1") as switchboard:
        chief = MadeCoordinator(made, leases, switchboard.address)

        def live() -> None:
            while not stop.wait(BEAT):
                if chief.beating:
                    chief.beat()

        chief.beat()
        heart = threading.Thread(target=live)
        heart.start()
        try:
            yield chief
        finally:
            stop.set()
            heart.join()
