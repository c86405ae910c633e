"""Cases as an agency may see them: of each what lies in its jurisdiction, and no other."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from survey.model.address import Range, format_ip
from survey.model.agency import Agency
from survey.model.case import Case, CaseFinding, Happened, OutboxLetter
from survey.model.hostile import show_text
from survey.model.wish import Wish
from survey.portal.desk import (
    AnswerSheet,
    CaseEvent,
    CaseLetter,
    CaseRow,
    CaseServer,
    CaseSheet,
    Count,
    Page,
    Question,
)
from survey.storage.cases import Cases
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox
from survey.storage.wishes import Wishes

_NAME = 120
_BACK = {
    Happened.BOUNCED,
    Happened.ANSWERED,
    Happened.AUTO_REPLY,
    Happened.DELAYED,
    Happened.COMPLAINT,
    Happened.STOPPED,
}
"""What can come of a letter."""

Members = Callable[[str], frozenset[int]]
"""A run's id: those of its cases' addresses that are the agency's."""


@dataclass(frozen=True, slots=True)
class CaseStock:
    """All cases of a campaign at one moment.

    Attributes:
        cases: By number.
        findings: What each case has now.
        letters: Of each case.
        happened: How often what happened to which case.
        wishes: What was asked for on the cases' pages.
        addresses: Of each run, the addresses that its cases have.
    """

    cases: tuple[Case, ...]
    findings: Mapping[str, tuple[CaseFinding, ...]]
    letters: Mapping[str, tuple[OutboxLetter, ...]]
    happened: Mapping[tuple[str, Happened], int]
    wishes: tuple[Wish, ...]
    addresses: Mapping[str, frozenset[int]]


def take_stock(ledger: Ledger, campaign: str, since: datetime) -> CaseStock:
    """Read everything; wishes since a moment."""
    cases = Cases(ledger)
    findings: dict[str, list[CaseFinding]] = {}
    addresses: dict[str, set[int]] = {}
    for one in cases.findings(campaign):
        if one.left_at is None:
            findings.setdefault(one.case, []).append(one)
            addresses.setdefault(one.run, set()).add(one.ip)
    letters: dict[str, list[OutboxLetter]] = {}
    for letter in Outbox(ledger).letters(campaign):
        letters.setdefault(letter.case, []).append(letter)
    return CaseStock(
        cases=cases.all(campaign),
        findings={number: tuple(some) for number, some in findings.items()},
        letters={number: tuple(some) for number, some in letters.items()},
        happened=cases.happened(campaign),
        wishes=Wishes(ledger).since(since),
        addresses={run: frozenset(some) for run, some in addresses.items()},
    )


def case_page(
    stock: CaseStock, agency: Agency, members: Members, question: Question
) -> Page[CaseRow]:
    """The cases that a question is about, by number, behind its ``after``."""
    found: list[CaseRow] = []
    for case in stock.cases:
        if case.number <= question.after or question.asn not in {None, case.key.asn}:
            continue
        if question.state not in {None, case.state.value}:
            continue
        row = case_row(stock, agency, members, case)
        if row is None or not _fits(stock, case, row, question):
            continue
        if len(found) == question.limit:
            return Page(tuple(found), found[-1].number)
        found.append(row)
    return Page(tuple(found), "")


def case_row(stock: CaseStock, agency: Agency, members: Members, case: Case) -> CaseRow | None:
    """One case; None if nothing of it lies in the jurisdiction."""
    own = [one for one in stock.findings.get(case.number, ()) if one.ip in members(one.run)]
    if not own:
        return None
    ours = case.key.agency == agency.id
    return CaseRow(
        number=case.number,
        kind=case.key.kind.value,
        state=case.state.value,
        closed_by=case.closed_by.value if case.closed_by else None,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        asn=case.key.asn,
        network=show_text(case.network, _NAME),
        ours=ours,
        contact=show_text(case.key.email, 254) if ours else "",
        servers=tuple(
            CaseServer(format_ip(one.ip), one.port, one.probe.value, one.added_at, one.proven_at)
            for one in own
        ),
    )


def case_sheet(
    stock: CaseStock, ledger: Ledger, agency: Agency, members: Members, number: str
) -> CaseSheet | None:
    """One case with letters and history, if it is the agency's own."""
    case = next((one for one in stock.cases if one.number == number), None)
    row = None if case is None else case_row(stock, agency, members, case)
    if row is None:
        return None
    if not row.ours:
        return CaseSheet(row, (), ())
    letters = [
        CaseLetter(one.kind.value, one.state.value, one.sent_at)
        for one in stock.letters.get(number, ())
    ]
    # an event that names a finding may name one that is none of the agency's
    own = {(one.ip, one.port) for one in row.servers}
    history = [
        CaseEvent(one.at, one.what.value, one.letter.value if one.letter else None)
        for one in Cases(ledger).history(number)
        if one.test is None or (format_ip(one.test[0]), one.test[1]) in own
    ]
    return CaseSheet(row, tuple(letters), tuple(history))


def answer_sheet(stock: CaseStock, agency: Agency, members: Members) -> AnswerSheet:
    """What came of the letters in the agency's name."""
    own = [
        row
        for case in stock.cases
        if case.key.agency == agency.id and (row := case_row(stock, agency, members, case))
    ]
    numbers = {row.number for row in own}
    letters = [one for number in numbers for one in stock.letters.get(number, ())]
    answers: Counter[str] = Counter()
    for (number, what), times in stock.happened.items():
        if number in numbers and what in _BACK:
            answers[what.value] += times
    return AnswerSheet(
        cases=_counts(f"{row.state} {row.closed_by or ''}".strip() for row in own),
        letters=_counts(f"{one.kind} {one.state}" for one in letters),
        answers=tuple(Count(what, number) for what, number in sorted(answers.items())),
        wishes=_counts(one.kind.value for one in stock.wishes if one.case in numbers),
    )


def _fits(stock: CaseStock, case: Case, row: CaseRow, question: Question) -> bool:
    """Whether one of the servers that are shown lies where the question looks."""
    if question.addresses is None:
        return True
    shown = {one.ip for one in row.servers}
    ips = {one.ip for one in stock.findings[case.number] if format_ip(one.ip) in shown}
    return any(_within(ip, question.addresses) for ip in ips)


def _within(ip: int, parts: Iterable[Range]) -> bool:
    return any(ip in part for part in parts)


def _counts(words: Iterable[str]) -> tuple[Count, ...]:
    return tuple(Count(what, number) for what, number in sorted(Counter(words).items()))
