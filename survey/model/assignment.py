"""One shard handed to one worker, and what comes back."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """The right to work on one shard in one slot; plain values, no secrets, fit for a task.

    Attributes:
        data: Root of the data directory that all workers share.
        keys: Folder of key files on the worker.
        campaign: Campaign id.
        run: Run id.
        plan_hash: SHA-256 of the plan, hex; a worker that reads another plan refuses.
        shard: Index of the shard, 0-based.
        attempt: 0 for the first time that this shard is handed out, then counting.
        slot: Which share of the cap, 0 to slots - 1.
        epoch: The coordinator's epoch; work of an older epoch is refused.
        leases_at: Where the coordinator renews leases, ``host:port``.
        round: 0 for the scan, else its round of follow-ups, whose hash is ``plan_hash`` then.
    """

    data: str
    keys: str
    campaign: str
    run: str
    plan_hash: str
    shard: int
    attempt: int
    slot: int
    epoch: int
    leases_at: str
    round: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one committed shard did: one row of the receipts table.

    Counts are targets (address, port).  ``planned == sent + excluded + opted_out`` always, and
    ``sent == open + refused + silent + unreachable``.

    Attributes:
        run: Run id.
        plan_hash: SHA-256 of the plan, hex.
        shard: Index of the shard.
        first_index: First plan index (permuted address position) of the shard.
        addresses: How many plan indices it holds.
        attempt: Which handing-out of the shard this was.
        slot: The slot it used.
        epoch: The coordinator's epoch.
        worker: Host name and process id of the worker, e.g. ``host:1234``.
        version: Version of this package.
        started_at: UTC.
        finished_at: UTC.
        planned: Targets of the shard.
        excluded: Kept back by the gate (special-purpose space, exclusions).
        opted_out: Kept back by an opt-out in force at that moment.
        sent: Targets that were dialled.
        open: Of those, accepted the connection.
        refused: Answered with a reset.
        silent: Did not answer in time.
        unreachable: Reported unreachable.
        conversations: Probe connections made after discovery.
        aborted: Conversations that an opt-out or stop broke off.
        packets: Packets charged against the cap.
        observations: Rows written.
        max_rate: Most packets charged in any one second, packets/s.
        round: 0 for the scan itself, else its round of follow-ups; there, ``plan_hash`` is the
            round's own, and indices and addresses are places in its list.
        late: SYN discovery: answers of targets that had been given up as silent.
        strange: SYN discovery: answers that no probe of this shard explains.
        dropped: SYN discovery: answers that were lost; some silent targets may have answered.
        rechecked: Targets that were dialled a second time, to tell what one look misses.
        reopened: Of those, accepted the second connection.
        missed: Of those again, had not accepted the first.
        purged: Of ``observations``, rows that are not kept any more (docs/retention.md).
        evidence: Whether the rows still have the bytes that strangers said.
    """

    run: str
    plan_hash: str
    shard: int
    first_index: int
    addresses: int
    attempt: int
    slot: int
    epoch: int
    worker: str
    version: str
    started_at: datetime
    finished_at: datetime
    planned: int
    excluded: int
    opted_out: int
    sent: int
    open: int
    refused: int
    silent: int
    unreachable: int
    conversations: int
    aborted: int
    packets: int
    observations: int
    max_rate: int
    round: int = 0
    late: int = 0
    strange: int = 0
    dropped: int = 0
    rechecked: int = 0
    reopened: int = 0
    missed: int = 0
    purged: int = 0
    evidence: bool = True

    @property
    def kept(self) -> int:
        """Rows that are still there."""
        return self.observations - self.purged


@dataclass(frozen=True, slots=True)
class Progress:
    """How a shard stands, reported about once a second; counts only, nothing about a host.

    Attributes:
        shard: Index of the shard.
        attempt: Which handing-out.
        planned: Targets of the shard.
        done: Targets decided (sent, excluded or opted out).
        found: Targets that accepted the connection.
        packets: Packets charged so far.
        conversations: Conversations finished so far.
        running: Conversations and connects in the air now.
        sent: Targets dialled.
        refused: Of those, answered with a reset.
        silent: Did not answer in time.
        unreachable: Reported unreachable.
        aborted: Conversations broken off by an opt-out or a stop.
        failures: How conversations ended early, by kind.
        shortages: Times that this machine could not send: no port, no descriptor, no buffer.
        canary_ill: Whether this worker finds the canary out of order.
        checks: Times that all controls were found as we know them.
        rechecked: Targets dialled a second time.
        reopened: Of those, accepted the second connection.
        missed: Of those again, had not accepted the first.
    """

    shard: int
    attempt: int
    planned: int
    done: int
    found: int
    packets: int
    conversations: int
    running: int
    sent: int = 0
    refused: int = 0
    silent: int = 0
    unreachable: int = 0
    aborted: int = 0
    failures: tuple[tuple[str, int], ...] = ()
    shortages: int = 0
    canary_ill: bool = False
    checks: int = 0
    rechecked: int = 0
    reopened: int = 0
    missed: int = 0
