"""A worker proves what law 6 stands on before it may send."""

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from survey.errors import StorageError
from survey.storage.proof import prove


def test_good_folder_is_left_as_it_was(tmp_path: Path) -> None:
    """The proof leaves nothing behind."""
    prove(tmp_path / "shards")

    assert list((tmp_path / "shards").iterdir()) == []


def test_folder_without_hard_links_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems know no links."""
    monkeypatch.setattr(os, "link", Mock(side_effect=PermissionError(1, "Operation not permitted")))

    with pytest.raises(StorageError, match="hard links"):
        prove(tmp_path / "shards")


def test_folder_that_clobbers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems take a second file for the first."""
    monkeypatch.setattr(os, "link", os.replace)

    with pytest.raises(StorageError, match="took the name"):
        prove(tmp_path / "shards")
