"""What all files of one report have in common."""

from dataclasses import dataclass
from datetime import datetime

from survey.model.agency import Agency

SCHEMA_VERSION = "1.1"
"""Of the columns and fields of all feeds; docs/feeds.md has the history.  A new field raises the
second number, a changed or removed one the first."""


@dataclass(frozen=True, slots=True)
class About:
    """The report that a feed belongs to.

    Attributes:
        agency: Whose it is.
        campaign: Campaign id.
        run: Run id.
        operator: Who runs the survey, one line.
        contact: The operation's staffed mailbox.
        page: The operation's page.
        started_at: Start of the run's first part, UTC.
        finished_at: End of its last part, UTC; its day is in the files' names.
        generated_at: When the files were made, UTC.
    """

    agency: Agency
    campaign: str
    run: str
    operator: str
    contact: str
    page: str
    started_at: datetime
    finished_at: datetime
    generated_at: datetime

    @property
    def domain(self) -> str:
        """Of the operation's mailbox."""
        return self.contact.rpartition("@")[2]

    def file(self, what: str, ending: str) -> str:
        """``2026-11-24-<what>-<agency>-<run>-TLP_AMBER.<ending>``.

        No dot or blank before the ending: tools take Shadowserver's names apart so, and find the
        type between the third and the fourth hyphen.
        """
        mark = self.agency.tlp.translate(str.maketrans(":+", "__"))
        return f"{self.finished_at:%Y-%m-%d}-{what}-{self.agency.id}-{self.run}-{mark}.{ending}"
