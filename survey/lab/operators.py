"""The operators of the lab, as those who write to them know them: each reacts in a way of its own.

What an operator sends back is mail as it comes from strangers' programs: an answer, an automatic
reply (RFC 3834), a delivery report (RFC 3464).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.utils import format_datetime, make_msgid
from enum import StrEnum

from survey.lab.draws import Draws

MAIL_HOST = "mail.lab.example"
"""Who writes delivery reports."""


class Reaction(StrEnum):
    """What the owner of a mailbox does about a letter."""

    CLOSES = "closes"
    """Closes every server that the letter names, answers, and asks for a test."""
    AWAY = "away"
    """A program answers that nobody is there."""
    GONE = "gone"
    """There is no such mailbox."""
    SILENT = "silent"


_HOW_OFTEN = (
    (Reaction.CLOSES, 0.45),
    (Reaction.SILENT, 0.25),
    (Reaction.GONE, 0.15),
    (Reaction.AWAY, 0.15),
)


def reaction_of(draws: Draws, address: str) -> Reaction:
    """How the owner of a mailbox reacts; always the same in one world."""
    return draws.weigh(_HOW_OFTEN, "mailbox", address.lower())


@dataclass(frozen=True, slots=True)
class Got:
    """A letter as it came to a mailbox.

    Attributes:
        sender: The envelope's sender.
        recipient: The mailbox.
        message: The letter.
    """

    sender: str
    recipient: str
    message: EmailMessage

    def answer(self) -> EmailMessage:
        """What a person answers who has closed the server."""
        back = self._back(str(self.message["Reply-To"] or self.message["From"]), self.recipient)
        back["Subject"] = f"Re: {_line(self.message['Subject'])}"
        back.set_content("Thank you. We have closed it; please test it again.\n")
        return back

    def automatic_reply(self) -> EmailMessage:
        """What a program answers for somebody who is away."""
        back = self._back(self.sender, self.recipient)
        back["Subject"] = f"Out of office: {_line(self.message['Subject'])}"
        back["Auto-Submitted"] = "auto-replied"
        back["Precedence"] = "bulk"
        back.set_content("I am away and read mail again in two weeks.\n")
        return back

    def delivery_report(self) -> EmailMessage:
        """That there is no such mailbox."""
        back = self._back(self.sender, f"Mail Delivery System <MAILER-DAEMON@{MAIL_HOST}>")
        back["Subject"] = "Undelivered Mail Returned to Sender"
        back["Auto-Submitted"] = "auto-replied"
        back.set_content(f"<{self.recipient}>: there is no such mailbox here.\n")
        back.make_mixed()
        back.replace_header("Content-Type", 'multipart/report; report-type="delivery-status"')
        status = EmailMessage()
        status["Content-Type"] = "message/delivery-status"
        of_all, of_one = Message(), Message()
        of_all["Reporting-MTA"] = f"dns; {MAIL_HOST}"
        of_one["Final-Recipient"] = f"rfc822; {self.recipient}"
        of_one["Action"] = "failed"
        of_one["Status"] = "5.1.1"
        of_one["Diagnostic-Code"] = "smtp; 550 5.1.1 no such mailbox"
        status.set_payload([of_all, of_one])
        back.attach(status)
        heads = EmailMessage()
        heads["Content-Type"] = "text/rfc822-headers"
        heads.set_payload("".join(f"{name}: {text}\r\n" for name, text in self._heads()))
        back.attach(heads)
        return back

    def _heads(self) -> Iterator[tuple[str, str]]:
        """Some of the letter's own header lines, as they came."""
        for name, text in self.message.raw_items():
            if name in {"From", "To", "Subject", "Message-ID", "Date"}:
                yield name, text

    def _back(self, to: str, sender: str) -> EmailMessage:
        back = EmailMessage()
        back["From"] = sender
        back["To"] = to
        back["Date"] = format_datetime(datetime.now(UTC))
        back["Message-ID"] = make_msgid(domain=MAIL_HOST)
        if self.message["Message-ID"]:
            back["In-Reply-To"] = str(self.message["Message-ID"])
            back["References"] = str(self.message["Message-ID"])
        return back


def _line(text: object) -> str:
    """On one line, however it was folded."""
    return " ".join(str(text or "").split())
