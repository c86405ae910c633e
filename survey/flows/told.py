"""From the ledger to who was told and who was held out: one table per campaign, for the analysis.

A case of an experiment counts with what it held when its lot was drawn, wherever its findings went
later; all others, and what came in later, with what their first letter told of.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from survey.model.case import Case, CaseFinding, OutboxLetter
from survey.model.episode import LETTER_DAYS
from survey.model.experiment import OPERATORS, Draw, Group, Medium, Wording
from survey.model.letter import LetterKind, LetterState
from survey.storage.cases import Cases
from survey.storage.files import replacing
from survey.storage.layout import Layout
from survey.storage.outbox import Outbox
from survey.storage.told import HELD_OUT_LABEL, NAME, TOLD, TOLD_LABEL

Row = dict[str, object]


def write_told(layout: Layout, cases: Cases, outbox: Outbox, campaign: str) -> int:
    """Write ``campaigns/<campaign>/told.parquet`` anew; how many rows it has.

    The same ledger makes the same table.  Call it after every lot, every letter, and whenever it is
    known what became of one.
    """
    letters = _first_letters(outbox, campaign)
    findings: dict[str, list[CaseFinding]] = {}
    for one in cases.findings(campaign):
        findings.setdefault(one.case, []).append(one)
    rows = [
        row
        for case in cases.all(campaign)
        for row in _rows(case, findings.get(case.number, []), letters.get(case.number))
    ]
    table = pa.Table.from_pylist(rows, TOLD).sort_by(
        [(name, "ascending") for name in ("case", "ip", "port")]
    )
    with replacing(layout.campaign(campaign) / NAME) as part:
        pq.write_table(table, part, compression="zstd")
    return len(rows)


def watched_from(cases: Cases, outbox: Outbox, campaign: str, now: datetime) -> dict[str, datetime]:
    """From when each case is tested again on days 1, 3, 7, 14 and 30, while that is not over.

    Who waits is tested on the same days as who was told, both from the lot on: who is asked more
    often is seen closed sooner.  Without a lot, the days count from the letter.
    """
    letters = _first_letters(outbox, campaign)
    found = {}
    for case in cases.all(campaign):
        letter = letters.get(case.number)
        drawn = case.draw is not None and case.draw.experiment
        start = case.draw.drawn_at if case.draw and drawn else _sent_at(letter)
        if start is not None and now - start <= timedelta(days=max(LETTER_DAYS)):
            found[case.number] = start
    return found


def _first_letters(outbox: Outbox, campaign: str) -> dict[str, OutboxLetter]:
    letters = outbox.letters(campaign)
    return {one.case: one for one in letters if one.kind is LetterKind.FIRST_NOTICE}


def _sent_at(letter: OutboxLetter | None) -> datetime | None:
    """When a letter went out; one that bounced at once went out, too."""
    if letter is None:
        return None
    bounced = letter.state is LetterState.BOUNCED
    return letter.sent_at or (letter.changed_at if bounced else None)


def _rows(case: Case, findings: list[CaseFinding], letter: OutboxLetter | None) -> Iterator[Row]:
    """One row for each exposure that the case was drawn or told with."""
    draw, sent_at = case.draw, _sent_at(letter)
    known = {**_letter(letter, sent_at), "campaign": case.key.campaign, "case": case.number}
    done: set[tuple[int, int]] = set()
    if draw is not None and draw.experiment:
        drawn = _drawn(draw, sent_at)
        for finding in findings:
            if _held(finding, draw.drawn_at) and finding.test[:2] not in done:
                done.add(finding.test[:2])
                yield {**_exposure(case, finding), **known, **drawn}
    if sent_at is None:
        return
    for finding in findings:
        if _held(finding, sent_at) and finding.test[:2] not in done:
            done.add(finding.test[:2])
            yield {**_exposure(case, finding), **known, **_undrawn(case.draw, sent_at)}


def _held(finding: CaseFinding, at: datetime) -> bool:
    """Whether it belonged to its case at a moment."""
    return finding.added_at <= at and (finding.left_at is None or finding.left_at > at)


def _exposure(case: Case, finding: CaseFinding) -> Row:
    return {
        "ip": finding.ip,
        "port": finding.port,
        "kind": case.key.kind.value,
        "agency": case.key.agency,
    }


def _letter(letter: OutboxLetter | None, sent_at: datetime | None) -> Row:
    """What became of it; nothing is known of one that was not sent."""
    bounced = letter is not None and letter.state is LetterState.BOUNCED
    return {
        "sent_at": sent_at,
        "delivered": None if sent_at is None else not bounced,
        "bounced": None if sent_at is None else bounced,
    }


def _drawn(draw: Draw, sent_at: datetime | None) -> Mapping[str, object]:
    held_out = draw.group is Group.HELD_OUT
    return {
        "started_at": draw.drawn_at if held_out else sent_at,
        "label": HELD_OUT_LABEL if held_out else TOLD_LABEL,
        "experiment": draw.experiment,
        "drawn_at": draw.drawn_at,
        "until": draw.until,
        "language": draw.language,
        "medium": draw.medium.value,
        "wording": draw.wording.value,
    }


def _undrawn(draw: Draw | None, sent_at: datetime) -> Mapping[str, object]:
    return {
        "started_at": sent_at,
        "label": TOLD_LABEL,
        "experiment": "",
        "drawn_at": None,
        "until": None,
        "language": draw.language if draw else OPERATORS,
        "medium": (draw.medium if draw else Medium.TEXT).value,
        "wording": (draw.wording if draw else Wording.FINDINGS_FIRST).value,
    }
