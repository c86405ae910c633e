"""The one door through which letters leave: one mailbox each, never by the server it is about.

It is no way out to targets, and no report goes through it.  Who may be written to is decided letter
by letter, by the case and an agency's approval; what ``outgoing.toml`` says can only narrow it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from survey.errors import ConfigError, MessageError
from survey.mail.message import check_address
from survey.mail.submission import MailServer, Submission
from survey.model.address import format_ip


@dataclass(frozen=True, slots=True)
class LetterDoor:
    """Which letters may leave.

    Attributes:
        source: ``outgoing.toml``, for errors.
        host: Our mail server's name or address.
        only: If not empty: the only domains that may be written to.
    """

    source: Path
    host: str
    only: frozenset[str]

    def check(self, recipient: str, ips: Collection[int], names: Collection[str]) -> None:
        """Whether a letter about these servers may go to that mailbox by our mail server.

        Where its domain takes its mail is asked by whoever looks for contacts; here names and
        address literals are compared, which needs no question.

        Args:
            recipient: The mailbox.
            ips: The servers' addresses, as numbers.
            names: Their own names, as far as known.

        Raises:
            ConfigError: The file does not allow the domain.
            MessageError: The mailbox, or our way out, is at a server that the letter is about.
        """
        domain = check_address(recipient).rpartition("@")[2].lower()
        if self.only and domain not in self.only:
            raise ConfigError(
                self.source,
                "letters.only",
                f"does not have {domain!r}, so no letter goes there",
                "add it, or leave the key out",
            )
        theirs = {format_ip(ip) for ip in ips} | {one.rstrip(".").lower() for one in names}
        if _plain(self.host) in theirs:
            raise MessageError("our mail server is itself what the letter is about")
        if _plain(domain) in theirs:
            raise MessageError("the mailbox is at the server that the letter is about")


class LetterPost:
    """Letters by our mail server, each with an envelope sender of its own."""

    def __init__(self, server: MailServer, door: LetterDoor) -> None:
        self.door = door
        self._submission = Submission(server, None)

    async def name(self, sender: str, recipient: str, size: int) -> None:
        """As ``Submission.name``; whoever calls has asked the door."""
        await self._submission.name(sender, recipient, size)

    async def hand(self, data: bytes) -> str:
        """As ``Submission.hand``."""
        return await self._submission.hand(data)

    async def close(self) -> None:
        """Say goodbye."""
        await self._submission.close()


def _plain(place: str) -> str:
    return place.strip("[]").rstrip(".").lower()
