"""The relay dialogue over lists of replies."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
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
    Reply,
    Wish,
    envelope,
    own_name,
    relay,
)

GREETING = b"220 mail.example.com ESMTP\r\n"
HELLO = b"250-mail.example.com\r\n250 SIZE\r\n"
OK = b"250 ok\r\n"
NO = b"554 5.7.1 relay denied\r\n"
START = b"354 go on\r\n"
BYE = b"221 bye\r\n"


class Server:
    """Answers wishes from a table by verb, or by verb and argument; notes what was said."""

    def __init__(
        self,
        replies: dict[bytes, bytes | Failure],
        *,
        named: bool = True,
        healthy: Iterable[bool] = (True,) * 10,
    ) -> None:
        self.replies = {
            b"": GREETING,
            b"EHLO": HELLO,
            b"HELO": NO,
            b"MAIL": OK,
            b"RCPT": NO,
            b"RSET": OK,
            b"DATA": START,
            b"message": OK,
            b"QUIT": BYE,
        } | replies
        self.named = named
        self.healthy = list(healthy)
        self.said: list[bytes] = []
        self.asked: list[bytes] = []

    def grant(self, wish: Wish) -> Reply | bool:
        """What comes of a wish."""
        match wish:
            case CanaryHealthy():
                return self.healthy.pop(0)
            case OwnName(name):
                self.asked.append(name)
                return self.named
            case Listen():
                key = words = b""
            case Letter(payload):
                key, words = b"message", payload
            case Command(key, argument):
                words = b"%s %s" % (key, argument) if argument else key
        if words:
            self.said.append(words)
        reply = self.replies.get(words, self.replies[key])
        if isinstance(reply, Failure):
            return Reply(None, failure=reply)
        return Reply(int(reply[:3]), reply)

    def run(self) -> tuple[Offer, ...]:
        """The offers of a whole dialogue."""
        dialogue = relay(b"probe.example", address, lambda to: b"to " + to.recipient)
        wish = next(dialogue)
        while True:
            try:
                wish = dialogue.send(self.grant(wish))
            except StopIteration as end:
                return end.value


def address(form: Form, name: bytes | None) -> Envelope:
    """Envelopes with readable tokens."""
    return envelope(form, f"s{form.variant}", f"r{form.variant}", "canary.example", name)


def test_a_closed_server_hears_every_form_and_gets_no_message() -> None:
    """Exact bytes, RSET between the forms, QUIT at the end."""
    server = Server({b"RCPT TO:<postmaster@mail.example.com>": OK})
    offers = server.run()
    assert server.said == [
        b"EHLO probe.example",
        b"MAIL FROM:<sV1@canary.example>",
        b"RCPT TO:<rV1@canary.example>",
        b"RSET",
        b"MAIL FROM:<postmaster@mail.example.com>",
        b"RCPT TO:<rV3@canary.example>",
        b"RSET",
        b"MAIL FROM:<>",
        b"RCPT TO:<rV0@canary.example>",
        b"RSET",
        b"MAIL FROM:<sC0@canary.example>",
        b"RCPT TO:<postmaster@mail.example.com>",
        b"QUIT",
    ]
    assert [offer.variant for offer in offers] == ["V1", "V3", "V0", "C0"]
    assert [offer.token for offer in offers] == ["rV1", "rV3", "rV0", ""]
    assert [offer.answer.step for offer in offers] == [*[Step.SPOKE] * 3, Step.ACCEPTED]
    assert {(o.answer.refused_at, o.answer.code) for o in offers[:3]} == {("RCPT", 554)}
    assert offers[3].answer.refused_at is None


def test_the_first_accepted_recipient_gets_the_one_message() -> None:
    """Then we leave; no control is needed any more."""
    server = Server({b"RCPT": OK})
    offers = server.run()
    assert server.said[3:] == [b"DATA", b"to rV1@canary.example", b"QUIT"]
    assert [(o.variant, o.answer.step, o.answer.code) for o in offers] == [("V1", Step.SENT, 250)]


def test_a_later_form_may_be_the_accepted_one() -> None:
    """A server that trusts senders at its own name is found by V3."""
    server = Server({b"RCPT TO:<rV3@canary.example>": OK})
    offers = server.run()
    assert [(o.variant, o.answer.step) for o in offers] == [("V1", Step.SPOKE), ("V3", Step.SENT)]
    assert sum(words.startswith(b"to ") for words in server.said) == 1


def test_no_mailbox_at_the_server_is_named_unless_its_name_is_its_own() -> None:
    """The name is asked about once, and the forms that need it are left out."""
    server = Server({}, named=False)
    assert [offer.variant for offer in server.run()] == ["V1", "V0"]
    assert server.asked == [b"mail.example.com"]
    assert not any(b"mail.example.com" in words for words in server.said)


def test_the_greeting_s_name_is_tried_after_the_reply_s() -> None:
    """A server may greet under another name."""
    server = Server({b"": b"220 other.example.com ESMTP\r\n"}, named=False)
    server.run()
    assert server.asked == [b"mail.example.com", b"other.example.com"]


def test_old_servers_are_greeted_in_the_old_way() -> None:
    """HELO after a refused EHLO."""
    server = Server({b"EHLO": b"502 unknown\r\n", b"HELO": OK})
    assert server.run()[0].answer.refused_at == "RCPT"
    assert server.said[:2] == [b"EHLO probe.example", b"HELO probe.example"]


@pytest.mark.parametrize(
    ("replies", "at", "code", "step"),
    [
        ({b"": b"554 no\r\n"}, "GREETING", 554, Step.SPOKE),
        ({b"": b"421 busy\r\n"}, "GREETING", 421, Step.SPOKE),
        ({b"EHLO": b"554 no\r\n"}, "EHLO", 554, Step.SPOKE),
        ({b"EHLO": b"421 no\r\n"}, "EHLO", 421, Step.SPOKE),
        ({b"MAIL": b"530 5.7.0 STARTTLS first\r\n"}, "MAIL", 530, Step.SPOKE),
        ({b"MAIL": b"421 bye\r\n"}, "MAIL", 421, Step.SPOKE),
        ({b"RCPT": b"454 4.7.1 Relay access denied\r\n"}, "RCPT", 454, Step.SPOKE),
        ({b"RCPT": b"450 4.2.0 greylisted\r\n"}, "RCPT", 450, Step.SPOKE),
        ({b"RCPT": OK, b"DATA": b"554 no\r\n"}, "DATA", 554, Step.ACCEPTED),
        ({b"RCPT": OK, b"message": b"554 spam\r\n"}, "MESSAGE", 554, Step.ACCEPTED),
    ],
)
def test_refusals_are_recorded_not_judged(
    replies: dict[bytes, bytes], at: str, code: int, step: Step
) -> None:
    """Where, and with which code; rules judge later."""
    first = Server(replies).run()[0]
    assert (first.variant, first.answer.refused_at, first.answer.code) == ("V1", at, code)
    assert (first.answer.step, first.answer.failure) == (step, None)
    assert first.answer.protocol is Protocol.SMTP


@pytest.mark.parametrize("at", [b"", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"message"])
@pytest.mark.parametrize("why", [Failure.RESET, Failure.STALLED, Failure.DEADLINE])
def test_a_break_at_any_point_ends_it_and_is_kept(at: bytes, why: Failure) -> None:
    """Nothing is said into a broken connection."""
    server = Server({b"RCPT": OK, at: why})
    offers = server.run()
    assert [offer.answer.failure for offer in offers] == [why]
    assert not server.said or not server.said[-1].startswith(b"QUIT")


def test_nothing_follows_a_closing_reply() -> None:
    """421 means that the server hangs up."""
    server = Server({b"RCPT": b"421 too many errors\r\n"})
    assert len(server.run()) == 1
    assert server.said[-1].startswith(b"RCPT")


def test_a_refused_reset_ends_it() -> None:
    """Without it, two forms could be taken for one."""
    server = Server({b"RSET": b"500 what?\r\n"})
    assert [offer.variant for offer in server.run()] == ["V1"]


@pytest.mark.parametrize("healthy", [(False,), (True, False)])
def test_no_message_is_sent_while_the_canary_is_not_well(healthy: tuple[bool, ...]) -> None:
    """Asked right before DATA and right before the message; a bounce would go to somebody."""
    server = Server({b"RCPT": OK}, healthy=healthy)
    (offer,) = server.run()
    assert (offer.answer.step, offer.answer.failure) == (Step.ACCEPTED, Failure.ABORTED)
    assert not any(words.startswith(b"to ") for words in server.said)
    assert server.said[-1] == (b"QUIT" if len(healthy) == 1 else b"DATA")


def test_an_ftp_server_is_told_from_a_refusing_mail_server() -> None:
    """Both greet with 220."""
    server = Server({b"": b"220 ProFTPD Server ready\r\n", b"EHLO": NO})
    (offer,) = server.run()
    assert offer.answer.protocol is Protocol.FTP
    assert offer.answer.failure is Failure.WRONG_PROTOCOL


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (b"220 mail.example.com ESMTP", b"mail.example.com"),
        (b"220-Mail.Example.COM. hello", b"mail.example.com"),
        (b"250 mail.example.com\r\n250 x", b"mail.example.com"),
        (b"250-mail.example.com\r\n", b"mail.example.com"),
        (b"250 mail.example.com", b"mail.example.com"),
        (b"220 localhost ESMTP", None),
        (b"220 [192.0.2.1] ESMTP", None),
        (b"220 192.0.2.1 ESMTP", None),
        (b"220 -a.example.com ESMTP", None),
        (b"220 a_b.example.com ESMTP", None),
        (b"220 mail.example.com> ESMTP", None),
        (b"220 mail.example.com>\r\nRCPT TO:<x@y.example", None),
        (b"220 " + b"a" * 64 + b".example.com", None),
        (b"220 " + b"a." * 130 + b"example.com", None),
        (b"220 \xff\xfe.example.com", None),
        (b"", None),
    ],
)
def test_only_a_host_name_is_taken_for_one(reply: bytes, name: bytes | None) -> None:
    """It will stand in an envelope: nothing but letters, digits, hyphens and dots."""
    assert own_name(reply) == name


@given(st.binary(max_size=300))
def test_no_name_holds_what_could_end_an_address(data: bytes) -> None:
    """Whatever a stranger calls itself."""
    name = own_name(b"250 " + data)
    assert name is None or name.translate(None, b"abcdefghijklmnopqrstuvwxyz0123456789.-") == b""


codes = st.integers(200, 599).map(lambda code: b"%d x\r\n" % code)


@given(
    st.lists(st.one_of(codes, st.sampled_from(Failure)), min_size=30, max_size=30),
    st.booleans(),
)
def test_no_replies_raise_or_bring_a_second_message(
    replies: list[bytes | Failure],
    named: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """Whatever a stranger answers, there is an offer, and at most one message."""
    server = Server({}, named=named, healthy=(True,) * 10)
    granted = server.grant

    def grant(wish: Wish) -> Reply | bool:
        heard = granted(wish)
        if isinstance(heard, bool):
            return heard
        reply = replies.pop()
        if isinstance(reply, Failure):
            return Reply(None, failure=reply)
        return Reply(int(reply[:3]), reply)

    server.grant = grant  # type: ignore[method-assign]
    offers = server.run()
    assert 1 <= len(offers) <= len(FORMS)
    assert sum(words.startswith(b"to ") for words in server.said) <= 1
