"""Cases by rules: opened, filled, split, merged, closed and opened again (docs/cases.md).

Each rule brings the ledger to what the tables say now and writes one transaction; whatever is
broken off is done by the next call.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from survey.flows.case_contacts import Reach, agency_for
from survey.flows.case_facts import Facts, Life, Proven, gather, kind_of
from survey.flows.runs import all_runs, newest_run
from survey.model.agency import Agency
from survey.model.case import (
    Case,
    CaseFinding,
    CaseKey,
    CaseState,
    Closing,
    Happened,
    Test,
)
from survey.model.contact import Contact
from survey.model.episode import REGRESSION_DAYS
from survey.model.letter import LetterState
from survey.model.plan import Plan
from survey.notify.permission import obstacle
from survey.settings import Settings
from survey.storage.agencies import read_agencies
from survey.storage.cases import Cases
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox

AGAIN = timedelta(days=REGRESSION_DAYS)
"""What opens again within it opens its case again; later it is another case."""

_NOT_BEGUN = {LetterState.PLANNED, LetterState.APPROVED}


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """What work on the cases of one campaign needs.

    Attributes:
        settings: Where things are.
        ledger: Where cases and letters are written down.
        cases: The cases in it.
        outbox: The letters in it.
        plan: The run whose findings open cases: the newest judged one.
        plans: All runs of the campaign.
        agencies: Who takes part.
        reach: Who may be written to.
    """

    settings: Settings
    ledger: Ledger
    cases: Cases
    outbox: Outbox
    plan: Plan
    plans: tuple[Plan, ...]
    agencies: tuple[Agency, ...]
    reach: Reach

    @property
    def layout(self) -> Layout:
        """Where the tables are."""
        return Layout(self.settings.data)

    def agency(self, id_: str) -> Agency | None:
        """The agency of that id, if it still takes part."""
        return next((one for one in self.agencies if one.id == id_), None)


def open_desk(
    settings: Settings,
    ledger: Ledger,
    reach: Reach,
    campaign: str,
    run: str | None = None,
) -> CaseDesk:
    """Everything that work on a campaign's cases needs.

    Raises:
        ConfigError: There is no such campaign or run, or an agency's file is wrong.
    """
    return CaseDesk(
        settings,
        ledger,
        Cases(ledger),
        Outbox(ledger),
        newest_run(settings, campaign, run),
        tuple(plan for plan in all_runs(settings) if plan.campaign == campaign),
        read_agencies(settings.agencies),
        reach,
    )


@dataclass
class Changes:
    """What the rules did; counts only.

    Attributes:
        cases: By what happened to how many cases.
        left_out: Reproduced findings that are in no case, by why.
    """

    cases: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def facts_of(desk: CaseDesk) -> Facts:
    """What the tables say now of the desk's campaign."""
    known = [(one.run, one.test) for one in desk.cases.findings(desk.plan.campaign)]
    return gather(desk.layout, desk.plans, known, desk.plan)


def refresh(desk: CaseDesk, facts: Facts, now: datetime) -> Changes:
    """Bring the cases to what the tables say; within ``ledger.exclusive()``.

    May be broken off anywhere and called again.
    """
    changes = Changes()
    _opted_out(desk, facts, now, changes)
    _opened_again(desk, facts, now, changes)
    while _moved(desk, facts, now, changes):
        pass  # each turn brings findings home, and none leaves its home again
    _found(desk, facts, now, changes)
    _closed(desk, facts, now, changes)
    return changes


class _Board:
    """A campaign's cases with what they have now, as one rule finds them."""

    def __init__(self, desk: CaseDesk) -> None:
        campaign = desk.plan.campaign
        self.cases = desk.cases.all(campaign)
        self.findings: dict[str, list[CaseFinding]] = defaultdict(list)
        for one in desk.cases.findings(campaign):
            if one.left_at is None:
                self.findings[one.case].append(one)
        # a kind that is suppressed will never go out again, so it counts as begun, too
        self.begun = {
            one.case for one in desk.outbox.letters(campaign) if one.state not in _NOT_BEGUN
        }
        self.homes = {
            case.key: case
            for case in reversed(self.cases)
            if case.state is CaseState.OPEN and case.frozen_at is None
        }
        """Of each key, the case that still takes findings."""

    def having(self, state: CaseState) -> Iterator[tuple[Case, list[CaseFinding]]]:
        """Cases in a state, and their findings."""
        return ((case, self.findings[case.number]) for case in self.cases if case.state is state)


def _opted_out(desk: CaseDesk, facts: Facts, now: datetime, changes: Changes) -> None:
    """Who opts out is in no case any more, whatever is open there."""
    board = _Board(desk)
    for case, findings in (*board.having(CaseState.OPEN), *board.having(CaseState.CLOSED)):
        gone = [one.test for one in findings if one.ip in facts.optouts]
        if gone:
            desk.cases.leave(case, gone, now, "opted out")
            changes.cases[Happened.LEFT] += 1


