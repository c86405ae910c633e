"""The queue of later tests of one run: append-only, on disk before anybody relies on it.

A follow-up waits until a round holds it (``storage.rounds``), or until it is dropped.  Lines stay,
so that what was wanted, when and why can be told, until ``survey purge`` takes them out.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from survey.errors import StorageError
from survey.model.followup import FollowUp, Reason, Wanted
from survey.model.probe import Probe
from survey.storage.files import private_folder, sync_folder
from survey.storage.layout import RunLayout
from survey.storage.line_log import lines_to_take, take_lines
from survey.storage.rounds import planned_numbers

MOST = {
    Reason.GREYLISTED: 1,
    Reason.NEXT_ENVELOPE: 1,
    Reason.SECOND_OPINION: 2,
    Reason.LIFECYCLE: 1,
}
"""Times that one key may be queued in a run, done or not; the others as often as wished.

The second of two second opinions is by our own client: the first may have failed for a library's
strictness.
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """A run's queue as it was read.

    Attributes:
        entries: All follow-ups ever queued, oldest first.
        planned: Numbers of those that are in a round.
        dropped: Numbers of those that will not be made, and why.
    """

    entries: tuple[FollowUp, ...]
    planned: frozenset[int]
    dropped: dict[int, str]

    @property
    def waiting(self) -> tuple[FollowUp, ...]:
        """Those that are in no round yet and were not dropped."""
        return tuple(
            one
            for one in self.entries
            if one.number not in self.planned and one.number not in self.dropped
        )

    def due(self, now: datetime) -> tuple[FollowUp, ...]:
        """Those that may be made now."""
        return tuple(one for one in self.waiting if one.wanted.not_before <= now)


def read_queue(run: RunLayout) -> Queue:
    """The queue of a run.

    Raises:
        StorageError: It can't be read, or a round is damaged.
    """
    try:
        text = run.followups.read_bytes()
    except FileNotFoundError:
        text = b""
    except OSError as error:
        raise StorageError(f"{run.followups}: can't be read: {error.strerror}") from error
    return _parse(run, text)


def queue_followups(
    run: RunLayout, wanted: Iterable[Wanted], now: datetime
) -> tuple[FollowUp, ...]:
    """Queue what does not wait already and was not queued too often; durable on return.

    Returns:
        What was added.

    Raises:
        StorageError: It can't be read or written.
    """
    assert now.tzinfo is not None, "times are UTC"
    with _locked(run) as descriptor:
        queue = _parse(run, os.pread(descriptor, os.fstat(descriptor).st_size, 0))
        waiting = {one.wanted.key for one in queue.waiting}
        times = Counter(one.wanted.key for one in queue.entries)
        # lines may have been taken out: a number in a round or dropped is never used again
        taken = {one.number for one in queue.entries} | queue.planned | queue.dropped.keys()
        number = max(taken, default=0)
        added = []
        for one in wanted:
            before = times[one.key]
            if one.key in waiting or before >= MOST.get(one.reason, before + 1):
                continue
            number += 1
            times[one.key] += 1
            waiting.add(one.key)
            mine = replace(one, independent=False) if before else one
            added.append(FollowUp(number, now, mine))
        _append(run, descriptor, [_to_line(one) for one in added])
    return tuple(added)


def drop_followups(run: RunLayout, numbers: Iterable[int], why: str, now: datetime) -> None:
    """Write down that these will not be made."""
    with _locked(run) as descriptor:
        lines = [
            json.dumps({"dropped": number, "at": now.isoformat(), "why": why}) for number in numbers
        ]
        _append(run, descriptor, lines)


def forget_followups(run: RunLayout, gone: Callable[[FollowUp], bool]) -> int:
    """Take entries out of the log for good, and say how many; of none if there is no log.

    Raises:
        StorageError: It can't be read or written.
    """
    if not run.followups.exists():
        return 0
    with _locked(run):
        return take_lines(run.followups, _chosen(gone))


def count_followups(run: RunLayout, gone: Callable[[FollowUp], bool]) -> int:
    """How many entries would be taken out."""
    return lines_to_take(run.followups, _chosen(gone))


def _chosen(gone: Callable[[FollowUp], bool]) -> Callable[[bytes], bool]:
    def chosen(line: bytes) -> bool:
        entry = _read(line)
        return isinstance(entry, FollowUp) and gone(entry)

    return chosen


@contextmanager
def _locked(run: RunLayout) -> Iterator[int]:
    """The log's descriptor, for one writer at a time."""
    private_folder(run.root)
    try:
        descriptor = os.open(run.followups, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{run.followups}: can't be written: {error.strerror}") from error


def _append(run: RunLayout, descriptor: int, lines: list[str]) -> None:
    if not lines:
        return
    # The leading newline ends a line that a crash may have torn; blank lines are nothing.
    data = b"\n" + "\n".join(lines).encode("ascii") + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)
    sync_folder(run.root)


def _parse(run: RunLayout, text: bytes) -> Queue:
    entries: list[FollowUp] = []
    dropped: dict[int, str] = {}
    for line in text.splitlines():
        match _read(line):
            case FollowUp() as entry:
                entries.append(entry)
            case (int(number), str(why)):
                dropped[number] = why
    return Queue(tuple(entries), planned_numbers(run), dropped)


def _read(line: bytes) -> FollowUp | tuple[int, str] | None:
    """One line; None for a torn one, which nobody was told of."""
    try:
        content = json.loads(line)
        if "dropped" in content:
            return int(content["dropped"]), str(content["why"])
        return FollowUp(
            number=int(content["number"]),
            queued_at=datetime.fromisoformat(content["queued_at"]),
            wanted=Wanted(
                ip=int(content["ip"]),
                port=int(content["port"]),
                probe=Probe(content["probe"]),
                reason=Reason(content["reason"]),
                variants=tuple(content["variants"]),
                not_before=datetime.fromisoformat(content["not_before"]),
                token_attempt=content["token_attempt"],
                source=content["source"],
                independent=bool(content["independent"]),
            ),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _to_line(one: FollowUp) -> str:
    wanted = one.wanted
    return json.dumps(
        {
            "number": one.number,
            "queued_at": one.queued_at.isoformat(),
            "ip": wanted.ip,
            "port": wanted.port,
            "probe": wanted.probe,
            "reason": wanted.reason,
            "variants": wanted.variants,
            "not_before": wanted.not_before.isoformat(),
            "token_attempt": wanted.token_attempt,
            "source": wanted.source,
            "independent": wanted.independent,
        }
    )
