"""One coordinator per data directory."""

from pathlib import Path

import pytest

from survey.errors import BusyError
from survey.storage.lock import held


def test_second_holder_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    """The lock is told by its path, and free again afterwards."""
    path = tmp_path / "data" / "coordinator.lock"

    with held(path), pytest.raises(BusyError, match=r"coordinator\.lock"), held(path):
        pass
    with held(path):
        pass
