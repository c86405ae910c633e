"""Mail to our staff."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from survey.canary import postmaster
from survey.canary.postmaster import KEPT_DAYS, PostmasterFolder

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_message_is_kept_private_and_whole(tmp_path: Path) -> None:
    """0600 in a 0700 folder, with the envelope sender on top."""
    folder = tmp_path / "postmaster"

    assert PostmasterFolder(folder).keep(b"Subject: stop\r\n\r\nplease\r\n", b"a@example.com", NOW)

    (path,) = folder.iterdir()
    assert path.name.startswith("20261123T120000")
    assert path.read_bytes() == b"Return-Path: <a@example.com>\r\nSubject: stop\r\n\r\nplease\r\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_sender_can_not_write_header_lines(tmp_path: Path) -> None:
    """A hostile sender stays one line."""
    PostmasterFolder(tmp_path).keep(b"\r\n", b"a\r\nBcc: b>\0\xff", NOW)

    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"Return-Path: <aBcc: b>\r\n\r\n"


def test_full_folder_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spam to postmaster can't fill the disk."""
    monkeypatch.setattr(postmaster, "MOST_MESSAGES", 2)
    folder = PostmasterFolder(tmp_path)

    kept = [folder.keep(b"x\r\n", b"", NOW) for _ in range(3)]

    assert kept == [True, True, False]
    assert len(list(tmp_path.iterdir())) == 2


def test_old_messages_go(tmp_path: Path) -> None:
    """What is past its time is removed, the rest stays, and so do files that are not ours."""
    folder = PostmasterFolder(tmp_path)
    folder.keep(b"old\r\n", b"", NOW)
    (old,) = tmp_path.iterdir()
    folder.keep(b"new\r\n", b"", NOW)
    (tmp_path / "notes.txt").write_text("mine")
    past = (NOW - timedelta(days=KEPT_DAYS, seconds=1)).timestamp()
    os.utime(old, (past, past))
    os.utime(tmp_path / "notes.txt", (past, past))

    folder.expire(NOW)

    assert not old.exists()
    assert len(list(tmp_path.iterdir())) == 2


def test_missing_folder_has_nothing_to_expire(tmp_path: Path) -> None:
    """Before the first message there is no folder."""
    PostmasterFolder(tmp_path / "none").expire(NOW)

    assert not (tmp_path / "none").exists()
