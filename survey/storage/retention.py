"""The periods of each campaign as it last stated them, kept beside its runs.

A campaign may change ``[retention]`` at any time, and its file may be gone when its rows are due.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import PurePath

from survey.errors import StorageError
from survey.model.holdings import HOLDINGS, Holding
from survey.model.retention import Retention
from survey.storage.files import replace_text
from survey.storage.layout import Layout

_KEYS = {one.name for one in fields(Retention)}


def note_retention(layout: Layout, campaign: str, retention: Retention) -> None:
    """Write down the periods of a campaign, if they are not there yet."""
    if read_retention(layout, campaign) != retention:
        path = layout.retention(campaign)
        replace_text(path, json.dumps(asdict(retention), sort_keys=True) + "\n")


def read_retention(layout: Layout, campaign: str) -> Retention | None:
    """The periods of a campaign, or None if it never stated them here.

    Raises:
        StorageError: They can't be understood.
    """
    path = layout.retention(campaign)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = None
    if (
        not isinstance(content, dict)
        or not set(content) <= _KEYS
        or not all(type(days) is int for days in content.values())
    ):
        raise StorageError(
            f"{path}: does not say how long rows are kept; remove it, and name the campaign's "
            "file to `survey purge`"
        )
    return Retention(**content)


def campaigns_in(layout: Layout) -> tuple[str, ...]:
    """The campaigns that have a run here."""
    plans = layout.campaigns.glob("*/*/plan.json")
    return tuple(sorted({path.parent.parent.name for path in plans}))


def holding_of(path: PurePath) -> Holding | None:
    """What kind of file this is, ``path`` being below the data directory; None: none of ours."""
    return next((one for one in HOLDINGS if _fits(path.parts, tuple(one.files.split("/")))), None)


def strangers(layout: Layout) -> Iterator[PurePath]:
    """Files of the data directory that are none of ours, so that no period ends them."""
    for path in sorted(layout.root.rglob("*")):
        below = path.relative_to(layout.root)
        if path.is_file() and path.suffix != ".part" and holding_of(below) is None:
            yield below


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path fits a glob pattern, ``**`` standing for any folders or none."""
    if not parts or not pattern:
        return not parts and not pattern
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or _fits(parts[1:], pattern)
    return PurePath(parts[0]).match(pattern[0]) and _fits(parts[1:], pattern[1:])
