"""``survey notify send``: each step is written down first; no letter goes twice, none is lost.

The order of every letter (docs/outbox.md)::

    content on the disk -> PLANNED -> APPROVED -> SENDING -> recipient named -> asked once more ->
    SENDING with ``handing_at`` -> DATA -> SENT

Whoever finds a letter in SENDING without ``handing_at`` knows that it did not go out, and begins
anew.  With it, nobody knows (RFC 1047): it is never sent again by itself, until a person settles it
or something that came back shows that it went out.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol

from survey.errors import ConfigError, MessageError
from survey.flows.case_facts import Facts
from survey.flows.cases import CaseDesk, facts_of
from survey.flows.letter_approval import read_content
from survey.flows.letter_content import Means, compose, servers_of
from survey.flows.lifecycle import follow_letters
from survey.flows.reverification import RECENT, reverify
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.dkim_signature import Signature
from survey.mail.letter_message import leaving
from survey.mail.letter_post import LetterDoor
from survey.model.case import Case, CaseFinding, CaseState, Closing, Happened, OutboxLetter, Test
from survey.model.contact import Contact
from survey.model.episode import LETTER_DAYS, Told
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind, LetterState
from survey.notify.letter_token import envelope_sender
from survey.notify.permission import obstacle
from survey.storage.audit import record
from survey.storage.files import replacing
from survey.storage.outbox import DAY
from survey.targets.optouts import read_log

_NO_MAILBOX = re.compile(r"5[0-9]{2}[ -](5\.1\.[1236]|5\.2\.1) ")
"""A mail server that says for good that there is no such mailbox, or not any more (RFC 3463)."""

Say = Callable[[str], None]


class Post(Protocol):
    """The way out for letters (``mail.letter_post``)."""

    door: LetterDoor

    def name(self, sender: str, recipient: str, size: int) -> Awaitable[None]:
        """Have sender and recipient accepted."""

    def hand(self, data: bytes) -> Awaitable[str]:
        """The one step after which the letter is out of our hands."""

    def close(self) -> Awaitable[None]:
        """Say goodbye, or break off what was begun."""


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


@dataclass
class Sending:
    """How a sending went; no tested address in it.

    Attributes:
        sent: Case and kind of each that was sent, or that would be.
        put_off: What is tried again by the next sending, and why.
        held: What waits for something that this command does not do, and why.
        doubts: Letters that a person must settle.
        suppressed: Letters that will not go out any more, and why.
    """

    sent: list[tuple[str, LetterKind]] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    suppressed: list[str] = field(default_factory=list)


class _HeldError(MessageError):
    """It can't go out before something else was done."""


class _LapsedError(MessageError):
    """What was approved is not what is so now."""


class _NeverError(MessageError):
    """It will not go out any more."""


class _LaterError(MessageError):
    """It goes out another time."""


