"""The letters of a case, and how far each one is on its way."""

from enum import StrEnum


class LetterKind(StrEnum):
    """Which letter of a case; each is sent once for ever.

    Its values name the folders of the texts below ``notify/letters``.
    """

    FIRST_NOTICE = "first_notice"
    REMINDER = "reminder"
    THANKS = "thanks"
    ESCALATION = "escalation"


class LetterState(StrEnum):
    """How far a letter is; the last four are ends, but a sent one may still bounce or be answered.

    ``sending`` is written down before the first byte leaves: a letter found in it was broken off,
    and it is not known whether it went out.
    """

    PLANNED = "planned"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"
    ANSWERED = "answered"
    SUPPRESSED = "suppressed"
