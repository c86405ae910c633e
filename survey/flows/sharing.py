"""A data directory that is a copy of a URL: brought up to date, and with one coordinator."""

from dataclasses import dataclass

from survey.errors import BusyError
from survey.settings import Settings
from survey.storage.layout import Layout, RunLayout
from survey.storage.remote import Remote
from survey.storage.working_copy import Exchanged, WorkingCopy

_OFFICE = "coordinators"


def fetch(settings: Settings, run: RunLayout | None = None) -> int:
    """Fetch what others wrote, of one run if given; how many files, none if the data are a folder.

    Raises:
        StorageError: The URL can't be used.
    """
    if not settings.url:
        return 0
    below = run.root.relative_to(settings.data).as_posix() if run else ""
    return _copy(settings).fetch(below)


def put(settings: Settings) -> int:
    """Put what was written here; how many files.

    Raises:
        StorageError: The URL can't be used, or another machine wrote the same table.
    """
    return _copy(settings).put() if settings.url else 0


def exchange(settings: Settings) -> Exchanged:
    """Fetch what others wrote, then put what was written here.

    Raises:
        StorageError: As of ``put``.
    """
    return _copy(settings).exchange() if settings.url else Exchanged()


def _copy(settings: Settings) -> WorkingCopy:
    return WorkingCopy(Layout(settings.data), Remote(settings.url))


@dataclass(frozen=True, slots=True)
class Office:
    """Which coordinators a URL has had: one at a time, each with a number (law 5).

    Attributes:
        remote: The URL, or None where the data are a folder and its lock is enough.
        copy: Tells this machine's copy apart.
        last: The highest number until now.
    """

    remote: Remote | None
    copy: str
    last: int

    def take(self, epoch: int) -> None:
        """Take office under a number, by one conditional put.

        Raises:
            BusyError: Somebody else did at the same moment.
        """
        if self.remote is None:
            return
        try:
            self.remote.create(f"{_OFFICE}/{epoch:06d}", self.copy.encode())
        except FileExistsError as error:
            raise BusyError(
                f"{self.remote.url}: another coordinator began at this moment; wait for it"
            ) from error

    def leave(self, epoch: int) -> None:
        """Say that none of its leases can be alive any more."""
        if self.remote is not None:
            self.remote.create(f"{_OFFICE}/{epoch:06d}.over", b"")


def open_office(settings: Settings) -> Office:
    """The office at the URL, if nobody on another machine is in it.

    A coordinator of this copy that died held this directory's lock, which we hold now.

    Raises:
        BusyError: A coordinator on another machine did not end cleanly; its leases may be alive.
    """
    if not settings.url:
        return Office(None, "", 0)
    copy = _copy(settings)
    remote = Remote(settings.url)
    names = remote.names(_OFFICE)
    numbers = [int(name.rpartition("/")[2]) for name in names if not name.endswith(".over")]
    last = max(numbers, default=0)
    if last and f"{_OFFICE}/{last:06d}.over" not in names:
        holder = remote.read(f"{_OFFICE}/{last:06d}").decode("ascii", "replace")
        if holder != copy.id:
            raise BusyError(
                f"{settings.url}: a coordinator on another machine is at work, or died; resume it "
                f"there, or see that it is dead, wait a minute, and remove {_OFFICE}/{last:06d}"
            )
    return Office(remote, copy.id, last)
