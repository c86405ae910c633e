"""Files are whole or not there, and private."""

import stat
from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.storage.files import creating, private_folder, replace_text, replacing


def _fail_half_way(part: Path) -> None:
    part.write_text("half")
    raise ZeroDivisionError


def test_created_file_is_private_and_alone(tmp_path: Path) -> None:
    """0600 in a 0700 folder, without leftovers."""
    path = tmp_path / "deep" / "er" / "table.parquet"

    with creating(path) as part:
        part.write_text("whole")

    assert path.read_text() == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_nothing_has_the_name_before_the_end(tmp_path: Path) -> None:
    """A reader never meets half a file, nor a name that a glob for tables would find."""
    path = tmp_path / "table.parquet"

    with creating(path) as part:
        assert not path.exists()
        assert part.name.endswith(".part")


def test_first_creator_wins(tmp_path: Path) -> None:
    """The second is told, and leaves nothing."""
    path = tmp_path / "table.parquet"
    with creating(path) as part:
        part.write_text("first")

    with pytest.raises(FileExistsError), creating(path) as part:
        part.write_text("second")

    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("way", [creating, replacing])
def test_failed_writer_leaves_nothing(tmp_path: Path, way: object) -> None:
    """An error in the middle leaves the folder as it was."""
    assert callable(way)

    with pytest.raises(ZeroDivisionError), way(tmp_path / "table.parquet") as part:
        _fail_half_way(part)

    assert list(tmp_path.iterdir()) == []


def test_failed_replacement_keeps_the_old_content(tmp_path: Path) -> None:
    """The old file stays until the new one is whole."""
    path = tmp_path / "word.json"
    replace_text(path, "old")

    with pytest.raises(ZeroDivisionError), replacing(path) as part:
        _fail_half_way(part)

    assert path.read_text() == "old"


def test_text_is_replaced_whole(tmp_path: Path) -> None:
    """The second text is there, and nothing of the first."""
    path = tmp_path / "word.json"

    replace_text(path, "a long first text")
    replace_text(path, "ñ")

    assert path.read_text(encoding="utf-8") == "ñ"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the way gives one clear line."""
    (tmp_path / "data").write_text("a file")

    with pytest.raises(StorageError, match="data: can't make"):
        private_folder(tmp_path / "data" / "shards")
