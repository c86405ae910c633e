"""The mail servers of the lab behave as their names say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from survey.lab import relaying, smtp
from survey.lab.personality import Personality
from survey.model.address import format_ip

if TYPE_CHECKING:
    from tests.lab.conftest import FarEnd, Mail, Street, Visit

P = Personality


@pytest.mark.parametrize(
    ("personality", "reply"),
    [
        (P.OPEN_RELAY, "250 2.0.0 Ok: queued as "),
        (P.SINK, "250 2.0.0 Ok: queued as "),
        (P.BOUNCER, "250 2.0.0 Ok: queued as "),
        (P.MESSAGE_REJECTED, "554 5.7.1 "),
        (P.RELAY_DEFERRED, "454 4.7.1 <r@canary.example>: Relay access denied"),
        (P.RELAY_REJECTED, "550 5.7.1 <r@canary.example>: Relay access denied"),
        (P.CALLOUT, "550 5.7.1 <r@canary.example>: Relay access denied"),
        (P.OPEN_TO_OWN_NAME, "550 5.7.1 "),
        (P.OPEN_TO_NULL_SENDER, "550 5.7.1 "),
        (P.GREYLIST, "450 4.2.0 "),
        (P.STARTTLS_REQUIRED, "530 5.7.0 Must issue a STARTTLS"),
        (P.AUTH_REQUIRED, "530 5.7.0 Authentication required"),
        (P.BLOCKS_US, "554 5.7.1 "),
        (P.BUSY, "421 4.3.2 "),
    ],
)
async def test_a_strangers_plain_message_gets_its_reply(
    personality: Personality, reply: str, mail: Mail
) -> None:
    """The last reply of the session."""
    assert (await mail(personality)).startswith(reply)


async def test_a_relayed_message_arrives_whole_from_the_relays_address(
    street: Street, far_end: FarEnd, mail: Mail
) -> None:
    """Envelope as given, a trace line on top, dots as they were, HELO with the server's name."""
    await mail(P.OPEN_RELAY)

    message = await far_end.message()
    machine = street.machines[P.OPEN_RELAY]
    assert message.peer == format_ip(machine.ip)
    assert (message.sender, message.recipients) == ("s@canary.example", ("r@canary.example",))
    assert message.content.startswith(b"Received: by " + machine.name.encode())
    assert b"\r\nSubject: a test\r\n\r\n" in message.content
    assert message.content.endswith(b"\r\n..dot\r\n.\r\n")
    assert f"EHLO {machine.name}" in far_end.commands


async def test_a_late_relay_delivers_after_its_answer(far_end: FarEnd, mail: Mail) -> None:
    """The 250 comes first, the message a good second later."""
    await mail(P.OPEN_RELAY_LATE)

    assert not far_end.messages
    assert (await far_end.message()).recipients == ("r@canary.example",)


async def test_a_bouncer_sends_the_whole_message_to_the_envelope_sender(
    far_end: FarEnd, mail: Mail
) -> None:
    """Null sender, the stranger's message inside: only the envelope tells it from relaying."""
    await mail(P.BOUNCER)

    message = await far_end.message()
    assert (message.sender, message.recipients) == ("", ("s@canary.example",))
    assert b"a" * 56 in message.content


async def test_a_bouncer_bounces_to_nobody_else(far_end: FarEnd, mail: Mail) -> None:
    """A sender outside the canary's domains gets nothing; nor does the null sender."""
    await mail(P.BOUNCER, "victim@victim.example")
    await mail(P.BOUNCER, "")
    await mail(P.BOUNCER)

    await far_end.message()
    assert [one.recipients for one in far_end.messages] == [("s@canary.example",)]


async def test_a_callout_asks_about_the_sender_and_sends_nothing(
    far_end: FarEnd, mail: Mail
) -> None:
    """MAIL from the null sender, RCPT to the sender, QUIT; for strange senders nothing at all."""
    await mail(P.CALLOUT, "victim@victim.example")
    assert far_end.commands == []

    await mail(P.CALLOUT)
    assert far_end.commands[1:] == ["MAIL FROM:<>", "RCPT TO:<s@canary.example>", "QUIT"]


