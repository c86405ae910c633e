"""Whether a letter may leave now: all is asked again, whatever was so when it was approved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from survey.errors import ConfigError, MessageError
from survey.flows.case_facts import Facts
from survey.flows.cases import CaseDesk
from survey.flows.letter_content import Means, compose, open_since, servers_of
from survey.flows.reverification import RECENT, reverify
from survey.mail.dkim_signature import Signature
from survey.mail.letter_post import LetterDoor
from survey.model.case import Case, CaseFinding, CaseState, Closing, OutboxLetter, Test
from survey.model.contact import Contact
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind, LetterState
from survey.notify.due import due_step
from survey.notify.permission import obstacle
from survey.storage.outbox import DAY
from survey.targets.optouts import read_log


class HeldError(MessageError):
    """It can't go out before something else was done."""


class LapsedError(MessageError):
    """What was approved is not what is so now: it needs another approval."""


class NeverError(MessageError):
    """It will not go out any more."""


class LaterError(MessageError):
    """It goes out another time, by itself."""


@dataclass(frozen=True, slots=True)
class Way:
    """How letters leave.

    Attributes:
        means: What letters are made with.
        bounce_domain: Domain of envelope senders; "" for that of the letter's sender.
        per_day: Letters a day, all in all.
        per_domain_per_day: Letters a day to one domain.
        signature: By what DKIM signs, or None.
    """

    means: Means
    bounce_domain: str
    per_day: int
    per_domain_per_day: int
    signature: Signature | None


