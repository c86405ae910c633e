"""The contents of letters on the disk: what was approved, and no other bytes."""

import hashlib
from pathlib import Path

from survey.errors import StorageError
from survey.flows.letter_content import Content
from survey.model.case import Case, OutboxLetter
from survey.model.letter import LetterKind
from survey.storage.files import replacing
from survey.storage.layout import Layout


def content_path(layout: Layout, letter: OutboxLetter) -> Path:
    """Where a letter's content lies."""
    return layout.root / letter.content


def write_content(layout: Layout, case: Case, kind: LetterKind, content: Content) -> str:
    """Put a content on the disk under the name that its hash makes; its path below the data."""
    folder = layout.letters(case.key.campaign) / "outbox"
    path = folder / f"{case.number}-{kind}-{content.sha256[:16]}.eml"
    with replacing(path) as part:
        part.write_bytes(content.data)
    return str(path.relative_to(layout.root))


def read_content(layout: Layout, letter: OutboxLetter) -> bytes:
    """A letter's content, and no other.

    Raises:
        StorageError: It is gone or changed.
    """
    path = content_path(layout, letter)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: the letter's content is gone ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != letter.sha256:
        raise StorageError(f"{path}: is not what was planned")
    return data


def is_there(layout: Layout, letter: OutboxLetter) -> bool:
    """Whether a letter's content lies there as it was planned."""
    try:
        read_content(layout, letter)
    except StorageError:
        return False
    return True
