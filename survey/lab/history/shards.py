"""Rows of a run, or of one of its rounds, committed as shards with their receipts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from survey.lab.history.rows import Rows
from survey.model.assignment import Receipt
from survey.storage.files import replace_text
from survey.storage.layout import RunLayout
from survey.storage.manifest import write_manifest
from survey.storage.shard_file import write_shard

Table = Callable[[Rows, int], pa.Table]
"""The observations of some rows of a shard."""


@dataclass(frozen=True, slots=True)
class Work:
    """What all shards of a run or a round have in common.

    Attributes:
        run: Run id.
        round: 0 for the scan.
        hash: SHA-256 of plan or round, hex.
        version: Version of the package that planned it.
        began: When the first shard began, UTC.
        ended: When the last one was done.
    """

    run: str
    round: int
    hash: str
    version: str
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Again:
    """What a second look at some of a shard's targets found; see ``engine.recheck``."""

    rechecked: int
    reopened: int
    missed: int


NOT_AGAIN = Again(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Slice:
    """One shard.

    Attributes:
        index: Which.
        first: Its first plan index, or place in a round.
        places: How many it holds.
        planned: Targets.
        opted_out: Targets kept back by an opt-out.
        rows: What was seen.
        again: What a second look found.
    """

    index: int
    first: int
    places: int
    planned: int
    opted_out: int
    rows: Rows
    again: Again = NOT_AGAIN


def write_slices(
    paths: RunLayout, work: Work, slices: Sequence[Slice], table: Table, *, torn: bool
) -> list[Receipt]:
    """Commit the shards; without the last one if it is torn, and then the run is not done."""
    receipts = []
    for one in slices[:-1] if torn else slices:
        rows = one.rows.in_order()
        receipts.append(
            write_shard(paths.shard(one.index), table(rows, one.index), _receipt(work, one))
        )
    write_manifest(paths, receipts)
    if not torn:
        word = {"plan_hash": work.hash, "at": work.ended.isoformat()}
        replace_text(paths.done, json.dumps(word) + "\n")
    return receipts


def _receipt(work: Work, one: Slice) -> Receipt:
    rows = one.rows
    targets = np.unique(rows.ip << 16 | rows.port, return_index=True)[1]
    shut = int(np.count_nonzero(rows.answer[targets] == 1))
    silent = int(np.count_nonzero(rows.answer[targets] == 0))
    sent = one.planned - one.opted_out
    opened = len(targets) - shut - silent
    # most of the rest says nothing, and some ports are shut
    refused = shut + (sent - len(targets)) // 9
    return Receipt(
        run=work.run,
        plan_hash=work.hash,
        shard=one.index,
        first_index=one.first,
        addresses=one.places,
        attempt=0,
        slot=0,
        epoch=1,
        worker="history:1",
        version=work.version,
        started_at=work.began,
        finished_at=work.ended,
        planned=one.planned,
        excluded=0,
        opted_out=one.opted_out,
        sent=sent,
        open=opened,
        refused=refused,
        silent=sent - opened - refused,
        unreachable=0,
        conversations=len(rows),
        aborted=0,
        packets=sent + 12 * len(rows) + one.again.rechecked,
        observations=len(rows),
        max_rate=1000,
        round=work.round,
        rechecked=one.again.rechecked,
        reopened=one.again.reopened,
        missed=one.again.missed,
    )
