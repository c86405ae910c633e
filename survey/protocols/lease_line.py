"""Renewals and words as one line of JSON each: what travels between workers and coordinator."""

import json
from dataclasses import asdict
from typing import Any

from survey.model.control import Lease, Renewal, Word

LINE = 1024
"""Bytes of a line at most."""


def renewal_to_line(renewal: Renewal) -> bytes:
    """What a worker sends."""
    return _line(asdict(renewal))


def renewal_from_line(line: bytes) -> Renewal:
    """What the coordinator reads.

    Raises:
        ValueError: It is no renewal.
    """
    try:
        content = json.loads(line)
        lease = _typed(content, "lease", dict)
        return Renewal(
            epoch=_whole(content, "epoch"),
            lease=Lease(_whole(lease, "slot"), _whole(lease, "shard"), _whole(lease, "attempt")),
            holder=_typed(content, "holder", str),
            optouts=_whole(content, "optouts"),
        )
    except (ValueError, RecursionError) as error:
        raise ValueError("is no renewal") from error


def word_to_line(word: Word) -> bytes:
    """What the coordinator answers."""
    return _line(asdict(word))


def word_from_line(line: bytes) -> Word:
    """What the worker reads.

    Raises:
        ValueError: It is no word.
    """
    try:
        content = json.loads(line)
        return Word(
            epoch=_whole(content, "epoch"),
            granted=_typed(content, "granted", bool),
            stop=_typed(content, "stop", bool),
            paused=_typed(content, "paused", bool),
            rate=_whole(content, "rate"),
            optouts=_whole(content, "optouts"),
            now=_typed(content, "now", float),
        )
    except (ValueError, RecursionError) as error:
        raise ValueError("is no word of a coordinator") from error


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n"


def _whole(content: object, name: str) -> int:
    value: int = _typed(content, name, int)
    if value < 0:
        raise ValueError(name)
    return value


def _typed(content: object, name: str, kind: type) -> Any:
    value = content.get(name) if isinstance(content, dict) else None
    if type(value) is not kind:
        raise ValueError(name)
    return value
