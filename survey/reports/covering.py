"""What the message says that brings a report: for whom, how marked, what is in it, whom to ask."""

from collections.abc import Sequence
from dataclasses import dataclass

from survey.model.agency import Agency
from survey.reports.compose import marking_meaning
from survey.reports.languages import Language


@dataclass(frozen=True, slots=True)
class Note:
    """The words of one message, in the agency's language.

    Attributes:
        subject: One line; begins with the marking, which is never translated.
        opening: Paragraphs above the list of files.
        files: A line for each file.
        closing: Paragraphs below it.
    """

    subject: str
    opening: tuple[str, ...]
    files: tuple[str, ...]
    closing: tuple[str, ...]


def covering_note(
    language: Language,
    agency: Agency,
    period: str,
    *,
    revision: int,
    files: Sequence[tuple[str, int]],
    reply_to: str,
) -> Note:
    """What a message says.

    Args:
        language: Of the agency.
        agency: Whose report.
        period: Of which period, as its folder is named.
        revision: 1, or which correction.
        files: Name and bytes of each attached file; the last is the manifest.
        reply_to: The mailbox that people read.
    """
    subject = language.say(
        "Secure Your Server: report %(period)s for %(agency)s", period=period, agency=agency.id
    )
    if revision > 1:
        anew = language.say("revision %(n)s", n=language.number(revision))
        subject += f" ({anew})"
    opening = language.say(
        "This is the report %(period)s for %(agency)s, marked %(tlp)s.",
        period=period,
        agency=agency.name,
        tlp=agency.tlp,
    )
    lists = language.say(
        "The SHA-256 of each file is in %(manifest)s. In the lists, all times are UTC. A server "
        "that was closed is in no later list with a later time.",
        manifest=files[-1][0],
    )
    questions = language.say(
        "Questions, corrections, wrong addresses: write to %(mailbox)s. People read it.",
        mailbox=reply_to,
    )
    return Note(
        subject=f"[{agency.tlp}] {subject}",
        opening=(opening, marking_meaning(language, agency.tlp)),
        files=tuple(
            language.say("%(name)s (%(n)s bytes)", name=name, n=language.number(size))
            for name, size in files
        ),
        closing=(lists, language.say("This report holds your jurisdiction only."), questions),
    )
