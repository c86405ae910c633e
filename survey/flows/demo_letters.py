"""The demo's letters: planned, shown, approved, sent to a real mail server, answered, tested again.

What a person would do with ``survey notify`` and ``survey retest``, for every agency of the lab.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.cluster.executor import Executor
from survey.errors import SurveyError
from survey.flows.case_contacts import Contacts
from survey.flows.case_view import view_letter
from survey.flows.cases import CaseDesk, open_desk
from survey.flows.coordinator import OnProgress
from survey.flows.deliver import means_of, open_ledger
from survey.flows.dispatches import Means
from survey.flows.judge import judge
from survey.flows.letter_answers import read_answers
from survey.flows.letter_approval import approve
from survey.flows.letter_means import answers_from, letter_means, letter_post, lot_of, way_out
from survey.flows.letter_plan import plan_letters
from survey.flows.letter_sending import send_letters
from survey.flows.lifecycle import trace
from survey.flows.retest import Target, retest_targets
from survey.lab.mailroom import HOST, Mailroom
from survey.model.case import CaseState, Closing, OutboxLetter
from survey.model.letter import LetterState
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.files import private_folder, replace_text
from survey.storage.keys import LETTERS, make_key
from survey.storage.layout import Layout
from survey.storage.suppression_list import init_list

PORT = 12540
CERTIFICATE = "mail-server.pem"
SHOWN = ("es", "ja", "pt")
"""Languages whose first letter is written down to be looked at."""
BY = "the demo"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Office:
    """Where the demo's letters are written.

    Attributes:
        settings: Where data, keys and agencies are.
        outgoing: ``outgoing.toml``.
        contacts: ``contacts.toml``.
        mailroom: The lab's mail server.
    """

    settings: Settings
    outgoing: Path
    contacts: Path
    mailroom: Mailroom


@dataclass(frozen=True, slots=True)
class Letters:
    """What came of the letters.

    Attributes:
        cases: Cases opened.
        sent: First notices sent.
        languages: In how many languages.
        bounced: Of those, how many nobody reads.
        answered: Of those, how many a person answered.
        closed: Cases that a test of an answer's wish found closed.
        thanked: Letters of thanks sent.
        shown: Some of the letters, as plain text.
    """

    cases: int
    sent: int
    languages: int
    bounced: int
    answered: int
    closed: int
    thanked: int
    shown: tuple[Path, ...]


def furnish(settings: Settings, folder: Path, optouts: Path, hosts: Path) -> Office:
    """Write everything that letters need into the demo's folder."""
    make_key(settings.keys, LETTERS)
    mail = private_folder(folder / "mail")
    mailroom = Mailroom(PORT, folder / CERTIFICATE, mail / "delivered", mail / "desk")
    office = Office(settings, folder / "outgoing.toml", folder / "contacts.toml", mailroom)
    replace_text(office.outgoing, _outgoing(mailroom))
    replace_text(office.contacts, _contacts(optouts, hosts))
    init_list(folder / "suppressed.log")
    return office


def write_letters(
    office: Office,
    plan: Plan,
    executor: Executor,
    say: Say,
    on_progress: OnProgress,
) -> Letters:
    """Tell every operator of the lab, read what comes back, and test again what was closed."""
    means = means_of(office.settings, office.outgoing)
    ledger = open_ledger(office.settings, means)
    try:
        post = _Post(office, means, plan)
        desk = open_desk(
            office.settings, ledger, Contacts(office.settings, office.contacts), plan.campaign
        )
        cases = post.plan(desk)
        shown = post.show(desk)
        languages = post.approve(desk)
        sent = post.send(desk)
        say(f"letters: {sent:,} sent about {cases:,} cases, in {languages} languages")
        post.read(desk)
        letters = desk.outbox.letters(plan.campaign)
        bounced = [one for one in letters if one.state is LetterState.BOUNCED]
        answered = {one.case for one in letters if one.state is LetterState.ANSWERED}
        say(f"letters: {len(bounced):,} came back, {len(answered):,} were answered; testing again")
        post.test_again(desk, answered, executor, on_progress)
        post.plan(desk)
        closed = [
            one
            for one in desk.cases.all(plan.campaign)
            if one.state is CaseState.CLOSED and one.closed_by is Closing.RETEST
        ]
        post.approve(desk)
        thanked = post.send(desk)
        say(f"letters: {len(closed):,} cases closed by a new test; {thanked:,} thanked")
        return Letters(
            cases, sent, languages, len(bounced), len(answered), len(closed), thanked, shown
        )
    finally:
        ledger.close()


