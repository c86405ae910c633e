"""Keys are made once, kept private, and refused when they are not."""

import stat
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.storage.keys import KEY_BYTES, make_key, read_key


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    """The second making gives the first key."""
    folder = tmp_path / "keys"

    key = make_key(folder, "token")

    assert len(key) == KEY_BYTES
    assert make_key(folder, "token") == read_key(folder, "token") == key
    assert make_key(folder, "other") != key
    assert stat.S_IMODE((folder / "token.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_missing_key_says_how_to_make_it(tmp_path: Path) -> None:
    """The cure is in the error."""
    with pytest.raises(ConfigError, match=r"token\.key.*survey keys init"):
        read_key(tmp_path, "token")


def test_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Law 8: keys are 0600 files."""
    make_key(tmp_path, "token")
    (tmp_path / "token.key").chmod(0o640)

    with pytest.raises(ConfigError, match="chmod 600"):
        read_key(tmp_path, "token")


@pytest.mark.parametrize("text", ["", "secret", "00ff", "zz" * 32])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    """A short or damaged key is never used."""
    path = tmp_path / "token.key"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="not a key"):
        read_key(tmp_path, "token")
