"""Which files hold the arrivals that the canary has rolled."""

import re
from pathlib import Path

from survey.storage.layout import Layout

_ROLLED = re.compile(r"^\d{4}-\d{2}-\d{2}\.parquet$")


def arrival_files(layout: Layout) -> tuple[Path, ...]:
    """One Parquet file per day, oldest first; temporary and foreign files are passed over."""
    if not layout.arrivals.is_dir():
        return ()
    return tuple(sorted(path for path in layout.arrivals.iterdir() if _ROLLED.match(path.name)))
