"""What other scanners found open, as they write it: ZMap, masscan, or plain lists.

Each line is read on its own, and its first characters tell what it is:

* ZMap's CSV: a header with ``saddr``, and ``sport`` unless one port was scanned
* ZMap's JSON: ``{"saddr": "192.0.2.7", "sport": 1080, "classification": "synack", ...}``
* masscan ``-oJ``: ``{"ip": "192.0.2.7", "ports": [{"port": 1080, "proto": "tcp", ...}]}``
* masscan ``-oD``: ``{"ip": "192.0.2.7", "port": 1080, "proto": "tcp", "data": {...}}``
* masscan ``-oL``: ``open tcp 1080 192.0.2.7 1795504606``
* plain: ``192.0.2.7,1080``, ``192.0.2.7:1080``, or ``192.0.2.7`` if one port is planned
"""

import csv
import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, inet_pton
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError
from survey.model.plan import Plan
from survey.targets.ranges import Ips, RangeSet
from survey.targets.shards import address_order

Target = tuple[int, int]

_CURE = "take it out, or correct it (docs/discovery.md has the formats)"
_MAX_PORT = 65_535
_NOT_UNDERSTOOD = (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error)
_LONGEST = 1 << 20
"""Bytes of a line at most; masscan's banners may be long."""


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """Everything that some files say is open.

    Attributes:
        ips: Address of each; may stand there more than once.
        ports: Its port.
        not_open: How many lines tell of something else: closed ports, other protocols, banners.
    """

    ips: Ips
    ports: NDArray[np.uint16]
    not_open: int


def read_found(paths: Iterable[Path], only_port: int | None) -> Imported:
    """What the files say is open.

    Args:
        paths: The files.
        only_port: The port of a line that names none; None where that is not known.

    Raises:
        ConfigError: A file can't be read, or a line of it can't; never skipped, since whoever
            gives us a list must know that all of it was taken.
    """
    ips, ports, not_open = array("I"), array("H"), 0
    for path in paths:
        reader = _Reader(only_port)
        for number, line in _lines(path):
            try:
                targets = reader.read(line)
            except _NOT_UNDERSTOOD as error:
                said = str(error) if isinstance(error, _LineError) else "is in no known format"
                raise ConfigError(path, f"line {number}", said, _CURE) from error
            if targets is None:
                not_open += 1
                continue
            for ip, port in targets:
                ips.append(ip)
                ports.append(port)
    return Imported(np.array(ips, dtype=np.uint32), np.array(ports, dtype=np.uint16), not_open)


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What of it a plan asks for.

    Attributes:
        indices: Plan index of each target's address.
        ports: Its port.
        not_planned: How many found targets are none of the plan's.
        repeated: How many were told before.
    """

    indices: NDArray[np.uint32]
    ports: NDArray[np.uint16]
    not_planned: int
    repeated: int


def match(plan: Plan, found: Imported) -> Matched:
    """The targets of a plan that were found, each once."""
    positions = RangeSet.of(plan.ranges).position_of(found.ips)
    planned = np.zeros(_MAX_PORT + 1, dtype=bool)
    planned[list(plan.ports)] = True
    known = (positions >= 0) & planned[found.ports]
    indices = address_order(plan).inverse(positions[known].astype(np.uint64))
    targets = np.unique(indices << np.uint64(16) | found.ports[known])
    return Matched(
        indices=(targets >> np.uint64(16)).astype(np.uint32),
        ports=targets.astype(np.uint16),
        not_planned=int(np.count_nonzero(~known)),
        repeated=int(np.count_nonzero(known)) - len(targets),
    )


class _LineError(ValueError):
    """What is wrong with a line, in words."""


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that says something."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b""), start=1):
                text = line.decode("utf-8", "replace").strip()
                if text and not text.startswith("#"):
                    yield number, text
    except OSError as error:
        raise ConfigError(
            path, "", f"can't be read ({error.strerror})", "give an existing file"
        ) from error


class _Reader:
    """One file's lines; a CSV header tells what the rest of it is."""

    def __init__(self, only_port: int | None) -> None:
        self._only_port = only_port
        self._header: list[str] | None = None

    def read(self, line: str) -> list[Target] | None:
        """The targets that a line says are open; None if it tells of something else."""
        if line in "[],":  # what masscan has around and between its records
            return []
        if line[0] in "{,":
            return self._record(line.strip(","))
        if line[0].isdigit() and self._header is None:
            return [self._plain(line)]
        if self._header is not None:
            return self._row(line)
        if " " in line:
            return self._masscan_list(line.split())
        return self._take_header(line)

    def _record(self, line: str) -> list[Target] | None:
        if line == "{finished: 1}":  # how masscan before 1.3 ended its JSON
            return []
        record = json.loads(line)
        if "saddr" in record:
            return self._zmap(record)
        ip = _ip(record["ip"])
        if "ports" in record:
            opened = [(ip, _port(one["port"])) for one in record["ports"] if _is_open(one)]
            return opened or None
        is_open = _is_open({"proto": record["proto"], **record["data"]})
        return [(ip, _port(record["port"]))] if is_open else None

    def _zmap(self, record: dict[str, Any]) -> list[Target] | None:
        """ZMap's own words: what its filter let through may still be a reset."""
        target = _ip(record["saddr"]), self._port_of(record.get("sport"))
        success, said = record.get("success", 1), record.get("classification", "synack")
        return [target] if str(success) in ("1", "True") and said == "synack" else None

    def _take_header(self, line: str) -> list[Target]:
        header = next(csv.reader([line]))
        if header[:2] == ["ip", "port"]:
            header[:2] = ["saddr", "sport"]
        if "saddr" not in header:
            raise _LineError(f"{line[:40]!r} is neither a target nor a header with saddr")
        self._header = header
        return []

    def _row(self, line: str) -> list[Target] | None:
        assert self._header is not None
        values = next(csv.reader([line]))
        if len(values) != len(self._header):
            raise _LineError(f"has {len(values)} values under {len(self._header)} headings")
        return self._zmap(dict(zip(self._header, values, strict=True)))

    def _masscan_list(self, words: list[str]) -> list[Target] | None:
        state, protocol, port, ip, *_ = words
        target = _ip(ip), _port(port)
        return [target] if (state, protocol) == ("open", "tcp") else None

    def _plain(self, line: str) -> Target:
        ip, _, port = line.replace(":", ",", 1).partition(",")
        return _ip(ip.strip()), self._port_of(port.strip() or None)

    def _port_of(self, port: str | int | None) -> int:
        if port not in (None, ""):
            return _port(port)
        if self._only_port is None:
            raise _LineError("names no port, and the campaign has more than one")
        return self._only_port


def _is_open(record: dict[str, Any]) -> bool:
    """Whether masscan says so of a TCP port; a banner says nothing of the kind."""
    return (record["proto"], record.get("status")) == ("tcp", "open")


def _ip(text: str) -> int:
    try:
        return int.from_bytes(inet_pton(AF_INET, text))
    except OSError:
        raise _LineError(f"{text[:40]!r} is no IPv4 address") from None


def _port(value: str | int | None) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MAX_PORT):
        raise _LineError(f"{text[:40]!r} is no port")
    return int(text)
