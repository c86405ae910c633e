"""Who was sent a message is on disk before it leaves, whatever becomes of the attempt."""

from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.model.address import parse_ip
from survey.storage.layout import RunLayout
from survey.storage.messages import all_messages, note_message, read_messages

ONE, OTHER = parse_ip("192.0.2.7"), parse_ip("192.0.2.77")


def test_messages_are_counted_by_address(tmp_path: Path) -> None:
    """Over all attempts at the shard."""
    path = tmp_path / "messages" / "shard-000000.log"
    assert read_messages(path) == {}
    for ip in (ONE, OTHER, ONE):
        note_message(path, ip)
    assert read_messages(path) == {ONE: 2, OTHER: 1}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_was_never_sent(tmp_path: Path) -> None:
    """Whoever tears it dies before the message leaves; half an address is nobody's."""
    path = tmp_path / "shard-000000.log"
    note_message(path, OTHER)
    whole = path.read_bytes()
    for cut in range(len(whole) - 2):
        path.write_bytes(whole[:cut])
        assert read_messages(path) == {}
        note_message(path, ONE)
        assert read_messages(path) == {ONE: 1}


def test_a_run_s_messages_are_those_of_its_rounds_too(tmp_path: Path) -> None:
    """The limit is one per run."""
    run = RunLayout(tmp_path)
    assert all_messages(run) == {}
    note_message(run.messages(0), ONE)
    note_message(run.messages(3), OTHER)
    note_message(run.round(1).messages(0), ONE)
    assert all_messages(run) == {ONE: 2, OTHER: 1}


def test_without_a_note_nothing_is_sent(tmp_path: Path) -> None:
    """It raises, and whoever wanted to send does not."""
    (tmp_path / "messages").write_text("in the way")
    with pytest.raises(StorageError):
        note_message(tmp_path / "messages" / "shard-000000.log", ONE)