async def send_letters(
    desk: CaseDesk,
    way: Way,
    post: Post,
    *,
    only: Collection[str] = (),
    really: bool,
    say: Say = lambda line: None,  # noqa: ARG005
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sending:
    """Send what is approved; may be broken off anywhere and called again.

    Args:
        desk: The desk of one campaign.
        way: How letters leave.
        post: The way out.
        only: Case numbers; all if empty.
        really: Else everything is checked and written below ``dry-run``, and nothing leaves.
        say: Told what happens, one line each; no tested address in it.
        clock: The time, UTC.

    Raises:
        BusyError: Somebody else works on the ledger.
        GateClosedError: Opt-outs or suppressions can't be read: nothing is sent.
        StorageError: What was approved is gone or changed.
    """
    with desk.ledger.exclusive():
        letters = [
            one
            for one in desk.outbox.letters(desk.plan.campaign)
            if one.state in {LetterState.APPROVED, LetterState.SENDING}
            and (not only or one.case in only)
        ]
        if letters:
            asked = f"campaign={desk.plan.campaign} letters={len(letters)} really={really}"
            record(desk.layout, "letters sent", asked, now=clock())
        drive = _Drive(desk, facts_of(desk), way, post, clock, really=really)
        try:
            for letter in letters:
                await drive.on(letter)
                say(f"{letter.case} {letter.kind}: {drive.said}")
        finally:
            await post.close()
        if really:
            drive.ask_again()
            follow(desk, clock())
    return drive.done


def follow(desk: CaseDesk, now: datetime) -> int:
    """Queue the tests that follow letters (days 1, 3, 7, 14, 30); nothing is queued twice."""
    letters = {
        one.case: one.sent_at
        for one in desk.outbox.letters(desk.plan.campaign)
        if one.sent_at is not None
        and one.kind is LetterKind.FIRST_NOTICE
        and (now - one.sent_at).days <= max(LETTER_DAYS)
    }
    by_run: dict[str, list[Told]] = {}
    for finding in desk.cases.findings(desk.plan.campaign):
        if finding.case in letters and finding.left_at is None:
            case = desk.cases.get(finding.case)
            told = Told(finding.ip, finding.port, case.key.kind, letters[finding.case])
            by_run.setdefault(finding.run, []).append(told)
    there = {plan.run for plan in desk.plans}
    return sum(
        follow_letters(desk.settings, desk.plan.campaign, run, told, now)
        for run, told in by_run.items()
        if run in there
    )


def settle(
    desk: CaseDesk, number: str, kind: LetterKind, *, arrived: bool, by: str, now: datetime
) -> OutboxLetter:
    """A person found out what became of a letter in doubt.

    Raises:
        ConfigError: There is no such letter, or nothing is in doubt about it.
    """
    with desk.ledger.exclusive():
        letter = desk.outbox.get(number, kind)
        if not letter.in_doubt:
            raise ConfigError(
                "CASE",
                "",
                f"{number}: its {kind} is {letter.state}",
                "only a letter in doubt can be settled",
            )
        if arrived:
            said = f"settled by {by}: it went out"
            return desk.outbox.mark(
                letter,
                LetterState.SENT,
                Happened.SETTLED,
                now,
                detail=said,
                by=by,
                sent_at=letter.handing_at,
                receipt=said,
            )
        said = f"settled by {by}: it did not go out"
        return desk.outbox.mark(
            letter,
            LetterState.APPROVED,
            Happened.SETTLED,
            now,
            detail=said,
            by=by,
            handing_at=None,
            receipt=said,
        )


class _Drive:
    """One letter after the other through its steps."""

    def __init__(
        self,
        desk: CaseDesk,
        facts: Facts,
        way: Way,
        post: Post,
        clock: Callable[[], datetime],
        *,
        really: bool,
    ) -> None:
        self._desk, self._facts, self._way, self._post = desk, facts, way, post
        self._clock, self._really = clock, really
        self.done = Sending()
        self._stale: dict[str, set[Test]] = {}
        self.said = ""
        """What became of the last letter, one line."""

    async def on(self, letter: OutboxLetter) -> None:
        """As far as it goes."""
        name = f"{letter.case} {letter.kind}"
        if letter.in_doubt:
            self.said = "was broken off while it was handed over; find out, and settle it"
            self.done.doubts.append(f"{name}: {self.said}")
            return
        try:
            if letter.state is LetterState.SENDING:
                why = "was broken off before it was handed over"
                letter = self._mark(letter, LetterState.APPROVED, Happened.BACK, why)
            case = self._desk.cases.get(letter.case)
            findings = self._desk.cases.findings_of(letter.case)
            servers = self._check(letter, case, findings)
            content = read_content(self._desk.layout, letter)
            if not self._really:
                self._rehearse(letter, content)
                self.said = "would be sent"
            else:
                await self._send(letter, case, content, servers)
                self.said = "sent"
            self.done.sent.append((letter.case, letter.kind))
        except _NeverError as error:
            self._report(self.done.suppressed, name, error)
        except _LaterError as error:
            self._report(self.done.put_off, name, error)
        except DoubtError as error:
            self._report(self.done.doubts, name, error)
        except (MessageError, NotTakenError) as error:
            self._report(self.done.held, name, error)

    def _report(self, where: list[str], name: str, error: Exception) -> None:
        self.said = str(error)
        where.append(f"{name}: {error}")

    def _check(
        self, letter: OutboxLetter, case: Case, findings: Sequence[CaseFinding]
    ) -> tuple[OpenServer, ...]:
        """Whether it may go out now; the servers that it tells of.

        Everything here is asked again of what may have changed since the approval.
        """
        now = self._clock()
        self._may_be_told(letter, case, now)
        servers = servers_of(self._facts, case, findings)
        self._is_as_approved(letter, case, findings)
        if letter.kind is not LetterKind.THANKS:
            self._is_recent(servers, now)
        self._may_be_reached(letter, servers)
        day = now - DAY
        domain = letter.recipient.rpartition("@")[2]
        if self._desk.outbox.handed_since(day) >= self._way.per_day:
            raise _LaterError(f"{self._way.per_day} letters a day went out; it waits")
        if self._desk.outbox.handed_since(day, domain) >= self._way.per_domain_per_day:
            raise _LaterError(f"{self._way.per_domain_per_day} a day went to its domain; it waits")
        return servers

    def _may_be_told(self, letter: OutboxLetter, case: Case, now: datetime) -> None:
        until = self._desk.plan.valid_until
        if until is not None and until <= now:
            raise _HeldError("the campaign's authority has ended")
        if case.stopped:
            self._never(letter, "the operator wants no letters")
        if case.state is CaseState.MERGED or case.closed_by is Closing.OPTED_OUT:
            self._never(letter, f"the case is {case.closed_by or case.state}")
        wanted = CaseState.CLOSED if letter.kind is LetterKind.THANKS else CaseState.OPEN
        if case.state is not wanted:
            self._lapse(letter, f"the case is {case.state}")
        if case.draw is None or (case.draw.until is not None and now < case.draw.until):
            raise _LaterError("it is held out by lot")

    def _is_as_approved(
        self, letter: OutboxLetter, case: Case, findings: Sequence[CaseFinding]
    ) -> None:
        """It tells the same to the same mailbox as what was approved."""
        if letter.kind is not LetterKind.ESCALATION and letter.recipient != case.key.email:
            self._lapse(letter, "somebody else answers for the case by now")
        if letter.approved_sha256 != letter.sha256:
            self._lapse(letter, "it was changed after its approval")
        mine = {one.kind: one for one in self._desk.outbox.letters(case=case.number)}
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
                self._clock(),
            )
        except MessageError as error:
            self._lapse(letter, str(error))
        else:
            if content.facts != letter.facts:
                self._lapse(letter, "it would tell something else by now")

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
            raise _HeldError(
                f"{len(old)} of its {len(servers)} findings were not proven in the last 24 hours; "
                "run `survey retest --due`"
            )

    def _may_be_reached(self, letter: OutboxLetter, servers: Sequence[OpenServer]) -> None:
        """Opt-outs, suppressions, and where the mailbox is; asked again right before DATA."""
        optouts = read_log(Path(self._desk.plan.optouts)).ranges
        if any(one.ip in optouts for one in servers):
            self._lapse(letter, "an address in it opted out")
        if why := self._desk.reach.suppressed(letter.recipient):
            self._never(letter, why)
        ips = {one.ip for one in servers}
        if why := self._desk.reach.why_not(letter.recipient, ips):
            raise _HeldError(why)
        names = {one.host for one in servers if one.host}
        try:
            self._post.door.check(letter.recipient, ips, names)
        except ConfigError as error:
            raise _HeldError(str(error)) from error

    async def _send(
        self, letter: OutboxLetter, case: Case, content: bytes, servers: Sequence[OpenServer]
    ) -> None:
        now = self._clock()
        data = leaving(content, now, self._way.signature)
        domain = self._way.bounce_domain or letter.message_id.rpartition("@")[2]
        sender = envelope_sender(self._way.means.key, case.number, letter.kind, domain)
        letter = self._mark(
            letter,
            LetterState.SENDING,
            Happened.SENDING,
            attempts=letter.attempts + 1,
            handing_at=None,
        )
        try:
            await self._post.name(sender, letter.recipient, len(data))
            self._may_be_reached(letter, servers)
        except NotTakenError as error:
            self._not_taken(letter, error)
        except (_NeverError, _LapsedError):
            await self._post.close()
            raise
        except _HeldError as error:
            await self._post.close()
            self._mark(letter, LetterState.APPROVED, Happened.BACK, str(error))
            raise
        letter = self._mark(letter, LetterState.SENDING, Happened.HANDING, handing_at=self._clock())
        try:
            receipt = await self._post.hand(data)
        except NotTakenError as error:
            self._not_taken(letter, error)
        self._mark(
            letter,
            LetterState.SENT,
            Happened.SENT,
            receipt,
            sent_at=self._clock(),
            receipt=receipt,
        )

    def _not_taken(self, letter: OutboxLetter, error: NotTakenError) -> NoReturn:
        """It did not go out, for certain; raises what that means."""
        said = str(error)
        if error.final and _NO_MAILBOX.match(said):
            # first the list: a mailbox that is dead gets no letter of any case, whatever follows
            self._desk.reach.suppress(
                letter.recipient, "our mail server: no such mailbox", self._clock(), asked=False
            )
            self._mark(
                letter, LetterState.BOUNCED, Happened.BOUNCED, said, handing_at=None, receipt=said
            )
            raise _NeverError(f"bounced at once: {said}") from error
        self._mark(letter, LetterState.APPROVED, Happened.BACK, said, handing_at=None, receipt=said)
        if error.final:
            raise _HeldError(f"our mail server will not have it: {said}") from error
        raise _LaterError(said) from error

    def _never(self, letter: OutboxLetter, why: str) -> NoReturn:
        self._mark(
            letter, LetterState.SUPPRESSED, Happened.SUPPRESSED, why, handing_at=None, receipt=why
        )
        raise _NeverError(why)

    def _lapse(self, letter: OutboxLetter, why: str) -> NoReturn:
        self._mark(
            letter,
            LetterState.PLANNED,
            Happened.LAPSED,
            why,
            approved_by="",
            approved_at=None,
            approved_sha256="",
            handing_at=None,
        )
        raise _LapsedError(f"{why}; run `survey notify plan`, and approve it again")

    def _mark(
        self,
        letter: OutboxLetter,
        state: LetterState,
        what: Happened,
        detail: str = "",
        **changes: Any,
    ) -> OutboxLetter:
        if not self._really:  # a rehearsal leaves everything as it is
            return letter
        return self._desk.outbox.mark(letter, state, what, self._clock(), detail=detail, **changes)

    def _rehearse(self, letter: OutboxLetter, content: bytes) -> None:
        """The message as it would leave, for a person to look at."""
        folder = self._desk.layout.letters(self._desk.plan.campaign) / "dry-run"
        with replacing(folder / f"{letter.case}-{letter.kind}.eml") as part:
            part.write_bytes(leaving(content, self._clock(), self._way.signature))

    def ask_again(self) -> None:
        """Queue the tests without which letters can't go out."""
        for run, tests in self._stale.items():
            if run in self._facts.plans:
                reverify(self._desk.settings, self._facts.plans[run], tests, self._clock())
