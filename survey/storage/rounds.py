"""Rounds of follow-ups: frozen lists beside the run's plan, each named by its own SHA-256."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from survey.errors import StorageError
from survey.model.assignment import Receipt
from survey.model.followup import Round, Visit
from survey.storage.files import creating, replacing
from survey.storage.layout import RoundLayout, RunLayout
from survey.storage.manifest import shard_files

_ROUND = TypeAdapter(Round)
_NAME = re.compile(r"\d{3,}")


def round_to_json(one: Round) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII, one line end; addresses are numbers."""
    content = _ROUND.dump_python(one, mode="json")
    if not one.was:
        del content["was"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii") + b"\n"


def round_hash(one: Round) -> str:
    """SHA-256 of the canonical JSON as it was frozen, hex."""
    return one.was or hashlib.sha256(round_to_json(one)).hexdigest()


def write_round(run: RunLayout, one: Round) -> RoundLayout:
    """Freeze a round; from now on its follow-ups wait no longer.

    Raises:
        StorageError: There is one of that number, or it can't be written.
    """
    paths = run.round(one.number)
    try:
        with creating(paths.plan) as part:
            part.write_bytes(round_to_json(one))
    except FileExistsError as error:
        raise StorageError(f"{paths.plan}: is there already; run `survey retest` again") from error
    except OSError as error:
        raise StorageError(f"{paths.plan}: can't be written: {error.strerror}") from error
    return paths


def load_round(path: Path) -> Round:
    """The frozen round at ``path``.

    Raises:
        StorageError: It can't be read, is no round, or was altered.
    """
    try:
        data = path.read_bytes()
        one = _ROUND.validate_json(data)
    except OSError as error:
        raise StorageError(f"{path}: can't be read ({error.strerror})") from error
    except (ValidationError, AssertionError) as error:
        raise StorageError(f"{path}: is no round of this version of the survey") from error
    if round_to_json(one) != data:
        raise StorageError(f"{path}: is not as it was frozen; restore it from your copy")
    return one


def forget_visits(path: Path, gone: Callable[[Visit], bool]) -> None:
    """Take the addresses of some visits out of a frozen round, and nothing else.

    Each becomes an address of 0.0.0.0/8, which is nobody's and never dialled, so that places,
    shards and counts stay as they were.

    Raises:
        StorageError: It can't be read or written.
    """
    one = load_round(path)
    known = {visit.ip for visit in one.visits}
    free = (ip for ip in range(1, 1 << 24) if ip not in known)
    forgotten = {ip: next(free) for ip in sorted({v.ip for v in one.visits if gone(v)})}
    if not forgotten:
        return
    visits = tuple(
        replace(visit, ip=forgotten[visit.ip]) if gone(visit) else visit for visit in one.visits
    )
    after = replace(one, visits=visits, was=round_hash(one))
    try:
        with replacing(path) as part:
            part.write_bytes(round_to_json(after))
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror}") from error


def is_forgotten(visit: Visit) -> bool:
    """Whether its address was taken out."""
    return visit.ip < 1 << 24


def rounds_of(run: RunLayout) -> tuple[RoundLayout, ...]:
    """The rounds of a run that are frozen, in their order."""
    try:
        names = [path.name for path in run.rounds.iterdir()]
    except FileNotFoundError:
        return ()
    numbers = sorted(int(name) for name in names if _NAME.fullmatch(name))
    return tuple(one for number in numbers if (one := run.round(number)).plan.exists())


def every_receipt(run: RunLayout) -> tuple[Receipt, ...]:
    """The receipts of all committed shards of a run, its rounds included.

    Raises:
        StorageError: A shard file is damaged.
    """
    return tuple(one for paths in (run, *rounds_of(run)) for one in shard_files(paths).receipts())


def planned_numbers(run: RunLayout) -> frozenset[int]:
    """Numbers of all follow-ups that are in some round of the run."""
    rounds = [load_round(one.plan) for one in rounds_of(run)]
    return frozenset(visit.number for one in rounds for visit in one.visits)
