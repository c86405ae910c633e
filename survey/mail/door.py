"""The one door through which reports leave; it has its own list.

It is no way out to targets.  Who is not on the list is not dialled and not written to, whatever an
agency's file says.
"""

from dataclasses import dataclass
from pathlib import Path

from survey.errors import ConfigError
from survey.mail.message import check_address


@dataclass(frozen=True, slots=True)
class Door:
    """Who may be reached.

    Attributes:
        source: The file that says so, for the error.
        recipients: Domains of mailboxes.
        hosts: ``host:port`` of SFTP servers and stores.
        folders: Folders, with all that is below them.
    """

    source: Path
    recipients: frozenset[str]
    hosts: frozenset[str]
    folders: tuple[Path, ...]

    def mailbox(self, address: str) -> str:
        """The mailbox's domain, if we may write to it.

        Raises:
            ConfigError: We may not.
        """
        domain = check_address(address).rpartition("@")[2].lower()
        if domain not in self.recipients:
            raise ConfigError(
                self.source,
                "mail.recipients",
                f"does not have {domain!r}, so nothing is sent there",
                "add it, if reports may go there",
            )
        return domain

    def host(self, host: str, port: int) -> str:
        """``host:port``, if we may dial it.

        Raises:
            ConfigError: We may not.
        """
        place = f"{host}:{port}"
        if place not in self.hosts:
            raise ConfigError(
                self.source,
                "drops.hosts",
                f"does not have {place!r}, so nothing is put there",
                "add it, if reports may go there",
            )
        return place

    def folder(self, folder: Path) -> str:
        """The folder, if we may put files there.

        Raises:
            ConfigError: We may not.
        """
        real = folder.resolve()
        if not any(real.is_relative_to(one.resolve()) for one in self.folders):
            raise ConfigError(
                self.source,
                "drops.folders",
                f"has nothing above {str(folder)!r}, so nothing is put there",
                "add it, if reports may go there",
            )
        return str(real)
