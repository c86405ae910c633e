"""Which shards of a run are committed; readers take this list, never a bare glob.

The shard files are the truth and the manifest is a copy of their footers, so it can be rebuilt at
any time.  A reader's glob would also find torn or foreign files, and one of those fails a query.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from survey.errors import StorageError
from survey.model.assignment import Receipt
from survey.storage.files import replacing
from survey.storage.layout import SHARD_NAME, RunLayout
from survey.storage.receipt_text import receipt_from_content, receipt_to_content
from survey.storage.schemas import RECEIPTS
from survey.storage.shard_file import read_receipt


@dataclass(frozen=True, slots=True)
class Manifest:
    """The committed shards of one run, in order of shard."""

    shards: tuple[tuple[Path, Receipt], ...]

    def files(self) -> tuple[Path, ...]:
        """The Parquet files to read."""
        return tuple(path for path, _ in self.shards)

    def receipts(self) -> tuple[Receipt, ...]:
        """What each shard did."""
        return tuple(receipt for _, receipt in self.shards)

    @property
    def ended_at(self) -> datetime | None:
        """When the last of them was done, UTC; None if there is none."""
        return max((receipt.finished_at for receipt in self.receipts()), default=None)

    def receipts_table(self) -> pa.Table:
        """The receipts table (schema RECEIPTS)."""
        receipts = self.receipts()
        columns = {
            name: [getattr(receipt, name) for receipt in receipts] for name in RECEIPTS.names
        }
        return pa.Table.from_pydict(columns, schema=RECEIPTS)


def read_manifest(run: RunLayout) -> Manifest:
    """The committed shards as the coordinator last wrote them down; none before the first.

    Raises:
        StorageError: The manifest is damaged, or a file that it names is gone.
    """
    try:
        content = json.loads(run.manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Manifest(())
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{run.manifest}: can't be read ({error}); remove it and resume the scan"
        ) from error
    shards = []
    for item in content["shards"]:
        path = run.shards / str(item["file"])
        mark = _mark(path)
        if not mark:
            raise StorageError(f"{path}: is in the manifest but gone; restore it from your copy")
        # purged since, or restored: the file itself says what it holds
        same = item.get("mark") == mark
        receipt = receipt_from_content(item["receipt"], run.manifest)
        shards.append((path, receipt if same else read_receipt(path)))
    return Manifest(tuple(shards))


def write_manifest(run: RunLayout, receipts: Iterable[Receipt]) -> None:
    """Write down which shards are committed, line by line: there may be 20,000 of them."""
    ordered = sorted(receipts, key=lambda receipt: receipt.shard)
    with replacing(run.manifest) as part, part.open("w", encoding="utf-8") as file:
        file.write('{"shards": [')
        for place, receipt in enumerate(ordered):
            path = run.shard(receipt.shard)
            item = {"file": path.name, "mark": _mark(path), "receipt": receipt_to_content(receipt)}
            file.write((",\n" if place else "\n") + json.dumps(item))
        file.write("]}\n")


def committed(run: RunLayout, plan_hash: str) -> dict[int, Receipt]:
    """The receipts of every shard file that is there, by shard: the truth, from the footers.

    Files that are not named like shards (torn ``.part`` files, strangers) are passed over.

    Raises:
        StorageError: A shard file is damaged, or belongs to another plan.
    """
    found: dict[int, Receipt] = {}
    for path, receipt in shard_files(run).shards:
        name = SHARD_NAME.match(path.name)
        if receipt.plan_hash != plan_hash or not name or receipt.shard != int(name[1]):
            raise StorageError(
                f"{path}: belongs to another plan or shard; move it out of this folder"
            )
        found[receipt.shard] = receipt
    return found


def shard_files(run: RunLayout) -> Manifest:
    """Every shard file that is there, in the manifest or not yet.

    Raises:
        StorageError: A shard file is damaged.
    """
    if not run.shards.is_dir():
        return Manifest(())
    known = _remembered(run)
    paths = [path for path in sorted(run.shards.iterdir()) if SHARD_NAME.match(path.name)]
    return Manifest(tuple((path, known.get(path.name) or read_receipt(path)) for path in paths))


def _remembered(run: RunLayout) -> dict[str, Receipt]:
    """Receipts by file name, of the files that are still those that were written down."""
    try:
        content = json.loads(run.manifest.read_text(encoding="utf-8"))
        return {
            item["file"]: receipt_from_content(item["receipt"], run.manifest)
            for item in content["shards"]
            if item["mark"] == _mark(run.shards / str(item["file"]))
        }
    except (OSError, ValueError, KeyError, TypeError, StorageError):
        return {}  # none, damaged, or of an earlier version: the footers are asked instead


def _mark(path: Path) -> str:
    """What changes when another file takes this one's place."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"