def _moved(desk: CaseDesk, facts: Facts, now: datetime, changes: Changes) -> bool:
    """Findings go where their operator is: another case of that key, or a new one.

    Returns:
        Whether a case was passed over, since others' findings had just come into it.
    """
    board = _Board(desk)
    filled: set[str] = set()
    passed_over = False
    held = list(board.having(CaseState.OPEN))
    contacts = desk.reach.contacts({one.ip for _, findings in held for one in findings}, now)
    for case, findings in held:
        if case.number in filled:
            passed_over = True  # the next turn knows all that it has now
            continue
        begun = case.number in board.begun
        groups: dict[CaseKey, list[CaseFinding]] = defaultdict(list)
        templates: dict[CaseKey, Case] = {}
        for one in findings:
            like = _template(desk, facts, one.test, contacts.get(one.ip), now)
            if like is None or (begun and like.key.email == case.key.email):
                continue  # nobody is known now, or our letter went there already
            if like.key != case.key:
                groups[like.key].append(one)
                templates[like.key] = like
        for key, moving in groups.items():
            whole = len(moving) == len(findings)
            why = "another contact" if key.email != case.key.email else "another agency or network"
            home = board.homes.get(key)
            if home is None and whole and not begun:
                board.homes.pop(case.key, None)
                board.homes[key] = desk.cases.readdress(case, templates[key], now, why)
                changes.cases[Happened.CONTACT] += 1
                continue
            target = home or templates[key]
            home = board.homes[key] = desk.cases.move(case, target, moving, now, why)
            filled.add(home.number)
            changes.cases[Happened.MERGED if whole else Happened.SPLIT] += 1
    return passed_over


def _found(desk: CaseDesk, facts: Facts, now: datetime, changes: Changes) -> None:
    """What was reproduced lately and is in no case comes into one."""
    board = _Board(desk)
    ports = {
        (one.ip, one.port, kind_of(one.probe)): case
        for case, findings in board.having(CaseState.OPEN)
        for one in findings
    }
    waiting = _waiting(board, facts, now, changes)
    contacts = desk.reach.contacts({ip for ip, _, _ in waiting}, now)
    for test, found in waiting.items():
        finding = _finding(test, found, now)
        port = test[0], test[1], kind_of(test[2])
        if port in ports:  # another test of a port that a case has: it is no other door
            desk.cases.add(ports[port], [finding], now)
            changes.cases[Happened.FOUND] += 1
            continue
        like = _template(desk, facts, test, contacts.get(test[0]), now)
        if like is None:
            changes.left_out["no agency" if test[0] in contacts else "no contact"] += 1
            continue
        home = board.homes.get(like.key)
        if home is None:
            home = desk.cases.open(like, [finding])
            changes.cases[Happened.OPENED] += 1
        else:
            home = desk.cases.add(home, [finding], now)
            changes.cases[Happened.FOUND] += 1
        board.homes[like.key] = ports[port] = home


def _waiting(board: _Board, facts: Facts, now: datetime, changes: Changes) -> dict[Test, Proven]:
    """The findings that may open a case now and are in none."""
    taken = {
        one.test
        for state in (CaseState.OPEN, CaseState.CLOSED)
        for case, findings in board.having(state)
        for one in findings
        if not _is_past(case, now)  # if it opens again, its own case does
    }
    waiting: dict[Test, Proven] = {}
    for test in sorted(facts.newest - taken):
        found, life = facts.proven[test], facts.life(test)
        if obstacle(found.server, now):
            changes.left_out["proven more than 72 hours ago"] += 1
        elif life is not None and (life.is_fixed or life.closed_at is not None):
            changes.left_out["found closed since"] += 1
        else:
            waiting[test] = found
    return waiting


def _closed(desk: CaseDesk, facts: Facts, now: datetime, changes: Changes) -> None:
    """Nothing of it is open: every episode ended, or a test that was asked for says so."""
    for case, findings in _Board(desk).having(CaseState.OPEN):
        lives = [life for one in findings if (life := facts.life(one.test)) is not None]
        if not findings:
            why, since = Closing.OPTED_OUT, now
        elif len(lives) < len(findings) or not all(life.is_over for life in lives):
            continue
        else:
            why = _why_closed(lives)
            since = max(life.closed_at or life.ended_at or now for life in lives)
        desk.cases.close(case, why, since, now)
        changes.cases[Happened.CLOSED] += 1


def _why_closed(lives: list[Life]) -> Closing:
    if any(life.is_lost for life in lives):
        return Closing.LOST
    return Closing.FIXED if all(life.is_fixed for life in lives) else Closing.RETEST


def _opened_again(desk: CaseDesk, facts: Facts, now: datetime, changes: Changes) -> None:
    """A case whose fix did not last; and one that a single test closed is confirmed."""
    for case, findings in _Board(desk).having(CaseState.CLOSED):
        lives = [life for one in findings if (life := facts.life(one.test)) is not None]
        if any(not life.is_over for life in lives):
            if not _is_past(case, now):
                desk.cases.reopen(case, now, "proven open again")
                changes.cases[Happened.REOPENED] += 1
        elif case.closed_by is not Closing.RETEST or _why_closed(lives) is not Closing.FIXED:
            continue
        elif desk.cases.confirm(case, now):
            changes.cases[Happened.CONFIRMED] += 1


def _is_past(case: Case, now: datetime) -> bool:
    return case.closed_at is not None and now - case.closed_at > AGAIN


def _template(
    desk: CaseDesk, facts: Facts, test: Test, contact: Contact | None, now: datetime
) -> Case | None:
    """The case that a finding would open now, without a number; None if nobody can be told."""
    found = facts.proven.get(test)
    if found is None or contact is None:
        return None
    server = found.server
    agency = agency_for(desk.agencies, server)
    if agency is None:
        return None
    return Case(
        number="",
        key=CaseKey(
            desk.plan.campaign, agency.id, contact.email, server.asn, kind_of(server.probe)
        ),
        contact_name=contact.name,
        language=contact.language,
        source=f"{contact.source}: {contact.server or contact.snapshot}",
        found_at=contact.found_at,
        network=server.network,
        state=CaseState.OPEN,
        opened_at=now,
        changed_at=now,
    )


def _finding(test: Test, found: Proven, now: datetime) -> CaseFinding:
    ip, port, probe = test
    proven_at = found.server.proven_at
    assert proven_at is not None, "what has no proof opens no case"
    return CaseFinding("", ip, port, probe, found.run, now, proven_at)
