"""Asks sources of contacts, and does not ask again what is still known."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from survey.enrichment.contacts.means import CacheTable
from survey.enrichment.contacts.names import UnsureError
from survey.enrichment.contacts.sources import Source
from survey.model.contact_answer import Answer, AnswerState, alone
from survey.storage.contact_answers import ContactAnswers
from survey.targets.ranges import RangeSet

UNSURE_FOR = timedelta(hours=1)
"""A source that did not answer is not asked again about an address before."""
SAVED_EVERY = 25
"""Answers that a crash may lose."""
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known, and how long it is believed."""

    answers: ContactAnswers
    ages: CacheTable
    avoid: RangeSet
    now: datetime

    def answer(self, source: Source, ip: int) -> Answer:
        """What a source says about an address: as it was answered lately, or now.

        Raises:
            NotAskedError: It is no source for this address, or must not be asked.
        """
        known = self.answers.of(source.kind, ip)
        if known is not None and self.now - known.asked_at < self._age(known.state):
            return known
        answer = self._ask(source, ip)
        if known is not None and known.state is answer.state:
            answer = replace(answer, since=known.since)
        self.answers.add(answer)
        if self.answers.unsaved >= SAVED_EVERY:
            self.save()
        return answer

    def _ask(self, source: Source, ip: int) -> Answer:
        kind, now = source.kind, self.now
        try:
            said = source.ask(ip, self.avoid | RangeSet.of([alone(ip)]), now)
        except UnsureError as error:
            trouble = str(error)[:_LONGEST]
            return Answer(kind, alone(ip), AnswerState.UNSURE, (), "", trouble, now, now)
        state = AnswerState.FOUND if said.mailboxes else AnswerState.NOBODY
        return Answer(kind, said.about, state, said.mailboxes, said.server, "", now, now)

    def is_waited_for(self, source: Source, answer: Answer) -> bool:
        """Whether nothing else is taken yet, since a better source will surely answer soon."""
        lasted = self.now - answer.since
        patience = timedelta(days=self.ages.patience_days)
        return source.patient and answer.state is AnswerState.UNSURE and lasted < patience

    def save(self) -> None:
        """Write down what was answered."""
        self.answers.save()

    def _age(self, state: AnswerState) -> timedelta:
        match state:
            case AnswerState.FOUND:
                return timedelta(days=self.ages.days)
            case AnswerState.NOBODY:
                return timedelta(days=self.ages.nobody_days)
            case AnswerState.UNSURE:
                return UNSURE_FOR
