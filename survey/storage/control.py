"""Who coordinates a data directory, and what other processes wish of it, as small JSON files.

What must be known after a crash is here; leases themselves are never written down, for only a
coordinator that lives may renew one (decision 0110).
"""

import json
import os
import platform
import secrets
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from survey.errors import StorageError
from survey.model.control import Term, Wishes
from survey.storage.files import replace_text
from survey.storage.layout import Layout, RunLayout


def write_wishes(run: RunLayout, wishes: Wishes) -> None:
    """Ask the run's coordinator for something; it looks about once a second."""
    replace_text(run.wishes, json.dumps(asdict(wishes)) + "\n")


def read_wishes(run: RunLayout) -> Wishes:
    """What was asked; nothing, if nobody asked.

    Raises:
        StorageError: The file is there but can't be understood.
    """
    content = _read(run.wishes)
    if content is None:
        return Wishes()
    try:
        rate = content["rate"]
        return Wishes(
            stop=bool(content["stop"]),
            paused=bool(content["paused"]),
            rate=None if rate is None else int(rate),
            asked=int(content.get("asked", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{run.wishes}: is not a wishes file; remove it") from error


def read_term(layout: Layout) -> Term | None:
    """The last coordinator's time in office; None if there was none.

    Raises:
        StorageError: The file is there but can't be understood.
    """
    content = _read(layout.term)
    if content is None:
        return None
    try:
        return Term(
            epoch=int(content["epoch"]),
            who=str(content["who"]),
            lease_seconds=float(content["lease_seconds"]),
            over=bool(content["over"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"{layout.term}: does not say who coordinated last; wait a minute, so that no lease "
            'is alive, and write {"epoch": N, "who": "", "lease_seconds": 12.0, "over": true} '
            "into it, N being above every epoch in campaigns/*/*/handouts.log"
        ) from error


def begin_term(layout: Layout, lease_seconds: float, *, after: int = 0) -> Term:
    """Take office under a number above ``after`` that no coordinator here had before.

    Call it under the lock.

    If the last term is not over, its leases count as this one's: whoever comes after us outwaits
    them too.
    """
    last = read_term(layout)
    who = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(6)}"
    if last is not None and not last.over:
        lease_seconds = max(lease_seconds, last.lease_seconds)
    term = Term(max(last.epoch if last else 0, after) + 1, who, lease_seconds, over=False)
    _write_term(layout, term)
    return term


def end_term(layout: Layout, term: Term) -> None:
    """Leave office, if still in it; call when none of the term's leases can be alive."""
    if read_term(layout) == term:
        _write_term(layout, replace(term, over=True))


def _write_term(layout: Layout, term: Term) -> None:
    replace_text(layout.term, json.dumps(asdict(term)) + "\n")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: can't be read: {error}") from error
    if not isinstance(content, dict):
        raise StorageError(f"{path}: is not a JSON object")
    return content
