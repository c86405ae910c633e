"""The opt-out log: append-only, durable, and doubted whenever it looks wrong."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.errors import ConfigError, GateClosedError
from survey.model.address import parse_ip
from survey.targets.optouts import OptOuts, add, init_log, read_log
from survey.targets.ranges import parse_cidr

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
ONE, TWO = parse_cidr("192.0.2.0/25"), parse_cidr("198.51.100.7")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with two wishes."""
    path = tmp_path / "optouts.jsonl"
    init_log(path)
    wish(path)
    add(path, (TWO, ONE), "Ñandú S.A. <noc@example.net>\n", "rdap mail", NOW, NOW)
    return path


def wish(path: Path) -> OptOuts:
    """Add a small one."""
    return add(path, (ONE,), "noc@example.org", "", NOW, NOW)


def test_new_log_is_private_and_empty(tmp_path: Path) -> None:
    """Who does not want to be tested is nobody else's business."""
    path = tmp_path / "optouts.jsonl"
    init_log(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_log(path) == OptOuts((), read_log(path).ranges)
    assert read_log(path).version == 0
    assert read_log(path).ranges.size == 0


def test_log_is_never_made_over_another(log: Path) -> None:
    """A second init is a mistake, and changes nothing."""
    before = log.read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        init_log(log)
    assert log.read_bytes() == before


def test_entries_come_back_as_they_were_said(log: Path) -> None:
    """Names in any script, odd bytes, several ranges: all come back, oldest first."""
    read = read_log(log)
    assert read.version == 2
    assert read.entries[0].by == "noc@example.org"
    assert read.entries[1].by == "Ñandú S.A. <noc@example.net>\n"
    assert read.entries[1].ranges == (TWO, ONE)
    assert read.entries[1].received_at == NOW
    assert parse_ip("192.0.2.1") in read.ranges
    assert parse_ip("198.51.100.7") in read.ranges
    assert parse_ip("198.51.100.8") not in read.ranges


def test_adding_only_appends_and_returns_the_log(log: Path) -> None:
    """What was there stays byte for byte."""
    before = log.read_bytes()
    returned = wish(log)
    assert log.read_bytes().startswith(before)
    assert returned == read_log(log)
    assert returned.version == 3


def test_adding_reads_the_log_once(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the lock under which it writes: nobody comes in between, however long the log is."""
    read, sizes = os.pread, []

    def counted(descriptor: int, size: int, at: int) -> bytes:
        sizes.append(size)
        return read(descriptor, size, at)

    monkeypatch.setattr("os.pread", counted)
    before = log.stat().st_size
    wish(log)
    assert sizes == [before]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: data[:-20],
        lambda data: data + b"\n",
        lambda data: data + b"{}\n",
        lambda data: data + b"[1]\n",
        lambda data: data.replace(b"192.0.2.0-", b"192.0.2.1-", 1),
        lambda data: data.replace(b"192.0.2.0-192.0.2.127", b"192.0.2.127-192.0.2.0"),
        lambda data: b"".join(data.splitlines(keepends=True)[i] for i in (0, 2)),
        lambda data: b"".join(data.splitlines(keepends=True)[i] for i in (1, 2)),
        lambda data: b"\xff\xfe" + data,
    ],
    ids=[
        "emptied",
        "no-end",
        "torn",
        "blank",
        "no-entry",
        "no-object",
        "edited",
        "turned",
        "entry-lost",
        "head-lost",
        "not-text",
    ],
)
def test_damaged_log_closes_the_gate(log: Path, damage: object) -> None:
    """A log that is not as it was written can't say who may be tested; nor may it be added to."""
    assert callable(damage)
    log.write_bytes(damage(log.read_bytes()))
    before = log.read_bytes()
    with pytest.raises(GateClosedError, match="restore"):
        read_log(log)
    with pytest.raises(GateClosedError, match="restore"):
        wish(log)
    assert log.read_bytes() == before


def test_missing_log_closes_the_gate(tmp_path: Path) -> None:
    """No log is not an empty log; nor is a folder one."""
    with pytest.raises(GateClosedError, match="survey optout init"):
        read_log(tmp_path / "missing.jsonl")
    with pytest.raises(GateClosedError, match="survey optout init"):
        wish(tmp_path / "missing.jsonl")
    with pytest.raises(GateClosedError, match="Is a directory"):
        read_log(tmp_path)


def test_full_disk_leaves_no_half_line(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish that does not fit is refused aloud, and the log stays readable."""
    before, write = log.read_bytes(), __import__("os").write
    monkeypatch.setattr("os.write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(GateClosedError, match="no room"):
        wish(log)
    assert log.read_bytes() == before


def test_the_form_of_a_line_stays(tmp_path: Path) -> None:
    """Scans that run while the program is renewed read what is added meanwhile."""
    log = tmp_path / "optouts.log"
    init_log(log)
    add(log, (ONE,), "them", "by mail", NOW, NOW, erase=True)

    assert log.read_text().splitlines()[1] == (
        '{"added_at": "2026-11-24T10:30:00+00:00", "after": "9320842a8e396cbf", "by": "them", '
        '"ranges": ["192.0.2.0-192.0.2.127"], "received_at": "2026-11-24T10:30:00+00:00", '
        '"verified": "by mail", "erase": true}'
    )
