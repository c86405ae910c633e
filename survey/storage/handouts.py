"""When each shard was handed out: a log of one line each, kept beside the shards.

A receipt tells of the attempt that was committed.  An attempt that died may have sent packets too;
this log lets ``survey explain`` say so, and counts attempts over restarts of the coordinator.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from errno import ENOSPC

from survey.errors import StorageError
from survey.storage.files import private_folder, sync_folder
from survey.storage.layout import RunLayout


@dataclass(frozen=True, slots=True)
class Handout:
    """One shard handed to a worker.

    Attributes:
        at: When, UTC.
        shard: Index of the shard.
        attempt: 0 for the first time, then counting.
        slot: The slot granted with it.
        epoch: The coordinator that did it.
    """

    at: datetime
    shard: int
    attempt: int
    slot: int
    epoch: int


def add_handout(run: RunLayout, handout: Handout) -> None:
    """Write one down, before the worker can send anything."""
    line = json.dumps(
        {
            "at": handout.at.isoformat(),
            "shard": handout.shard,
            "attempt": handout.attempt,
            "slot": handout.slot,
            "epoch": handout.epoch,
        }
    )
    private_folder(run.root)
    fresh = not run.handouts.exists()
    try:
        descriptor = os.open(run.handouts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # The leading newline ends a line that a crash may have torn; blank lines are nothing.
            text = b"\n" + line.encode() + b"\n"
            if os.write(descriptor, text) != len(text):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if fresh:
            sync_folder(run.root)
    except OSError as error:
        raise StorageError(f"{run.handouts}: can't be written: {error.strerror}") from error


def read_handouts(run: RunLayout) -> tuple[Handout, ...]:
    """All of them, oldest first; a torn line is passed over, for its shard was never handed out."""
    try:
        text = run.handouts.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageError(f"{run.handouts}: can't be read: {error.strerror}") from error
    return tuple(handout for line in text.splitlines() if (handout := _read(line)) is not None)


def _read(line: bytes) -> Handout | None:
    try:
        content = json.loads(line)
        return Handout(
            at=datetime.fromisoformat(content["at"]),
            shard=int(content["shard"]),
            attempt=int(content["attempt"]),
            slot=int(content["slot"]),
            epoch=int(content["epoch"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
