"""The lot by which a case waits for its letter, and by which letters differ.

Every lot is a keyed hash of campaign, agency and case number: nobody can choose it, nobody can
foresee it without the key, and whoever has the key can show later that it was kept.  Each question
has a hash of its own, so that the arms are balanced and independent of one another.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from survey.errors import ConfigError
from survey.model.agency import Agency
from survey.model.experiment import OPERATORS, Draw, Group, Medium, Wording
from survey.notify.letter import written

Arm = TypeVar("Arm")

_FINE = 2**64
_SPACE = b"\x1f"


def draw(key: bytes, agency: Agency, campaign: str, number: str, now: datetime) -> Draw:
    """What the lot says for one case; the same for the same case whenever it is asked.

    Without an experiment that the agency signed and that is in force on that day (UTC), every case
    is told at once in the usual form, and ``experiment`` is "".

    Args:
        key: The key ``storage.keys.EXPERIMENT``.
        agency: In whose name the letter goes.
        campaign: Campaign id.
        number: The case's number.
        now: UTC; from here on the case waits, if it does.

    Raises:
        ConfigError: The experiment names a language that no letter is written in.
    """
    signed = agency.experiment
    if signed is None or not signed.on(now.astimezone(UTC).date()):
        return Draw("", now)
    check_languages(agency)

    def lot(question: str) -> float:
        parts = (part.encode() for part in (question, campaign, agency.id, number))
        digest = hmac.digest(key, _SPACE.join(parts), sha256)
        return int.from_bytes(digest[:8]) / _FINE

    def arm(question: str, arms: Sequence[Arm], usual: Arm) -> Arm:
        return arms[int(lot(question) * len(arms))] if arms else usual

    waits = lot("group") < signed.share
    return Draw(
        experiment=signed.reference,
        drawn_at=now,
        group=Group.HELD_OUT if waits else Group.TOLD,
        until=now + timedelta(days=arm("days", signed.days, 0)) if waits else None,
        language=arm("language", signed.languages, OPERATORS),
        medium=arm("medium", signed.media, Medium.TEXT),
        wording=arm("wording", signed.wordings, Wording.FINDINGS_FIRST),
    )


def check_languages(agency: Agency) -> None:
    """Whether a letter is written in every language that an agency's experiment names.

    Raises:
        ConfigError: In one of them there is none.
    """
    known = written()
    for tag in agency.experiment.languages if agency.experiment else ():
        if tag != OPERATORS and tag not in known:
            raise ConfigError(
                f"{agency.id}.toml",
                "experiment.languages",
                f"no letter is written in {tag!r}",
                f"{OPERATORS!r}, or one of {', '.join(known)}",
            )
