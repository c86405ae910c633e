"""Which table it is that a library can't read, and what to do about it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.storage.layout import Layout

_JUDGED = {"findings", "hosts", "checks"}
_FOLLOWED = {"episodes"}


def damaged_table(layout: Layout) -> StorageError | None:
    """The first table that has no whole footer, as an error with its cure; None if all have one.

    A file that was cut off, or is something else, is found so; looked for only after a library's
    own error, which names no file or fills a page.
    """
    for path in sorted(layout.root.rglob("*.parquet")):
        try:
            pq.read_metadata(path)
        except FileNotFoundError:
            continue  # somebody works here, and has made it anew
        except (OSError, pa.ArrowException) as error:
            why = str(error).partition("\n")[0].partition(".")[0]
            return StorageError(f"{path}: can't be read ({why}); {_cure(layout, path)}")
    return None


def _cure(layout: Layout, path: Path) -> str:
    """Most tables are made of others, and can be made again."""
    first, *rest = path.relative_to(layout.root).parts
    match first, len(rest):
        case "campaigns", 3 if path.stem in _JUDGED:
            again = f"`survey findings CAMPAIGN.toml --run {rest[1]}`"
        case "campaigns", 2 if path.stem in _FOLLOWED:
            again = "`survey episodes CAMPAIGN.toml`"
        case "registries", _:
            again = "`survey registry import` with the file that it was made of"
        case _:
            return "put it back from a backup"
    return f"take it away and run {again}, or put it back from a backup"