async def test_a_greylist_refuses_for_good_when_the_same_triplet_returns(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """450 at first; after the pause it turns out to be closed."""
    assert (await mail(P.GREYLIST)).startswith("450")
    monkeypatch.setattr(relaying, "_GREYLIST_PAUSE", 0.0)

    assert (await mail(P.GREYLIST)).startswith("454")
    assert (await mail(P.GREYLIST, "other@canary.example")).startswith("454")


async def test_a_wordy_greeting_has_several_lines(visit: Visit) -> None:
    """220- twice, then 220 with a space."""
    async with visit(P.OPEN_RELAY_WORDY) as client:
        lines = [(await client.line())[:4] for _ in range(3)]

    assert lines == [b"220-", b"220-", b"220 "]


async def test_who_talks_before_the_greeting_ends_is_turned_away(visit: Visit) -> None:
    """As postscreen does."""
    async with visit(P.OPEN_RELAY_WORDY) as client:
        client.say(b"EHLO hasty.example\r\n")

        assert (await client.reply()).startswith("554 5.5.1")
        assert await client.rest() == b""


@pytest.mark.parametrize("personality", [P.RELAY_DEFERRED, P.RELAY_REJECTED, P.CALLOUT, P.SINK])
async def test_a_servers_own_postmaster_is_always_accepted(
    personality: Personality, street: Street, far_end: FarEnd, mail: Mail
) -> None:
    """A closed server takes mail for itself, and passes it on to nobody."""
    name = street.machines[personality].name

    assert (await mail(personality, recipient=f"postmaster@{name}")).startswith("250")
    await asyncio.sleep(0)
    assert far_end.messages == []


async def test_commands_out_of_order_or_unknown_are_refused(visit: Visit) -> None:
    """RFC 5321 section 4.2.2; nothing of it ends the session but QUIT."""
    async with visit(P.OPEN_RELAY) as client:
        await client.reply()

        assert (await client.command("RCPT TO:<r@canary.example>")).startswith("503")
        assert (await client.command("DATA")).startswith("503")
        assert (await client.command("EHLO")).startswith("501")
        assert (await client.command("MAIL FROM:s@canary.example")).startswith("501")
        assert (await client.command("MAIL FROM:<s@canary.example> SIZE=10")).startswith("250")
        assert (await client.command("RCPT TO:<>")).startswith("501")
        assert (await client.command("RSET")).startswith("250")
        assert (await client.command("RCPT TO:<r@canary.example>")).startswith("503")
        assert (await client.command("HELO a.example")).startswith("250")
        assert (await client.command("STARTTLS")).startswith("454")
        assert (await client.command("GET / HTTP/1.1")).startswith("500")
        assert (await client.command("QUIT")).startswith("221")
        assert await client.rest() == b""


async def test_a_session_with_too_many_errors_ends(visit: Visit) -> None:
    """421, and the connection closes."""
    async with visit(P.RELAY_REJECTED) as client:
        await client.reply()
        for _ in range(smtp.MOST_ERRORS):
            assert (await client.command("WHAT")).startswith("500")

        assert (await client.reply()).startswith("421")
        assert await client.rest() == b""


async def test_a_message_that_is_too_big_is_refused(
    visit: Visit, far_end: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """552, and nothing is passed on."""
    monkeypatch.setattr(smtp, "_LONGEST_MESSAGE", 100)
    async with visit(P.OPEN_RELAY) as client:
        await client.reply()
        for line in ("EHLO a.example", "MAIL FROM:<>", "RCPT TO:<r@canary.example>", "DATA"):
            await client.command(line)
        client.say(b"too much\r\n" * 20 + b".\r\n")

        assert (await client.reply()).startswith("552")
    assert far_end.messages == []
