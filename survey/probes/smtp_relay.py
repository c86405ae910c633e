"""The ``smtp_relay`` probe: does this server take mail from strangers to strangers?

What is sent and concluded: docs/probes/smtp_relay.md.
"""

import asyncio
from datetime import UTC, datetime

from survey.model.failure import Failure
from survey.model.observation import Observation
from survey.model.probe import Probe
from survey.probes.context import Context
from survey.probes.conversation import Talk
from survey.probes.dialer import unanswered
from survey.probes.smtp_line import SmtpLine
from survey.probes.trial import Trial
from survey.protocols.relay import (
    FORMS,
    CanaryHealthy,
    Command,
    Envelope,
    Form,
    Letter,
    Listen,
    Offer,
    OwnName,
    Relay,
    Reply,
    Wish,
    envelope,
    relay,
)
from survey.protocols.relay_message import Subject, compose, payload
from survey.protocols.token import TokenKind

PACKETS = 32
"""All forms refused: 16 measured; 12 to spare for servers that send each line by itself, and 4
retransmits (``dialer.USER_TIMEOUT_MS``)."""


async def run(ip: int, port: int, context: Context) -> tuple[Observation, ...]:
    """Test one target; one observation per envelope that was tried, all over one connection."""
    dialled = await context.dialer.connect(ip, port, PACKETS, context.timeouts.connect)
    if isinstance(dialled, Failure):
        nothing = Trial(ip, port, Probe.SMTP_RELAY, _forms(context)[0].variant, 0)
        return (nothing.observed(context.attempt, "", unanswered(dialled)),)
    loop = asyncio.get_running_loop()
    started, started_at = loop.time(), datetime.now(UTC)
    line = SmtpLine(loop, dialled, ip, packets=PACKETS, total=context.timeouts.relay)
    try:
        with context.dialer.running_one(line):
            await loop.create_connection(lambda: line, sock=dialled)
            offers = await _converse(line, _dialogue(ip, port, context), context)
    finally:
        line.close()
    duration = loop.time() - started
    return tuple(
        Trial(ip, port, Probe.SMTP_RELAY, offer.variant, 0).observed(
            context.attempt,
            offer.token,
            Talk(offer.answer, started_at, duration, line.evidence),
        )
        for offer in offers
    )


def _forms(context: Context) -> tuple[Form, ...]:
    """The forms to try: at least one."""
    return tuple(form for form in FORMS if context.wants(form.variant))


def _dialogue(ip: int, port: int, context: Context) -> Relay:
    """The relay dialogue with this target's tokens."""

    def token(variant: str, kind: TokenKind) -> str:
        return context.token(Trial(ip, port, Probe.SMTP_RELAY, variant, 0), kind)

    def address(form: Form, name: bytes | None) -> Envelope:
        return envelope(
            form,
            sender=token(form.variant, TokenKind.SENDER),
            recipient=token(form.variant, TokenKind.RECIPIENT),
            domain=context.canary.domains[0],
            name=name,
        )

    def message(to: Envelope) -> bytes:
        mark = token(to.variant, TokenKind.MESSAGE)
        subject = Subject(ip, port, datetime.now(UTC), mark)
        return payload(compose(context.identity, subject, to))

    return relay(context.identity.helo.encode("ascii"), address, message, _forms(context))


async def _converse(line: SmtpLine, dialogue: Relay, context: Context) -> tuple[Offer, ...]:
    """Run the dialogue over the line."""
    wish = next(dialogue)
    while True:
        heard = await _grant(wish, line, context)
        try:
            wish = dialogue.send(heard)
        except StopIteration as end:
            offers: tuple[Offer, ...] = end.value
            return offers


async def _grant(wish: Wish, line: SmtpLine, context: Context) -> Reply | bool:
    limits = context.timeouts
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
        case Command(verb):
            patience = limits.goodbye if verb == b"QUIT" else limits.command
    return await line.hear(wish, patience)
