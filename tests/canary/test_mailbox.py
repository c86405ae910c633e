"""What we accept."""

from collections.abc import Callable
from typing import Any

import pytest

from survey.canary.mailbox import Mailbox, understand
from survey.protocols.token import TokenKind

OURS = frozenset({b"canary.example", b"canary.example.net"})


def _mailbox(tokens: Any, address: str) -> Mailbox:
    return understand(tokens.key, OURS, address.encode("latin-1")).mailbox


@pytest.mark.parametrize("case", [str.lower, str.upper, str.swapcase, str.title])
def test_recipient_token_is_known_in_any_case(tokens: Any, case: Callable[[str], str]) -> None:
    """Relays fold case; the token in the record is the one that was made."""
    recipient = understand(tokens.key, OURS, case(f"{tokens.recipient}@canary.example").encode())

    assert recipient.mailbox is Mailbox.RECIPIENT
    assert recipient.token == tokens.recipient
    assert recipient.claims == tokens.claims


@pytest.mark.parametrize(
    "form",
    [
        '"{t}"@canary.example',
        "{t}+x@canary.example",
        "x-{t}@canary.example",
        "{t}%other.example@canary.example",
        "{t}%canary.example@canary.example.net",
        "{t}@canary.example@canary.example",
        '"{t}@canary.example"@canary.example',
        "@relay.example:{t}@canary.example",
        "canary.example!{t}@canary.example",
    ],
)
def test_rewritten_recipient_is_taken_but_is_no_recipient(tokens: Any, form: str) -> None:
    """Every token of ours is answered with 250, yet only the envelope as sent can prove."""
    mailbox = _mailbox(tokens, form.format(t=tokens.recipient))

    assert mailbox is Mailbox.OTHER_TOKEN
    assert mailbox.accepted


@pytest.mark.parametrize("kind", [TokenKind.MESSAGE, TokenKind.HELO, TokenKind.TUNNEL])
def test_token_of_another_kind_is_no_recipient(tokens: Any, kind: TokenKind) -> None:
    """A token in a place where it does not belong proves nothing."""
    assert _mailbox(tokens, f"{tokens.of(kind)}@canary.example") is Mailbox.OTHER_TOKEN


@pytest.mark.parametrize(
    "form",
    [
        "{t}@elsewhere.example",
        "{t}@canary.example.elsewhere.example",
        "{t}%canary.example@192.0.2.7",
        '"{t}@canary.example"@relay.example',
        "{t}@canary.example@",
        "{t}@canary.example.",
        '"{t}@canary.example"',
        "canary.example!{t}",
        "{t}",
        "postmaster@elsewhere.example",
        "canary.example",
    ],
)
def test_other_domain_is_foreign(tokens: Any, form: str) -> None:
    """We relay nothing, token or not."""
    mailbox = _mailbox(tokens, form.format(t=tokens.recipient))

    assert mailbox is Mailbox.FOREIGN
    assert not mailbox.accepted


@pytest.mark.parametrize(
    "address",
    [
        "postmaster@canary.example",
        "PostMaster@Canary.Example.Net",
        "abuse@canary.example",
        "Postmaster",
    ],
)
def test_staff_can_be_reached(tokens: Any, address: str) -> None:
    """RFC 2142 and RFC 5321 s4.5.1."""
    assert _mailbox(tokens, address) is Mailbox.STAFF


@pytest.mark.parametrize("local", ["info", "", "a" * 56, "root", "abuse2"])
def test_nobody_else_lives_here(tokens: Any, local: str) -> None:
    """What looks like a token and is none is unknown."""
    assert _mailbox(tokens, f"{local}@canary.example") is Mailbox.UNKNOWN


def test_token_of_another_key_is_unknown(tokens: Any) -> None:
    """Only the holder of the key makes mailboxes."""
    other = type(tokens)(key=b"o" * 32)

    assert _mailbox(tokens, f"{other.recipient}@canary.example") is Mailbox.UNKNOWN


def test_sender_token_is_where_bounces_come_home(tokens: Any) -> None:
    """Its mailbox exists, so no bounce of a bounce arises."""
    assert _mailbox(tokens, f"{tokens.sender}@canary.example.net") is Mailbox.SENDER
