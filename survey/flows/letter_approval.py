"""An agency approves letters that go out in its name: who, when, and exactly which content."""

import re
from datetime import datetime

from survey.errors import ConfigError
from survey.flows.cases import CaseDesk
from survey.flows.letter_files import read_content
from survey.flows.letter_following import prove_again
from survey.model.case import Case, Happened, OutboxLetter
from survey.model.letter import LetterKind, LetterState
from survey.storage.audit import record

_HASH = re.compile(r"[0-9a-f]{16,64}")


def approve(
    desk: CaseDesk,
    number: str,
    content: str,
    *,
    agency: str,
    by: str,
    kind: LetterKind | None = None,
    now: datetime,
) -> OutboxLetter:
    """One letter may go out as it is; on the disk when this returns.

    What it tells of is queued to be proven again, if its last proof is older than a day.

    Args:
        desk: The desk of its campaign.
        number: The case's number.
        content: The content's SHA-256 as the preview shows it, 16 hex digits at least.
        agency: Which agency approves; it must be the case's.
        by: Who approves for it.
        kind: Which letter; None if only one is planned.
        now: UTC.

    Raises:
        ConfigError: There is no such letter, it is another agency's, nothing is to be approved, or
            its content is another by now.
        StorageError: Its content is gone or changed.
    """
    if not by.strip():
        raise ConfigError("--by", "", "is empty", "say who approves for the agency")
    with desk.ledger.exclusive():
        case = desk.cases.get(number)
        letter = _planned(desk, case, kind)
        if case.key.agency != agency:
            raise ConfigError(
                "--agency", "", f"{number} is not {agency!r}'s", f"it is {case.key.agency}'s"
            )
        if not _HASH.fullmatch(content) or not letter.sha256.startswith(content):
            raise ConfigError(
                "--content",
                "",
                f"{content[:64]!r} is not what {number} would send now",
                "look at it again with `survey notify preview --case`, and approve what it shows",
            )
        read_content(desk.layout, letter)
        asked = f"case={number} letter={letter.kind} content={letter.sha256[:16]} agency={agency}"
        record(desk.layout, "letter approved", asked, who=by, now=now)
        if letter.kind is LetterKind.FIRST_NOTICE:
            desk.cases.freeze(case, now)
        approved = desk.outbox.mark(
            letter,
            LetterState.APPROVED,
            Happened.APPROVED,
            now,
            detail=f"content {letter.sha256[:16]}",
            by=by,
            approved_by=by,
            approved_at=now,
            approved_sha256=letter.sha256,
        )
        if letter.kind is not LetterKind.THANKS:
            prove_again(desk, desk.cases.findings_of(number), now)
        return approved


def _planned(desk: CaseDesk, case: Case, kind: LetterKind | None) -> OutboxLetter:
    found = [
        one
        for one in desk.outbox.letters(case=case.number)
        if one.state is LetterState.PLANNED and kind in {None, one.kind}
    ]
    if len(found) != 1:
        raise ConfigError(
            "CASE",
            "",
            f"{case.number} has {len(found)} letters that wait for an approval",
            "see `survey notify status`, and name one with --letter",
        )
    return found[0]
