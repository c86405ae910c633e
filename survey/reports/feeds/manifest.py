"""What belongs to a report: every file with its SHA-256, so that a reader can tell it is whole."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from survey.errors import StorageError
from survey.model.delivery import Format
from survey.reports.feeds.about import SCHEMA_VERSION, About

NAME = "manifest.json"

_TYPES = {
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a report.

    Attributes:
        name: Its name, without a folder.
        format: In which form.
        rows: How many findings it tells of one by one; None if of none.
        bytes: Its size.
        sha256: Of its bytes, hex.
    """

    name: str
    format: Format
    rows: int | None
    bytes: int
    sha256: str

    @property
    def media_type(self) -> str:
        """For a message or a store."""
        return _TYPES.get(Path(self.name).suffix, "application/octet-stream")


def entry(name: str, format_: Format, rows: int | None, data: bytes) -> Entry:
    """The line of one file."""
    return Entry(name, format_, rows, len(data), hashlib.sha256(data).hexdigest())


def manifest_text(about: About, entries: Sequence[Entry], *, tested: int, opted_out: int) -> str:
    """The manifest as JSON; it names no host, and of who opted out a count."""
    return (
        json.dumps(
            {
                "schema": f"survey-feeds/{SCHEMA_VERSION}",
                "agency": about.agency.id,
                "campaign": about.campaign,
                "run": about.run,
                "tlp": about.agency.tlp,
                "from": about.operator,
                "contact": about.contact,
                "started_at": f"{about.started_at:%Y-%m-%dT%H:%M:%SZ}",
                "finished_at": f"{about.finished_at:%Y-%m-%dT%H:%M:%SZ}",
                "generated_at": f"{about.generated_at:%Y-%m-%dT%H:%M:%SZ}",
                "addresses_tested": tested,
                "addresses_opted_out": opted_out,
                "files": [
                    {
                        "name": one.name,
                        "format": one.format.value,
                        "media_type": one.media_type,
                        "rows": one.rows,
                        "bytes": one.bytes,
                        "sha256": one.sha256,
                    }
                    for one in entries
                ],
            },
            ensure_ascii=False,
            indent=2,
        )
        + "\n"
    )


def read_manifest(folder: Path) -> tuple[Entry, ...]:
    """The files of a report that was made.

    Raises:
        StorageError: There is no report, or its manifest is damaged.
    """
    path = folder / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = tuple(
            Entry(one["name"], Format(one["format"]), one["rows"], one["bytes"], one["sha256"])
            for one in content["files"]
        )
    except FileNotFoundError as error:
        raise StorageError(f"{folder}: has no report; make it with `survey report`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: is damaged; make the report again") from error
    for one in entries:
        if Path(one.name).name != one.name:
            raise StorageError(f"{path}: names {one.name!r}, which is no plain file name")
    return entries


def read_file(folder: Path, one: Entry) -> bytes:
    """One file's bytes, if they are those that the manifest names.

    Raises:
        StorageError: They are not.
    """
    try:
        data = (folder / one.name).read_bytes()
    except OSError as error:
        raise StorageError(
            f"{folder / one.name}: can't be read ({error.strerror}); make the report again"
        ) from error
    if hashlib.sha256(data).hexdigest() != one.sha256:
        raise StorageError(
            f"{folder / one.name}: is not the file that {NAME} names; make the report again"
        )
    return data
