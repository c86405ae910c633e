"""People's mailboxes are looked at and left as they are."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_imap import MadeImap, imap_server
from made_receivers import make_certificate

from survey.errors import ConfigError, StorageError
from survey.mail.mailbox_source import LOOKED_BACK, Imap, Maildir

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _maildir(folder: Path, *names: str) -> Path:
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    for name in names:
        path = folder / name
        path.write_bytes(f"Subject: {path.name}\n\nx\n".encode())
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return folder


def test_maildir_is_read_whole_and_left_as_it_is(tmp_path: Path) -> None:
    """Seen or not, each under the name that it keeps when somebody reads it."""
    folder = _maildir(tmp_path / "m", "new/1.a", "cur/2.b:2,S")
    before = sorted(str(path) for path in folder.rglob("*"))
    found = [(name, fetch()) for name, fetch in Maildir(folder).messages(NOW)]
    assert found == [("1.a", b"Subject: 1.a\n\nx\n"), ("2.b", b"Subject: 2.b:2,S\n\nx\n")]
    assert sorted(str(path) for path in folder.rglob("*")) == before


def test_old_messages_are_not_looked_at(tmp_path: Path) -> None:
    """What we remember of them is gone, too."""
    folder = _maildir(tmp_path / "m", "new/1.a")
    assert not list(Maildir(folder).messages(NOW + LOOKED_BACK + timedelta(days=1)))


def test_message_that_is_taken_away_meanwhile_is_empty(tmp_path: Path) -> None:
    """Somebody works in the mailbox."""
    folder = _maildir(tmp_path / "m", "new/1.a")
    ((_, fetch),) = Maildir(folder).messages(NOW)
    (folder / "new" / "1.a").unlink()
    assert fetch() == b""


def test_folder_that_is_no_maildir_is_refused(tmp_path: Path) -> None:
    """With the cure."""
    with pytest.raises(ConfigError, match="name the folder with new and cur"):
        list(Maildir(tmp_path).messages(NOW))


def _imap(box: MadeImap, pem: Path | None, password: str) -> Imap:
    return Imap("localhost", box.port, pem, "desk", password, "INBOX")


def test_imap_is_read_over_verified_tls_and_left_as_it_is(tmp_path: Path) -> None:
    """Opened for reading, and no flag is set."""
    pem = make_certificate(tmp_path)
    with imap_server(MadeImap([b"Subject: a\r\n\r\nx\r\n", b"Subject: b\r\n\r\n"]), pem) as box:
        found = [(name, fetch()) for name, fetch in _imap(box, pem, box.password).messages(NOW)]
    assert found == [
        ("localhost/INBOX/7/1", b"Subject: a\r\n\r\nx\r\n"),
        ("localhost/INBOX/7/2", b"Subject: b\r\n\r\n"),
    ]
    assert any(one.startswith('EXAMINE "INBOX"') for one in box.said)
    assert any("SINCE 27-Sep-2026" in one for one in box.said)
    assert all("PEEK" in one for one in box.said if "FETCH" in one)
    assert not [one for one in box.said if "STORE" in one or one.startswith("SELECT")]


def test_server_that_nobody_vouches_for_hears_no_password(tmp_path: Path) -> None:
    """Its certificate is its own."""
    pem = make_certificate(tmp_path)
    with (
        imap_server(MadeImap(), pem) as box,
        pytest.raises(StorageError, match="can't be read"),
    ):
        list(_imap(box, None, box.password).messages(NOW))
    assert box.said == []


def test_wrong_password_is_one_line(tmp_path: Path) -> None:
    """And an error of ours, not a traceback."""
    pem = make_certificate(tmp_path)
    with (
        imap_server(MadeImap(), pem) as box,
        pytest.raises(StorageError, match="the mailbox can't be read"),
    ):
        list(_imap(box, pem, "guess").messages(NOW))