class Checks:
    """The questions that every letter is asked, some of them twice."""

    def __init__(
        self,
        desk: CaseDesk,
        facts: Facts,
        way: Way,
        door: LetterDoor,
        clock: Callable[[], datetime],
    ) -> None:
        self._desk, self._facts, self._way = desk, facts, way
        self._door, self._clock = door, clock
        self._stale: dict[str, set[Test]] = {}

    def ask(
        self, letter: OutboxLetter, case: Case, findings: Sequence[CaseFinding]
    ) -> tuple[OpenServer, ...]:
        """Everything; the servers that the letter tells of.

        Raises:
            HeldError: A test, a person or another command must come first.
            LapsedError: It would tell something else by now.
            NeverError: It will not go out any more.
            LaterError: It is put off.
            GateClosedError: Opt-outs or suppressions can't be read.
        """
        now = self._clock()
        self._is_wanted(letter)
        self._may_be_told(letter, case, now)
        servers = servers_of(self._facts, case, findings)
        self._is_as_approved(letter, case, findings, now)
        if letter.kind is LetterKind.THANKS:
            self._is_still_closed(findings)
        else:
            self._is_recent(servers, now)
        self.ask_last(letter, servers)
        self._is_aligned(letter)
        self._is_within_limits(letter, now)
        return servers

    def ask_last(self, letter: OutboxLetter, servers: Sequence[OpenServer]) -> None:
        """Opt-outs, suppressions, where the mailbox is: asked again right before the message.

        Raises:
            Others: as ``ask``.
        """
        self._is_wanted(letter)
        optouts = read_log(Path(self._desk.plan.optouts)).ranges
        if any(one.ip in optouts for one in servers):
            raise LapsedError("an address in it opted out")
        if why := self._desk.reach.suppressed(letter.recipient):
            raise NeverError(why)
        ips = {one.ip for one in servers}
        if why := self._desk.reach.why_not(letter.recipient, ips):
            raise HeldError(why)
        try:
            names = {one.host for one in servers if one.host}
            self._door.check(letter.recipient, ips, names)
        except (ConfigError, MessageError) as error:
            raise HeldError(str(error)) from error

    def queue_tests(self) -> int:
        """Queue the tests without which letters can't go out; how many can't be made in this run.

        A relay gets three messages in a run at most, and no letter without a fresh one.
        """
        return sum(
            len(reverify(self._desk.settings, self._facts.plans[run], tests, self._clock()).spent)
            for run, tests in self._stale.items()
            if run in self._facts.plans
        )

    def _is_wanted(self, letter: OutboxLetter) -> None:
        """Whether the operator did not ask for no more letters by now."""
        if self._desk.cases.get(letter.case).stopped:
            raise NeverError("the operator wants no letters")

    def _may_be_told(self, letter: OutboxLetter, case: Case, now: datetime) -> None:
        until = self._desk.plan.valid_until
        if until is not None and until <= now:
            raise HeldError("the campaign's authority has ended")
        if case.state is CaseState.MERGED or case.closed_by is Closing.OPTED_OUT:
            raise NeverError(f"the case is {case.closed_by or case.state}")
        wanted = CaseState.CLOSED if letter.kind is LetterKind.THANKS else CaseState.OPEN
        if case.state is not wanted:
            raise LapsedError(f"the case is {case.state}")
        if case.draw is None or (case.draw.until is not None and now < case.draw.until):
            raise LaterError("it is held out by lot")

    def _is_as_approved(
        self, letter: OutboxLetter, case: Case, findings: Sequence[CaseFinding], now: datetime
    ) -> None:
        """It tells the same to the same mailbox as what was approved."""
        if letter.kind is not LetterKind.ESCALATION and letter.recipient != case.key.email:
            raise LapsedError("somebody else answers for the case by now")
        if letter.approved_sha256 != letter.sha256:
            raise LapsedError("it was changed after its approval")
        mine = {one.kind: one for one in self._desk.outbox.letters(case=case.number)}
        mine[letter.kind] = replace(letter, state=LetterState.APPROVED)  # whatever broke it off
        step = due_step(case, mine, open_since(self._facts, findings, mine), now)
        if step is None or step.kind is not letter.kind:
            raise LapsedError("it is not due any more")
        recipient = Contact(letter.recipient, case.contact_name, letter.language, "")
        try:
            content = compose(
                self._desk,
                self._facts,
                case,
                findings,
                letter.kind,
                mine,
                self._way.means,
                recipient,
                now,
            )
        except MessageError as error:
            raise LapsedError(str(error)) from error
        if content.facts != letter.facts:
            raise LapsedError("it would tell something else by now")

    def _is_still_closed(self, findings: Sequence[CaseFinding]) -> None:
        """Nobody is thanked for a door that stands open again."""
        lives = [life for one in findings if (life := self._facts.life(one.test)) is not None]
        if not all(life.is_over for life in lives):
            raise HeldError("it was found open again; run `survey notify plan`")

    def _is_recent(self, servers: Sequence[OpenServer], now: datetime) -> None:
        old = [
            one
            for one in servers
            if obstacle(one, now) or one.proven_at is None or now - one.proven_at > RECENT
        ]
        for one in old:
            run = self._facts.proven[one.ip, one.port, one.probe].run
            self._stale.setdefault(run, set()).add((one.ip, one.port, one.probe))
        if old:
            raise HeldError(
                f"{len(old)} of its {len(servers)} findings were not proven in the last 24 hours; "
                "run `survey retest --due`"
            )

    def _is_aligned(self, letter: OutboxLetter) -> None:
        """A signature of another domain than the From line's is worth nothing (RFC 7489 s3.1.1)."""
        if self._way.signature is None:
            return
        signing, own = self._way.signature.domain, letter.message_id.rpartition("@")[2].lower()
        if own != signing and not own.endswith(f".{signing}"):
            raise HeldError(
                f"mail.dkim.domain is {signing}, and the letter is from {own}: no receiver would "
                "take it for ours; sign with a key of that domain"
            )

    def _is_within_limits(self, letter: OutboxLetter, now: datetime) -> None:
        outbox, day, domain = self._desk.outbox, now - DAY, letter.recipient.rpartition("@")[2]
        if outbox.handed_since(day) >= self._way.per_day:
            raise LaterError(f"{self._way.per_day} letters a day went out; it waits")
        if outbox.handed_since(day, domain) >= self._way.per_domain_per_day:
            raise LaterError(f"{self._way.per_domain_per_day} a day went to its domain; it waits")
