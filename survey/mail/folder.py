"""Files into a folder: written beside, then given their name in one step that never clobbers."""

import hashlib
import os
from pathlib import Path

from survey.mail.carrier import NotTakenError
from survey.mail.door import Door
from survey.model.dispatch import Dispatch
from survey.storage.files import sync_folder

_READABLE = 0o640
"""The receiver is another user of the same group."""


class Folder:
    """One folder.

    Args:
        folder: Where.
        door: Who may be reached.
        takes_away: Whether the receiver removes what it has taken.
    """

    def __init__(self, folder: Path, door: Door, *, takes_away: bool) -> None:
        door.folder(folder)
        self._folder, self._takes_away = folder, takes_away

    async def prepare(self, dispatch: Dispatch, data: bytes) -> None:
        """Write it under another name, on the disk."""
        try:
            part = self._part(dispatch)
            part.unlink(missing_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _READABLE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._folder)
        except OSError as error:
            raise NotTakenError(f"{self._folder}: {error.strerror}", final=False) from error

    async def hand_over(self, dispatch: Dispatch, data: bytes) -> str:
        """Give it its name."""
        path, part = self._folder / dispatch.part, self._part(dispatch)
        try:
            os.link(part, path)  # unlike a rename, a link never clobbers
            part.unlink()
            sync_folder(self._folder)
        except FileExistsError:
            if await self.ask(dispatch):
                return "was there already, the same"
            raise
        except OSError as error:
            raise NotTakenError(f"{path}: {error.strerror}", final=False) from error
        return f"{len(data)} bytes as {path}"

    async def ask(self, dispatch: Dispatch) -> bool | None:
        """Whether it lies there."""
        path, part = self._folder / dispatch.part, self._part(dispatch)
        try:
            there = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            # the second name goes only after the first was given
            return None if self._takes_away and not part.exists() else False
        except OSError as error:
            raise NotTakenError(f"{path}: {error.strerror}", final=False) from error
        if there != dispatch.sha256:
            raise NotTakenError(f"{path}: another file has that name", final=True)
        part.unlink(missing_ok=True)
        return True

    async def close(self) -> None:
        """Nothing is open."""

    def _part(self, dispatch: Dispatch) -> Path:
        return self._folder / f".{dispatch.part}.{dispatch.id[:12]}.part"
