"""``survey notify bounces``: what came back is read, matched to letters, and written down once.

A letter is surely meant where its token stands: in the address that the message came to, in what it
answers, or in what it reports.  Who only names a case may be anybody: that closes no mouth and
stops no letter, unless it comes from the operator's own domain.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from survey.errors import ConfigError
from survey.flows.case_contacts import Reach
from survey.flows.letter_settling import went_out
from survey.mail.incoming import read_incoming
from survey.mail.mailbox_source import Source
from survey.model.case import Case, Happened, OutboxLetter
from survey.model.incoming import Incoming, IncomingKind
from survey.model.letter import LetterKind, LetterState
from survey.notify.bounced import is_dead
from survey.notify.letter_token import read_token
from survey.storage.cases import Cases
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox

_WENT = {LetterState.SENT, LetterState.BOUNCED, LetterState.ANSWERED}


@dataclass(frozen=True, slots=True)
class Answers:
    """What was read; counts only, nothing about a host or a person.

    Attributes:
        read: New messages, by kind.
        matched: Of these, about a letter of ours, by what says so.
        letters: What became of letters.
        unmatched: New messages that nothing connects with a letter.
    """

    read: dict[str, int]
    matched: dict[str, int]
    letters: dict[str, int]
    unmatched: int


@dataclass(frozen=True, slots=True)
class _Match:
    """Which letter a message is about, and how that is known."""

    case: Case
    letter: OutboxLetter | None
    how: str
    proven: bool


def read_answers(
    ledger: Ledger, reach: Reach, key: bytes, sources: Collection[Source], now: datetime
) -> Answers:
    """Read what is new; may be broken off anywhere and called again.

    Raises:
        BusyError: Somebody else works on the ledger.
        StorageError: A mailbox can't be read.
        GateClosedError: The suppression list can't be written.
    """
    with ledger.exclusive():
        desk = _Desk(ledger, reach, key, now)
        for source in sources:
            for name, fetch in source.messages(now):
                desk.on(name, fetch)
    return Answers(
        dict(desk.read), dict(desk.matched), dict(desk.letters), desk.read.total() - desk.found
    )


class _Desk:
    """One message after the other."""

    def __init__(self, ledger: Ledger, reach: Reach, key: bytes, now: datetime) -> None:
        self._ledger = ledger
        self._cases, self._outbox = Cases(ledger), Outbox(ledger)
        self._reach, self._key, self._now = reach, key, now
        self.read: Counter[str] = Counter()
        self.matched: Counter[str] = Counter()
        self.letters: Counter[str] = Counter()
        self.found = 0

    def on(self, name: str, fetch: Callable[[], bytes]) -> None:
        """One message, unless it was read before."""
        mark = hashlib.sha256(name.encode()).hexdigest()
        if self._outbox.was_read(mark):
            return
        incoming = read_incoming(fetch())
        match = self._match(incoming)
        with self._ledger.whole():  # what it means, and that it was read
            if match is not None:
                _WHAT_TO_DO[incoming.kind](self, incoming, match)
            self._outbox.note_read(
                mark,
                incoming.kind,
                self._now,
                case=match.case.number if match else None,
                letter=match.letter.kind if match and match.letter else None,
                matched_by=match.how if match else "",
            )
        self.read[incoming.kind] += 1
        if match is not None:
            self.found += 1
            self.matched[match.how] += 1

    def _match(self, incoming: Incoming) -> _Match | None:
        for how, text in (("envelope", incoming.to), ("message", incoming.about)):
            named = read_token(self._key, text)
            if named is not None:
                found = self._letter(*named)
                if found is not None:
                    return _Match(*found, how, proven=True)
        for number in incoming.cases:
            found = self._letter(number, None)
            if found is not None:
                case, _ = found
                own = _domain(incoming.sender) == _domain(case.key.email)
                return _Match(*found, "case number", proven=own)
        return None

    def _letter(
        self, number: str, kind: LetterKind | None
    ) -> tuple[Case, OutboxLetter | None] | None:
        """The case, and its letter: the named one, else the last that went out."""
        try:
            case = self._cases.get(number)
        except ConfigError:
            return None
        letters = [
            one
            for one in self._outbox.letters(case=number)
            if one.kind is kind or (kind is None and (one.state in _WENT or one.in_doubt))
        ]
        return case, max(letters, key=lambda one: one.planned_at, default=None)

    def _bounce(self, incoming: Incoming, match: _Match) -> None:
        said = f"{incoming.status or 'no status'}, by {match.how}"
        # by its number alone, or by a mere mention from the domain, nobody shows that he had it
        if match.how == "case number" or match.letter is None:
            self._note(match, Happened.UNPROVEN, f"a bounce, {said}")
            return
        letter = self._out(match.letter)
        about_us = not incoming.failed or letter.recipient.lower() in incoming.failed
        if about_us and is_dead(incoming.status):
            why = f"bounced: {incoming.status or 'for good'}"
            self._reach.suppress(letter.recipient, why, self._now, asked=False)
        if letter.state is LetterState.SENT and about_us:
            self._mark(letter, LetterState.BOUNCED, Happened.BOUNCED, said)
        else:
            self._note(match, Happened.DELAYED, f"a copy of it bounced, {said}")

    def _delay(self, incoming: Incoming, match: _Match) -> None:
        self._note(match, Happened.DELAYED, incoming.status)

    def _auto_reply(self, incoming: Incoming, match: _Match) -> None:
        del incoming
        if match.letter is not None and match.proven:
            self._out(match.letter)
        self._note(match, Happened.AUTO_REPLY, f"by {match.how}")

    def _complaint(self, incoming: Incoming, match: _Match) -> None:
        said = f"{incoming.detail or 'no type'}, by {match.how}"
        if match.how == "case number":
            self._note(match, Happened.UNPROVEN, f"a complaint, {said}")
            return
        self._stop(match, "a complaint came")
        self._note(match, Happened.COMPLAINT, said)

    def _wish(self, incoming: Incoming, match: _Match) -> None:
        if match.proven or incoming.sender == match.case.key.email.lower():
            self._stop(match, "asked for by mail")
        else:
            self._note(match, Happened.UNPROVEN, "somebody else asked for no more letters")

    def _person(self, incoming: Incoming, match: _Match) -> None:
        del incoming
        if match.letter is None or not match.proven:
            self._note(match, Happened.UNPROVEN, "a person names the case")
            return
        letter = self._out(match.letter)
        if letter.state in {LetterState.SENT, LetterState.BOUNCED}:
            self._mark(letter, LetterState.ANSWERED, Happened.ANSWERED, f"by {match.how}")

    def _stop(self, match: _Match, why: str) -> None:
        """No more letters: first the list, which all cases ask."""
        letter = match.letter
        recipient = letter.recipient if letter is not None else match.case.key.email
        self._reach.suppress(recipient, why, self._now, asked=True)
        if letter is not None:
            self._out(letter)
        if not match.case.stopped:
            self._cases.stop(match.case, self._now, why)
            self.letters["stopped"] += 1

    def _out(self, letter: OutboxLetter) -> OutboxLetter:
        """Something of it came back, so one in doubt did go out."""
        if not letter.in_doubt:
            return letter
        return went_out(self._outbox, letter, "something of it came back", self._now)

    def _mark(self, letter: OutboxLetter, state: LetterState, what: Happened, detail: str) -> None:
        self._outbox.mark(letter, state, what, self._now, detail=detail)
        self.letters[f"{letter.kind} {state}"] += 1

    def _note(self, match: _Match, what: Happened, detail: str) -> None:
        kind = match.letter.kind if match.letter is not None else None
        self._cases.note(match.case.number, what, self._now, letter=kind, detail=detail)


_WHAT_TO_DO = MappingProxyType(
    {
        IncomingKind.BOUNCE: _Desk._bounce,  # noqa: SLF001 - its own methods
        IncomingKind.DELAY: _Desk._delay,  # noqa: SLF001
        IncomingKind.AUTO_REPLY: _Desk._auto_reply,  # noqa: SLF001
        IncomingKind.COMPLAINT: _Desk._complaint,  # noqa: SLF001
        IncomingKind.STOP: _Desk._wish,  # noqa: SLF001
        IncomingKind.PERSON: _Desk._person,  # noqa: SLF001
        IncomingKind.UNREADABLE: _Desk._auto_reply,  # noqa: SLF001
    }
)


def _domain(mailbox: str) -> str:
    return mailbox.rpartition("@")[2].lower()
