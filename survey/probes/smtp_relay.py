"""The ``smtp_relay`` probe: does this server take mail from strangers to strangers?

What is sent and concluded: docs/probes/smtp_relay.md.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from survey.model.failure import Failure
from survey.model.observation import Observation
from survey.model.plan import Depth
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.conversation import Talk
from survey.probes.dialer import unanswered
from survey.probes.smtp_line import SmtpLine
from survey.probes.trial import Trial
from survey.protocols.envelopes import (
    AFTERWARDS,
    Envelope,
    Form,
    Parts,
    connections,
    envelope,
)
from survey.protocols.relay import (
    CanaryHealthy,
    Command,
    Letter,
    Listen,
    Outcome,
    OwnName,
    Relay,
    Reply,
    Secure,
    Security,
    Wish,
    relay,
)
from survey.protocols.relay_course import Course
from survey.protocols.relay_message import Subject, compose, payload
from survey.protocols.token import TokenKind

BASE_PACKETS = 12
"""What a connection costs beside its forms: 5 measured (SYN, ACK, EHLO, QUIT, FIN), 3 for DATA and
a message, 4 retransmits (``dialer.USER_TIMEOUT_MS``).  A server that answers line by line costs
more; that is charged when it comes (``probes.allowance``)."""

FORM_PACKETS = 3
"""MAIL, RCPT, RSET; acknowledgements ride on them."""

TLS_PACKETS = 8
"""STARTTLS, the handshake, another EHLO: 4 to 7 measured."""


def packets(forms: int, *, tls: bool = False) -> int:
    """What one connection that tries so many forms may cost; paid before it is opened."""
    return BASE_PACKETS + forms * FORM_PACKETS + (TLS_PACKETS if tls else 0)


MOST_PACKETS = sum(packets(len(forms), tls=True) for forms in connections(Depth.FULL))
"""What a whole test costs at most: at full depth, all refused, inside TLS."""


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target; one observation per envelope that was tried."""
    part = context.part(Probe.SMTP_RELAY)
    course = Course(connections(part.depth, context.only))
    security = Security.AT_ONCE if port in part.tls_ports else Security.IF_ASKED
    observed: tuple[Observation, ...] = ()
    while forms := course.wanted():
        outcome, rows = await _Connection(ip, port, context, forms, security).run()
        observed += rows
        if outcome is None:
            break
        course.heard(outcome)
        if security is Security.IF_ASKED and outcome.offers[-1].tls:
            security = Security.STARTTLS
    return observed


@dataclass(frozen=True, slots=True)
class _Connection:
    """One connection of a test."""

    ip: int
    port: int
    context: Context
    forms: tuple[Form, ...]
    security: Security

    async def run(self) -> tuple[Outcome | None, tuple[Observation, ...]]:
        """What came of it, None without a connection; and the rows."""
        context, at_once = self.context, self.security is not Security.IF_ASKED
        paid = packets(len(self.forms) + (self._afterwards is not None), tls=at_once)
        dialled = await context.dialer.connect(self.ip, self.port, paid, context.timeouts.connect)
        if isinstance(dialled, Failure):
            nothing = self._trial(self.forms[0].variant, tls=self.security is Security.AT_ONCE)
            return None, (nothing.observed(context.attempt, "", unanswered(dialled)),)
        loop = asyncio.get_running_loop()
        started, started_at = loop.time(), datetime.now(UTC)
        allowance = context.dialer.allowance(paid)
        line = SmtpLine(
            loop,
            dialled,
            self.ip,
            allowance=allowance,
            total=context.timeouts.relay,
            tls=self.security is Security.AT_ONCE,
        )
        try:
            with context.dialer.running_one(line):
                await loop.create_connection(lambda: line, sock=dialled)
                outcome = await self._converse(line)
        finally:
            line.close()
        duration = loop.time() - started
        return outcome, tuple(
            self._trial(offer.variant, tls=offer.tls).observed(
                context.attempt,
                offer.token,
                Talk(offer.answer, started_at, duration, line.evidence),
            )
            for offer in (*outcome.offers, outcome.afterwards)
            if offer is not None
        )

    @property
    def _afterwards(self) -> Form | None:
        """The control behind a message, in the follow-ups that ask it."""
        return AFTERWARDS if self.context.asks_afterwards else None

    async def _converse(self, line: SmtpLine) -> Outcome:
        """Run the dialogue over the line."""
        dialogue = self._dialogue()
        wish = next(dialogue)
        while True:
            heard = await self._grant(wish, line)
            try:
                wish = dialogue.send(heard)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome

    async def _grant(self, wish: Wish, line: SmtpLine) -> Reply | bool:
        context, limits = self.context, self.context.timeouts
        match wish:
            case CanaryHealthy():
                return context.canary_healthy() and context.messages.left(line.ip)
            case OwnName(name):
                asked = context.names.points_to(name, line.ip)
                try:
                    return await asyncio.wait_for(asked, max(0.0, line.left()))
                except TimeoutError:
                    return False
            case Listen():
                patience = limits.greeting
            case Letter():
                context.messages.spend(line.ip)
                patience = limits.message
            case Secure():
                if self.security is Security.IF_ASKED:
                    await context.dialer.pay(line.allowance, TLS_PACKETS)
                patience = limits.command
            case Command(verb):
                patience = limits.goodbye if verb == b"QUIT" else limits.command
        return await line.hear(wish, patience)

    def _dialogue(self) -> Relay:
        """The relay dialogue with this target's tokens."""
        helo = self.context.identity.helo.encode("ascii")
        return relay(
            helo,
            self._envelope,
            self._message,
            self.forms,
            self.security,
            afterwards=self._afterwards,
        )

    def _envelope(self, form: Form, name: bytes | None, tls: bool) -> Envelope:  # noqa: FBT001
        trial, context = self._trial(form.variant, tls=tls), self.context
        parts = Parts(
            sender=context.token(trial, TokenKind.SENDER),
            recipient=context.token(trial, TokenKind.RECIPIENT),
            domain=context.canary.domains[0],
            other=context.canary.domains[-1],
            ip=self.ip,
            name=name,
        )
        return envelope(form, parts, tls=tls)

    def _message(self, to: Envelope) -> bytes:
        mark = self.context.token(self._trial(to.variant, tls=to.tls), TokenKind.MESSAGE)
        subject = Subject(self.ip, self.port, datetime.now(UTC), mark)
        return payload(compose(self.context.identity, subject, to))

    def _trial(self, variant: str, *, tls: bool) -> Trial:
        return Trial(self.ip, self.port, Probe.SMTP_RELAY, variant, 0, tls)