class _Post:
    """The steps, as commands would make them."""

    def __init__(self, office: Office, means: Means, plan: Plan) -> None:
        self._office, self._means, self._plan = office, means, plan

    def plan(self, desk: CaseDesk) -> int:
        """Cases by the newest verdicts, and what is due of each."""
        settings = self._office.settings
        trace(settings, self._plan.campaign)
        plan_letters(
            desk,
            letter_means(settings, self._means),
            lambda agency, campaign, number, now: lot_of(settings, agency, campaign, number, now),
            _now(),
        )
        return len(desk.cases.all(self._plan.campaign))

    def show(self, desk: CaseDesk) -> tuple[Path, ...]:
        """One letter in each of some languages, as plain text."""
        layout, shown = Layout(self._office.settings.data), []
        for language in SHOWN:
            waiting = self._waiting(desk)
            letter = next((one for one in waiting if one.language == language), None)
            if letter is None:
                raise SurveyError(f"the demo's lab has nobody to write to in {language!r}")
            view = view_letter(layout, desk.ledger, letter.case, letter.kind)
            path = layout.letters(self._plan.campaign) / f"shown.{language}.txt"
            replace_text(path, f"{view.subject}\n\n{view.text}")
            shown.append(path)
        return tuple(shown)

    def approve(self, desk: CaseDesk) -> int:
        """Every letter that waits, each for its agency; in how many languages."""
        waiting = self._waiting(desk)
        for one in waiting:
            agency = desk.cases.get(one.case).key.agency
            approve(desk, one.case, one.sha256, agency=agency, by=BY, kind=one.kind, now=_now())
        return len({one.language for one in waiting})

    def send(self, desk: CaseDesk) -> int:
        """What is approved."""
        way = way_out(self._office.settings, self._means)
        done = asyncio.run(send_letters(desk, way, letter_post(self._means), really=True))
        return len(done.sent)

    def read(self, desk: CaseDesk) -> None:
        """What came back."""
        key = letter_means(self._office.settings, self._means).key
        read_answers(desk.ledger, desk.reach, key, answers_from(self._means), _now())

    def test_again(
        self,
        desk: CaseDesk,
        cases: Iterable[str],
        executor: Executor,
        on_progress: OnProgress,
    ) -> None:
        """The targets of these cases, since their operators wish it."""
        asked = set(cases)
        targets = {
            Target(one.ip, one.port)
            for one in desk.cases.findings(self._plan.campaign)
            if one.case in asked and one.left_at is None
        }
        settings = self._office.settings
        retest_targets(settings, self._plan, targets, executor, on_progress)
        judge(settings, self._plan.campaign, self._plan.run)

    def _waiting(self, desk: CaseDesk) -> list[OutboxLetter]:
        letters = desk.outbox.letters(self._plan.campaign)
        return [one for one in letters if one.state is LetterState.PLANNED]


def _now() -> datetime:
    return datetime.now(UTC)


def _outgoing(mailroom: Mailroom) -> str:
    return f"""\
# The lab's mail server, which this demo started; nothing else is reached.  Keys: docs/outbox.md.
[mail]
host = "{HOST}"
port = {mailroom.port}
authority = "{mailroom.certificate.name}"
sender = "reports@lab.example"
name = "Survey of the lab"
reply_to = "survey@lab.example"
recipients = []

[letters]
per_day = 10000
per_domain_per_day = 100
maildir = {json.dumps(str(mailroom.desk))}
"""


def _contacts(optouts: Path, hosts: Path) -> str:
    return f"""\
# Whom letters about the lab go to: the contacts that were imported.  Keys: docs/contacts.md.
kind = "lab"
page = "https://lab.example/"
contact = "survey@lab.example"
suppressed = "suppressed.log"
optouts = {json.dumps(str(optouts))}

[names]
hosts = {json.dumps(str(hosts))}
"""
