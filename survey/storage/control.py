"""The coordinator's beat, its epoch, and the wishes of other processes, as small JSON files.

A file on the data directory that all workers share anyway, not a message through the cluster: it
works alike for every executor, and a worker that lost its scheduler but not its disk still hears
that it was given up for lost (decision 0031).
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from survey.errors import StorageError
from survey.model.control import Control, Lease, Wishes
from survey.storage.files import replace_text
from survey.storage.layout import Layout, RunLayout


def write_control(run: RunLayout, control: Control) -> None:
    """Say ``control`` to every worker of the run."""
    replace_text(run.control, json.dumps(asdict(control)) + "\n")


def read_control(run: RunLayout) -> Control | None:
    """The coordinator's last word, or None if it has not spoken yet.

    Raises:
        StorageError: The file is there but can't be understood.
    """
    content = _read(run.control)
    if content is None:
        return None
    try:
        return Control(
            epoch=int(content["epoch"]),
            beat=int(content["beat"]),
            stop=bool(content["stop"]),
            paused=bool(content["paused"]),
            rate=int(content["rate"]),
            leases=tuple(
                Lease(slot=int(one["slot"]), shard=int(one["shard"]), attempt=int(one["attempt"]))
                for one in content["leases"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{run.control}: is not a control file; start the scan again") from error


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
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{run.wishes}: is not a wishes file; remove it") from error


def read_epoch(layout: Layout) -> int:
    """Number of the last coordinator of this data directory; 0 if there was none.

    Raises:
        StorageError: The file is there but is no number.
    """
    try:
        return int(layout.epoch.read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{layout.epoch}: is not a coordinator's number; write a number above every "
            "epoch in campaigns/*/*/control.json into it"
        ) from error


def next_epoch(layout: Layout) -> int:
    """A number that no coordinator of this data directory had before, kept; call under the lock."""
    epoch = read_epoch(layout) + 1
    replace_text(layout.epoch, f"{epoch}\n")
    return epoch


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
