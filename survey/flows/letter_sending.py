"""``survey notify send``: each step is written down first; no letter goes twice, none is lost.

The order of every letter (docs/outbox.md)::

    content on the disk -> PLANNED -> APPROVED -> SENDING -> recipient named -> asked once more ->
    SENDING with ``handing_at`` -> the message -> SENT

Whoever finds a letter in SENDING without ``handing_at`` knows that it did not go out, and begins
anew.  With it, nobody knows (RFC 1047): it is never sent again by itself, until a person settles it
or something that came back shows that it went out.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol

from survey.errors import MessageError, StorageError
from survey.flows.cases import CaseDesk, facts_of
from survey.flows.letter_checks import (
    Checks,
    HeldError,
    LapsedError,
    LaterError,
    NeverError,
    Way,
)
from survey.flows.letter_files import read_content
from survey.flows.letter_following import follow
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.letter_message import leaving
from survey.mail.letter_post import LetterDoor
from survey.model.case import Happened, OutboxLetter
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind, LetterState
from survey.notify.bounced import is_dead
from survey.notify.letter_token import envelope_sender
from survey.storage.audit import record
from survey.storage.files import replacing

_REPLY = re.compile(r"5[0-9]{2}[ -](5\.[0-9]{1,3}\.[0-9]{1,3})\b")
"""A mail server's refusal for good, with its enhanced status (RFC 2034)."""

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


@dataclass
class Sending:
    """How a sending went; no tested address in it.

    Attributes:
        sent: Case and kind of each that was sent, or that would be.
        put_off: What is tried again by the next sending, and why.
        held: What waits for something that this command does not do, and why.
        doubts: Letters that a person must settle.
        suppressed: Letters that will not go out any more, and why.
        spent: Relays that can't be asked again in their run: only the next run can prove them.
    """

    sent: list[tuple[str, LetterKind]] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    suppressed: list[str] = field(default_factory=list)
    spent: int = 0


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
        StorageError: A table is damaged.
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
        checks = Checks(desk, facts_of(desk), way, post.door, clock)
        drive = _Drive(desk, checks, way, post, clock, really=really)
        try:
            for letter in letters:
                await drive.on(letter)
                say(f"{letter.case} {letter.kind}: {drive.said}")
        finally:
            await post.close()
        if really:
            drive.done.spent = checks.queue_tests()
            follow(desk, clock())
    return drive.done


class _Drive:
    """One letter after the other through its steps."""

    def __init__(
        self,
        desk: CaseDesk,
        checks: Checks,
        way: Way,
        post: Post,
        clock: Callable[[], datetime],
        *,
        really: bool,
    ) -> None:
        self._desk, self._checks, self._way, self._post = desk, checks, way, post
        self._clock, self._really = clock, really
        self.done = Sending()
        self.said = ""
        """What became of the last letter, one line."""

    async def on(self, letter: OutboxLetter) -> None:
        """As far as it goes."""
        name, self._now = f"{letter.case} {letter.kind}", letter
        if letter.in_doubt:
            self.said = "was broken off while it was handed over; find out, and settle it"
            self.done.doubts.append(f"{name}: {self.said}")
            return
        try:
            await self._send()
        except NeverError as error:
            self._end(LetterState.SUPPRESSED, Happened.SUPPRESSED, error)
            self._report(self.done.suppressed, name, error)
        except LapsedError as error:
            nobody: dict[str, Any] = {"approved_by": "", "approved_at": None}
            self._end(LetterState.PLANNED, Happened.LAPSED, error, approved_sha256="", **nobody)
            cure = MessageError(f"{error}; run `survey notify plan`, and approve it again")
            self._report(self.done.held, name, cure)
        except (HeldError, LaterError) as error:
            if self._now.state is LetterState.SENDING:
                self._end(LetterState.APPROVED, Happened.BACK, error)
            later = isinstance(error, LaterError)
            self._report(self.done.put_off if later else self.done.held, name, error)
        except DoubtError as error:
            self._report(self.done.doubts, name, error)
        else:
            self.said = "sent" if self._really else "would be sent"
            self.done.sent.append((letter.case, letter.kind))

    async def _send(self) -> None:
        """Through all steps; an error says how it ends otherwise."""
        if self._now.state is LetterState.SENDING:
            why = "was broken off before it was handed over"
            self._mark(LetterState.APPROVED, Happened.BACK, why)
        letter = self._now
        findings = self._desk.cases.findings_of(letter.case)
        servers = self._checks.ask(letter, self._desk.cases.get(letter.case), findings)
        try:
            content = read_content(self._desk.layout, letter)
        except StorageError as error:
            raise LapsedError(str(error)) from error
        if not self._really:
            self._rehearse(content)
            return
        data = leaving(content, self._clock(), self._way.signature)
        self._mark(
            LetterState.SENDING, Happened.SENDING, attempts=letter.attempts + 1, handing_at=None
        )
        try:
            await self._named(data, servers)
            self._mark(LetterState.SENDING, Happened.HANDING, handing_at=self._clock())
            receipt = await self._post.hand(data)
        except NotTakenError as error:
            self._not_taken(error)
        self._mark(LetterState.SENT, Happened.SENT, receipt, sent_at=self._clock(), receipt=receipt)

    async def _named(self, data: bytes, servers: Sequence[OpenServer]) -> None:
        """Sender and recipient are accepted, and still nobody objects."""
        letter = self._now
        domain = self._way.bounce_domain or letter.message_id.rpartition("@")[2]
        sender = envelope_sender(self._way.means.key, letter.case, letter.kind, domain)
        await self._post.name(sender, letter.recipient, len(data))
        try:
            self._checks.ask_last(letter, servers)
        except BaseException:
            await self._post.close()
            raise

    def _not_taken(self, error: NotTakenError) -> NoReturn:
        """It did not go out, for certain; what that means."""
        said = str(error)
        status = _REPLY.match(said)
        if error.final and status is not None and is_dead(status[1]):
            # first the list: a dead mailbox gets no letter of any case, whatever follows
            self._desk.reach.suppress(
                self._now.recipient, "our mail server: no such mailbox", self._clock(), asked=False
            )
            self._mark(LetterState.BOUNCED, Happened.BOUNCED, said, handing_at=None, receipt=said)
            raise NeverError(f"bounced at once: {said}") from error
        if error.final:
            raise HeldError(f"our mail server will not have it: {said}") from error
        raise LaterError(said) from error

    def _end(self, state: LetterState, what: Happened, error: Exception, **changes: Any) -> None:
        """What an error leaves behind; a bounce is noted already."""
        if self._now.state is not LetterState.BOUNCED:
            said = str(error)
            self._mark(state, what, said, handing_at=None, receipt=said, **changes)

    def _report(self, where: list[str], name: str, error: Exception) -> None:
        self.said = str(error)
        where.append(f"{name}: {error}")

    def _mark(self, state: LetterState, what: Happened, detail: str = "", **changes: Any) -> None:
        if self._really:  # a rehearsal leaves everything as it is
            self._now = self._desk.outbox.mark(
                self._now, state, what, self._clock(), detail=detail, **changes
            )

    def _rehearse(self, content: bytes) -> None:
        """The message as it would leave, for a person to look at."""
        folder = self._desk.layout.letters(self._desk.plan.campaign) / "dry-run"
        with replacing(folder / f"{self._now.case}-{self._now.kind}.eml") as part:
            part.write_bytes(leaving(content, self._clock(), self._way.signature))
