"""``survey notify plan``: cases by their rules, then the letter of each that is due.

What is to be sent is written down, content first, before anybody is asked to approve it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from survey.errors import MessageError
from survey.flows.case_facts import Facts
from survey.flows.cases import CaseDesk, Changes, facts_of, refresh
from survey.flows.letter_content import (
    Content,
    Means,
    compose,
    open_since,
    recipient_of,
    servers_of,
)
from survey.flows.letter_files import content_path, is_there, write_content
from survey.flows.letter_following import follow, prove_again
from survey.model.agency import Agency
from survey.model.case import Case, CaseFinding, CaseState, Closing, Happened, OutboxLetter
from survey.model.contact import Contact
from survey.model.experiment import Draw
from survey.model.letter import LetterKind, LetterState
from survey.notify.due import due_step
from survey.storage.audit import record

_OPEN = {LetterState.PLANNED, LetterState.APPROVED}
_MANY = 20

Lot = Callable[[Agency, str, str, datetime], Draw]
"""What the lot says for a case: agency, campaign, case number, now."""


@dataclass(frozen=True, slots=True)
class LetterPlan:
    """What a plan did; counts only, nothing about a host.

    Attributes:
        campaign: Campaign id.
        run: The run whose findings open cases.
        cases: By what happened to how many cases.
        left_out: Reproduced findings that are in no case, by why.
        letters: Letters that were planned, or planned anew.
        waiting: Cases that have nothing due now, by why.
        queued: Tests that wait for approved letters: none is sent without a proof of 24 hours.
        suppressed: Letters that will not go out any more.
    """

    campaign: str
    run: str
    cases: dict[str, int]
    left_out: dict[str, int]
    letters: dict[str, int]
    waiting: dict[str, int]
    queued: int
    suppressed: int


def plan_letters(desk: CaseDesk, means: Means, lot: Lot, now: datetime) -> LetterPlan:
    """Bring cases up to date and write down what is to be sent; may be called again at any time.

    Raises:
        BusyError: Somebody else works on the ledger.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
        StorageError: A table is damaged.
    """
    with desk.ledger.exclusive():
        facts = facts_of(desk)
        changes = refresh(desk, facts, now)
        work = _Planning(desk, facts, means, lot, now)
        for case in desk.cases.all(desk.plan.campaign):
            work.on(case)
        queued = prove_again(desk, work.needed, now)
        follow(desk, now)
    return _summary(desk, changes, work, queued)


class _Planning:
    """One case after the other; keeps count."""

    def __init__(
        self,
        desk: CaseDesk,
        facts: Facts,
        means: Means,
        lot: Lot,
        now: datetime,
    ) -> None:
        self._desk, self._facts, self._means, self._now = desk, facts, means, now
        self._lot = lot
        campaign = desk.plan.campaign
        self._findings: dict[str, list[CaseFinding]] = {}
        for one in desk.cases.findings(campaign):
            if one.left_at is None:
                self._findings.setdefault(one.case, []).append(one)
        self._letters: dict[str, dict[LetterKind, OutboxLetter]] = {}
        for letter in desk.outbox.letters(campaign):
            self._letters.setdefault(letter.case, {})[letter.kind] = letter
        self.planned: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.suppressed = 0
        self.needed: list[CaseFinding] = []
        """Findings that must be proven again before something is sent."""

    def on(self, case: Case) -> None:
        """Draw its lot, plan what is due, and take back what is not any more."""
        letters = self._letters.get(case.number, {})
        findings = self._findings.get(case.number, [])
        agency = self._desk.agency(case.key.agency)
        if case.state is CaseState.OPEN and case.draw is None and agency is not None:
            draw = self._lot(agency, case.key.campaign, case.number, self._now)
            case = self._desk.cases.draw(case, draw, self._now)
        since = open_since(self._facts, findings, letters)
        step = due_step(case, letters, since, self._now)
        self._take_back(case, letters)
        if step is None:
            if case.state is CaseState.OPEN:
                self.waiting[self._why_waiting(case, letters)] += 1
            return
        try:
            recipient = recipient_of(self._desk, self._facts, case, findings, step.kind)
            content = self._compose(case, findings, step.kind, letters, recipient)
        except MessageError as error:
            self.waiting[str(error).partition(": ")[2] or str(error)] += 1
            return
        self._plan(case, step.kind, letters.get(step.kind), content, recipient)
        mine = letters.get(step.kind)
        if case.state is CaseState.OPEN and mine and mine.state is LetterState.APPROVED:
            self.needed += findings  # not sooner: a relay can be asked three times in a run

    def _plan(
        self,
        case: Case,
        kind: LetterKind,
        before: OutboxLetter | None,
        content: Content,
        recipient: Contact,
    ) -> None:
        if before is not None and is_there(self._desk.layout, before):
            approved = before.state is LetterState.APPROVED
            if before.facts == content.facts if approved else before.sha256 == content.sha256:
                return  # what was approved still holds, or nothing is new
        letter = OutboxLetter(
            case=case.number,
            kind=kind,
            state=LetterState.PLANNED,
            recipient=recipient.email,
            language=content.mail.language,
            sha256=content.sha256,
            facts=content.facts,
            content=write_content(self._desk.layout, case, kind, content),
            tests=content.tests,
            message_id=_message_id(content),
            planned_at=self._now,
            changed_at=self._now,
        )
        self._desk.outbox.plan(letter, self._now, f"content {content.sha256[:16]}")
        if before is not None and before.content != letter.content:
            content_path(self._desk.layout, before).unlink(missing_ok=True)
        self.planned[kind] += 1

    def _take_back(self, case: Case, letters: Mapping[LetterKind, OutboxLetter]) -> None:
        """What was planned and will never have a reason again does not go out.

        What is planned for a case that is closed waits: the case may be opened again.
        """
        answered = any(one.state is LetterState.ANSWERED for one in letters.values())
        for kind, letter in letters.items():
            if case.stopped:
                why = "the operator wants no letters"
            elif case.state is CaseState.MERGED or case.closed_by is Closing.OPTED_OUT:
                why = f"the case is {case.closed_by or case.state}"
            elif answered and kind in {LetterKind.REMINDER, LetterKind.ESCALATION}:
                why = "a person answered"
            else:
                continue
            if letter.state in _OPEN:
                self._desk.outbox.mark(
                    letter, LetterState.SUPPRESSED, Happened.SUPPRESSED, self._now, detail=why
                )
                content_path(self._desk.layout, letter).unlink(missing_ok=True)
                self.suppressed += 1

    def _compose(
        self,
        case: Case,
        findings: Sequence[CaseFinding],
        kind: LetterKind,
        letters: Mapping[LetterKind, OutboxLetter],
        recipient: Contact,
    ) -> Content:
        if kind is LetterKind.FIRST_NOTICE and not servers_of(self._facts, case, findings):
            raise MessageError(f"{case.number}: none of it is proven any more")
        return compose(
            self._desk,
            self._facts,
            case,
            findings,
            kind,
            letters,
            self._means,
            recipient,
            self._now,
        )

    @staticmethod
    def _why_waiting(case: Case, letters: Mapping[LetterKind, OutboxLetter]) -> str:
        first = letters.get(LetterKind.FIRST_NOTICE)
        if case.stopped:
            return "the operator wants no letters"
        if first is None:
            held = case.draw is not None and case.draw.until is not None
            return "held out by lot" if held else "its agency takes part no more"
        return {
            LetterState.SUPPRESSED: "its first notice will not go out",
            LetterState.SENDING: "its first notice is in doubt",
            LetterState.BOUNCED: "bounced, and nothing new to say yet",
            LetterState.ANSWERED: "a person answered",
        }.get(first.state, "told, nothing new to say yet")


def _message_id(content: Content) -> str:
    """As ``build_message`` writes it."""
    domain = content.mail.sender.address.rpartition("@")[2]
    return f"{content.mail.reference}@{domain}"


def _summary(desk: CaseDesk, changes: Changes, work: _Planning, queued: int) -> LetterPlan:
    done = LetterPlan(
        campaign=desk.plan.campaign,
        run=desk.plan.run,
        cases=dict(changes.cases),
        left_out=dict(changes.left_out),
        letters=dict(work.planned),
        waiting=dict(work.waiting.most_common(_MANY)),
        queued=queued,
        suppressed=work.suppressed,
    )
    if done.letters:
        asked = f"campaign={done.campaign} run={done.run} letters={sum(done.letters.values())}"
        record(desk.layout, "letters planned", asked)
    return done
