"""Every export of single hosts leaves a line."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.errors import StorageError
from survey.storage import audit
from survey.storage.layout import Layout


def test_line_says_who_when_what_and_which(tmp_path: Path) -> None:
    """Two exports are two lines, in a private file."""
    layout = Layout(tmp_path / "data")
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    audit.record(layout, "findings", "run 2026-W48\nforged", who="ana", now=now)
    audit.record(layout, "sql", "SELECT 1")
    first, second = map(json.loads, layout.audit.read_text().splitlines())

    assert first == {
        "at": "2026-11-23T09:00:00+00:00",
        "who": "ana",
        "what": "findings",
        "filter": "run 2026-W48\nforged",
    }
    assert second["who"]
    assert stat.S_IMODE(layout.audit.stat().st_mode) == 0o600


def test_without_a_line_nothing_is_exported(tmp_path: Path) -> None:
    """A log that can't be written is an error before the export."""
    layout = Layout(tmp_path)
    layout.audit.mkdir()

    with pytest.raises(StorageError, match="nothing is exported"):
        audit.record(layout, "findings", "")
