"""Second opinions on mail relays: aiosmtplib's own API introduces us, writes envelope and message.

Only for plain envelopes: aiosmtplib rewrites what is quoted or routed, and then it would be another
test.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parseaddr

import aiosmtplib

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Observation, Protocol, Step
from survey.model.probe import Probe
from survey.probes import smtp_relay
from survey.probes.context import Context
from survey.probes.conversation import Talk
from survey.probes.dialer import unanswered
from survey.probes.failures import failure_of_smtp
from survey.probes.splice import Splice
from survey.probes.trial import Trial
from survey.protocols.dialogue import Answer
from survey.protocols.envelopes import AFTERWARDS, FORMS, Envelope, Form, Parts, envelope
from survey.protocols.relay import own_name
from survey.protocols.relay_message import Subject, compose
from survey.protocols.token import TokenKind

_REFUSALS = range(400, 600)
_CLOSING = 421
_DATA = b"DATA\r\n"


def carries(form: Form) -> bool:
    """Whether aiosmtplib would write this form's envelope as it is."""
    parts: dict[str, str] = defaultdict(lambda: "x.example")
    addresses = (form.sender.format_map(parts), form.recipient.format_map(parts))
    return not form.control and all(parseaddr(one)[1] == one for one in addresses)


def wanted(context: Context) -> tuple[Form, ...]:
    """The forms of a second opinion that aiosmtplib can carry."""
    return tuple(form for form in FORMS if context.wants(form.variant) and carries(form))


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target with the first wanted form: one message at most, the control behind it."""
    form = wanted(context)[0]
    trial = Trial(ip, port, Probe.SMTP_RELAY, form.variant, 0)
    behind = replace(trial, variant=AFTERWARDS.variant)
    limits = context.timeouts
    paid = smtp_relay.packets(1 + context.asks_afterwards)
    dialled = await context.dialer.connect(ip, port, paid, limits.connect)
    if isinstance(dialled, Failure):
        return (trial.observed(context.attempt, "", unanswered(dialled)),)
    loop = asyncio.get_running_loop()
    started, started_at = loop.time(), datetime.now(UTC)
    token = context.token(trial, TokenKind.RECIPIENT)
    allowance = context.dialer.allowance(paid)
    splice = Splice(dialled, ip, allowance=allowance, total=limits.relay)
    with context.dialer.running_one(splice):
        async with splice:
            visit = _Visit(splice, trial, form, token, context)
            answer = await visit.test()
            splice.kindly = answer.failure is None
    duration = loop.time() - started
    answers = [(trial, token, answer)]
    if visit.afterwards is not None:
        answers.append((behind, "", visit.afterwards))
    return tuple(
        one.observed(context.attempt, mark, Talk(came, started_at, duration, splice.evidence))
        for one, mark, came in answers
    )


class _Visit:
    """One conversation of aiosmtplib's client with a mail server.

    Attributes:
        afterwards: What came of the control behind the message, if it was asked.
    """

    def __init__(
        self, splice: Splice, trial: Trial, form: Form, token: str, context: Context
    ) -> None:
        self._splice, self._trial, self._form = splice, trial, form
        self._token, self._context = token, context
        self._step = Step.CONNECTED
        self.afterwards: Answer | None = None
        self._smtp = aiosmtplib.SMTP(
            hostname=None,
            sock=splice.near,
            local_hostname=context.identity.helo,
            start_tls=False,
            timeout=context.timeouts.greeting,
        )

    async def test(self) -> Answer:
        """What came of it."""
        at, said = "GREETING", 0
        try:
            await self._smtp.connect()
            self._step = Step.SPOKE
            at = "EHLO"
            name = await self._introduce()
            if self._form.own_name and name is None:
                return await self._leave(Answer(Step.SPOKE, None, Protocol.SMTP))
            to = self._envelope(name, self._trial, self._form)
            at = "MAIL"
            await self._smtp.mail(to.sender.decode("ascii"))
            at = "RCPT"
            await self._smtp.rcpt(to.recipient.decode("ascii"))
            self._step = Step.ACCEPTED
            if not self._may_send():
                kept_back = Answer(Step.ACCEPTED, Failure.ABORTED, Protocol.SMTP)
                return await self._leave(kept_back)
            at = "DATA"
            said = self._splice.evidence.bytes_out
            self._context.messages.spend(self._splice.ip)
            code, text = await self._smtp.data(
                self._message(to), timeout=self._context.timeouts.message
            )
            self._step = Step.SENT
            taken = self._answer(code, text)
            if self._context.asks_afterwards:
                self.afterwards = await self._ask_afterwards()
            return await self._leave(taken)
        except aiosmtplib.SMTPResponseException as error:
            if error.code not in _REFUSALS:
                return self._broken(error)
            if at == "DATA" and self._splice.evidence.bytes_out > said + len(_DATA):
                at = "MESSAGE"
            if at == "GREETING":
                self._step = Step.SPOKE
            refused = self._answer(error.code, error.message, at)
            return refused if error.code == _CLOSING else await self._leave(refused)
        except aiosmtplib.SMTPException as error:
            return self._broken(error)
        finally:
            self._smtp.close()

    async def _ask_afterwards(self) -> Answer:
        """Whether it takes mail for nobody, too; whatever comes, the message was taken."""
        trial = replace(self._trial, variant=AFTERWARDS.variant)
        control = self._envelope(None, trial, AFTERWARDS)
        step, at = Step.SPOKE, "MAIL"
        try:
            await self._smtp.mail(control.sender.decode("ascii"))
            at = "RCPT"
            code, text = await self._smtp.rcpt(control.recipient.decode("ascii"))
        except aiosmtplib.SMTPResponseException as error:
            if error.code in _REFUSALS:
                return _said(step, error.code, error.message, at)
            return Answer(step, failure_of_smtp(error), Protocol.SMTP)
        except aiosmtplib.SMTPException as error:
            return Answer(step, self._splice.failure or failure_of_smtp(error), Protocol.SMTP)
        return _said(Step.ACCEPTED, code, text)

    async def _introduce(self) -> bytes | None:
        """Say who we are; the server's own name, if it resolves to the tested address."""
        limit = self._context.timeouts.command
        try:
            hello = await self._smtp.ehlo(timeout=limit)
        except aiosmtplib.SMTPHeloError:
            hello = await self._smtp.helo(timeout=limit)
        name = own_name(b"250 " + hello.message.encode("latin-1", "replace"))
        if name is None or not self._form.own_name:
            return None
        return name if await self._context.names.points_to(name, self._splice.ip) else None

    def _may_send(self) -> bool:
        """Whether our mailbox would take a message now, and this host may get one more."""
        return self._context.canary_healthy() and self._context.messages.left(self._splice.ip)

    def _envelope(self, name: bytes | None, trial: Trial, form: Form) -> Envelope:
        parts = Parts(
            sender=self._context.token(trial, TokenKind.SENDER),
            recipient=self._token,
            domain=self._context.canary.domains[0],
            other=self._context.canary.domains[-1],
            ip=trial.ip,
            name=name,
        )
        return envelope(form, parts, tls=False)

    def _message(self, to: Envelope) -> bytes:
        trial = self._trial
        mark = self._context.token(trial, TokenKind.MESSAGE)
        subject = Subject(trial.ip, trial.port, datetime.now(UTC), mark)
        return compose(self._context.identity, subject, to)

    async def _leave(self, answer: Answer) -> Answer:
        """Say goodbye; what becomes of it is of no interest."""
        with suppress(aiosmtplib.SMTPException):
            await self._smtp.quit(timeout=self._context.timeouts.goodbye)
        return answer

    def _answer(self, code: int, text: str, at: str | None = None) -> Answer:
        return _said(self._step, code, text, at)

    def _broken(self, error: aiosmtplib.SMTPException) -> Answer:
        heard = self._splice.evidence.received
        failure = self._splice.failure or failure_of_smtp(error)
        spoke = Protocol.SMTP if self._step is not Step.CONNECTED else None
        return Answer(self._step, failure, spoke, reply=heard)


def _said(step: Step, code: int, text: str, at: str | None = None) -> Answer:
    reply = f"{code} {text}".encode("latin-1", "replace")[:MAX_EVIDENCE]
    return Answer(step, None, Protocol.SMTP, refused_at=at, code=code, reply=reply)
