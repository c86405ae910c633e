"""What sources of contacts answered: one table per data directory, replaced whole (law 10).

So nobody is asked twice what was just answered.
"""

import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.model.address import Range
from survey.model.contact import ContactSource
from survey.model.contact_answer import BLOCK_BITS, Answer, AnswerState, Mailbox
from survey.storage.files import private_folder, replacing
from survey.storage.layout import Layout
from survey.storage.schemas import CONTACT_ANSWERS

Key = tuple[ContactSource, Range]


class ContactAnswers:
    """The answers of a data directory, with those that are not written down yet; for any thread."""

    def __init__(self, layout: Layout) -> None:
        """Read them.

        Raises:
            StorageError: The table is damaged.
        """
        self._layout = layout
        self._lock = threading.Lock()
        self._new: dict[Key, Answer] = {}
        # none is about more than one block, so few need to be looked at for an address
        self._blocks: dict[tuple[ContactSource, int], dict[Range, Answer]] = {}
        for one in _read(layout):
            self._keep(one)

    @property
    def unsaved(self) -> int:
        """How many are not written down yet."""
        return len(self._new)

    def of(self, source: ContactSource, ip: int) -> Answer | None:
        """The last answer of a source that holds for an address; the narrowest of equals."""
        with self._lock:
            near = self._blocks.get((source, ip >> BLOCK_BITS), {})
            found = [one for about, one in near.items() if ip in about]
        return max(found, key=lambda one: (one.asked_at, -len(one.about)), default=None)

    def add(self, answer: Answer) -> None:
        """Keep one, instead of what was known of the same addresses."""
        with self._lock:
            self._keep(answer)
            self._new[answer.source, answer.about] = answer

    def _keep(self, answer: Answer) -> None:
        assert answer.about.start >> BLOCK_BITS == answer.about.end >> BLOCK_BITS, answer.about
        block = answer.source, answer.about.start >> BLOCK_BITS
        self._blocks.setdefault(block, {})[answer.about] = answer

    def save(self) -> None:
        """Write down what is new, beside what others wrote meanwhile.

        Raises:
            StorageError: It can't be written.
        """
        with self._lock:
            new, self._new = self._new, {}
        if not new:
            return
        path = self._layout.contact_answers
        with _locked(path.with_suffix(".lock")):
            rows = {(one.source, one.about): one for one in _read(self._layout)} | new
            table = pa.Table.from_pylist(
                [row for key in sorted(rows, key=_order) for row in _rows(rows[key])],
                schema=CONTACT_ANSWERS,
            )
            with replacing(path) as part:
                pq.write_table(table, part, compression="zstd")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Whoever writes meanwhile waits; it does not take long."""
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _order(key: Key) -> tuple[Range, str]:
    return key[1], key[0]


def _rows(answer: Answer) -> Iterator[dict[str, Any]]:
    """One row per mailbox, or one that names none."""
    for place, one in enumerate(answer.mailboxes or (None,)):
        yield {
            "range_start": answer.about.start,
            "range_end": answer.about.end,
            "source": answer.source.value,
            "state": answer.state.value,
            "place": place,
            "email": one and one.email,
            "name": one and one.name,
            "language": one and one.language,
            "server": answer.server,
            "trouble": answer.trouble,
            "since": answer.since,
            "asked_at": answer.asked_at,
        }


def _read(layout: Layout) -> Iterable[Answer]:
    path = layout.contact_answers
    if not path.is_file():
        return ()
    try:
        rows = pq.read_table(path, schema=CONTACT_ANSWERS).to_pylist()
        return _answers(rows)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise StorageError(f"{path}: is no table of contacts ({error}); remove it") from error


def _answers(rows: list[dict[str, Any]]) -> list[Answer]:
    found: dict[Key, list[dict[str, Any]]] = {}
    for row in rows:
        about = Range(row["range_start"], row["range_end"])
        found.setdefault((ContactSource(row["source"]), about), []).append(row)
    return [_answer(source, about, some) for (source, about), some in found.items()]


def _answer(source: ContactSource, about: Range, rows: list[dict[str, Any]]) -> Answer:
    first = rows[0]
    return Answer(
        source=source,
        about=about,
        state=AnswerState(first["state"]),
        mailboxes=tuple(
            Mailbox(row["email"], row["name"] or "", row["language"] or "")
            for row in sorted(rows, key=lambda row: row["place"])
            if row["email"] is not None
        ),
        server=first["server"],
        trouble=first["trouble"],
        since=first["since"],
        asked_at=first["asked_at"],
    )
