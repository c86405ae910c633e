"""The relay dialogue over lists of replies."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.address import parse_ip
from survey.model.failure import Failure
from survey.model.observation import Protocol, Step
from survey.model.plan import Depth
from survey.protocols.envelopes import (
    AFTERWARDS,
    FORMS,
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
    Offer,
    Outcome,
    OwnName,
    Reply,
    Secure,
    Security,
    Wish,
    own_name,
    relay,
)

GREETING = b"220 mail.example.com ESMTP\r\n"
HELLO = b"250-mail.example.com\r\n250 SIZE\r\n"
OK = b"250 ok\r\n"
NO = b"554 5.7.1 relay denied\r\n"
START = b"354 go on\r\n"
BYE = b"221 bye\r\n"


FIRST, SECOND = connections(Depth.STANDARD)


class Server:
    """Answers wishes from a table by verb, or by verb and argument; notes what was said.

    Once TLS stands, a key with ``tls`` before it counts first.
    """

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
            b"STARTTLS": b"220 go ahead\r\n",
        } | replies
        self.tls = False
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
            case Secure():
                self.said.append(b"(TLS)")
                failure = self.replies.get(b"TLS")
                self.tls = not isinstance(failure, Failure)
                return Reply(None, failure=None if self.tls else failure)
            case Listen():
                key = words = b""
            case Letter(payload):
                key, words = b"message", payload
            case Command(key, argument):
                words = b"%s %s" % (key, argument) if argument else key
        if words:
            self.said.append(words)
        reply = self.replies.get(words, self.replies[key])
        if self.tls:
            reply = self.replies.get(b"tls " + words, self.replies.get(b"tls " + key, reply))
        if isinstance(reply, Failure):
            return Reply(None, failure=reply)
        return Reply(int(reply[:3]), reply)

    def run(
        self, wanted: tuple[Form, ...] = FIRST, security: Security = Security.IF_ASKED
    ) -> tuple[Offer, ...]:
        """The offers of a whole dialogue."""
        return self.outcome(wanted, security).offers

    def outcome(
        self,
        wanted: tuple[Form, ...] = FIRST,
        security: Security = Security.IF_ASKED,
        afterwards: Form | None = None,
    ) -> Outcome:
        """What came of a whole dialogue."""
        dialogue = relay(
            b"probe.example", address, compose, wanted, security, afterwards=afterwards
        )
        wish = next(dialogue)
        while True:
            try:
                wish = dialogue.send(self.grant(wish))
            except StopIteration as end:
                return end.value


def address(form: Form, name: bytes | None, tls: bool) -> Envelope:  # noqa: FBT001 - relay's call
    """Envelopes with readable tokens."""
    mark = f"{form.variant}tls" if tls else form.variant
    ip = parse_ip("192.0.2.7")
    parts = Parts(f"s{mark}", f"r{mark}", "canary.example", "canary.test", ip, name)
    return envelope(form, parts, tls=tls)


def compose(to: Envelope) -> bytes:
    """A readable message."""
    return b"to " + to.recipient


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


@pytest.mark.parametrize(
    ("reply", "step", "code", "goodbye"),
    [
        (b"501 syntax\r\n", Step.SPOKE, 501, True),
        (OK, Step.ACCEPTED, 250, True),
        (b"421 bye\r\n", Step.SPOKE, 421, False),
        (Failure.CLOSED, Step.SPOKE, None, False),
    ],
)
def test_a_follow_up_asks_behind_a_message_whether_nobody_gets_mail_too(
    reply: bytes | Failure,
    step: Step,
    code: int | None,
    goodbye: bool,  # noqa: FBT001 - a column
) -> None:
    """In the same connection, without a message; the form's own answer stays what it was."""
    server = Server({b"RCPT": OK, b"RCPT TO:<>": reply})
    outcome = server.outcome(afterwards=AFTERWARDS)
    assert server.said[3:7] == [
        b"DATA",
        b"to rV1@canary.example",
        b"MAIL FROM:<sC2@canary.example>",
        b"RCPT TO:<>",
    ]
    assert server.said[7:] == [b"QUIT"] * goodbye
    assert [(o.variant, o.answer.step, o.answer.code) for o in outcome.offers] == [
        ("V1", Step.SENT, 250)
    ]
    assert outcome.afterwards is not None
    control = outcome.afterwards
    assert (control.variant, control.token, control.answer.step) == ("C2", "", step)
    assert control.answer.code == code


@pytest.mark.parametrize("replies", [{}, {b"RCPT": OK, b"DATA": NO}, {b"RCPT": OK, b"message": NO}])
def test_nothing_is_asked_behind_a_message_that_was_not_taken(
    replies: dict[bytes, bytes | Failure],
) -> None:
    """A closed server hears no more than its forms."""
    server = Server(replies)
    assert server.outcome(afterwards=AFTERWARDS).afterwards is None
    assert b"RCPT TO:<>" not in server.said


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


def test_data_that_is_refused_ends_the_connection() -> None:
    """One DATA a connection; what is left is for the next one."""
    server = Server({b"RCPT": OK, b"DATA": NO})
    outcome = server.outcome()
    assert server.said[-2:] == [b"DATA", b"QUIT"]
    assert outcome.left == FIRST[1:]


def test_what_was_left_out_is_not_left_over() -> None:
    """Forms at a name that is not proven are not for the next connection either."""
    outcome = Server({}, named=False).outcome()
    assert [offer.variant for offer in outcome.offers] == ["V1", "V0"]
    assert outcome.left == ()


def test_the_rest_is_left_when_a_server_hangs_up() -> None:
    """It may be asked for it once more."""
    server = Server({b"RCPT TO:<rV3@canary.example>": Failure.CLOSED})
    assert [form.variant for form in server.outcome().left] == ["V0", "C0"]
    assert [form.variant for form in Server({b"RSET": NO}).outcome().left] == ["V3", "V0", "C0"]


def test_no_name_is_looked_up_that_no_form_needs() -> None:
    """The second connection of a standard test."""
    server = Server({})
    assert [offer.variant for offer in server.run(SECOND)] == ["V2", "V5", "V6", "C1"]
    assert server.asked == []


TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"


@pytest.mark.parametrize(
    "refusal",
    [
        TLS_FIRST,
        b"530 5.7.1 TLS required\r\n",
        b"530 Encryption required\r\n",
        b"530-5.7.0\r\n530 Please start TLS\r\n",
    ],
)
@pytest.mark.parametrize("at", [b"MAIL", b"RCPT"])
def test_a_server_that_wants_tls_gets_it_and_the_envelope_again(at: bytes, refusal: bytes) -> None:
    """Its refusal in the clear is no answer of its own; the tokens say that it was inside TLS."""
    server = Server({at: refusal, b"tls MAIL": OK, b"tls RCPT": NO})
    offers = server.run(FIRST[:1])
    assert [(o.variant, o.tls, o.token) for o in offers] == [("V1", True, "rV1tls")]
    assert (offers[0].answer.refused_at, offers[0].answer.code) == ("RCPT", 554)
    at_last = server.said.index(b"STARTTLS")
    assert server.said[at_last:] == [
        b"STARTTLS",
        b"(TLS)",
        b"EHLO probe.example",
        b"MAIL FROM:<sV1tls@canary.example>",
        b"RCPT TO:<rV1tls@canary.example>",
        b"QUIT",
    ]


def test_all_further_forms_go_out_inside_tls() -> None:
    """And a message, if one is wanted; each with its own mark."""
    server = Server(
        {b"MAIL": TLS_FIRST, b"tls MAIL": OK, b"tls RCPT TO:<rV0tls@canary.example>": OK}
    )
    offers = server.run()
    assert [(o.variant, o.tls, o.answer.step) for o in offers] == [
        ("V1", True, Step.SPOKE),
        ("V3", True, Step.SPOKE),
        ("V0", True, Step.SENT),
    ]
    assert b"to rV0tls@canary.example" in server.said
    assert server.said.count(b"STARTTLS") == 1


def test_a_hint_is_enough_where_starttls_is_offered() -> None:
    """The code need not be 530 then."""
    hint = b"554 5.7.1 Session encryption is required\r\n"
    offering = {b"EHLO": b"250-mail.example.com\r\n250 STARTTLS\r\n"}
    assert Server({b"MAIL": hint, b"tls MAIL": OK} | offering).run(FIRST[:1])[0].tls
    assert not Server({b"MAIL": hint, b"tls MAIL": OK}).run(FIRST[:1])[0].tls


def test_nobody_goes_over_to_tls_unasked() -> None:
    """It would cost every server a handshake."""
    server = Server({b"EHLO": b"250-mail.example.com\r\n250 STARTTLS\r\n"})
    assert [offer.tls for offer in server.run()] == [False] * 4
    assert b"STARTTLS" not in server.said


@pytest.mark.parametrize(
    ("replies", "end"),
    [
        ({b"STARTTLS": b"454 TLS not available\r\n"}, ("STARTTLS", 454, None, False)),
        ({b"STARTTLS": b"502 what?\r\n"}, ("STARTTLS", 502, None, False)),
        ({b"STARTTLS": Failure.RESET}, (None, None, Failure.RESET, False)),
        ({b"TLS": Failure.HANDSHAKE}, (None, None, Failure.HANDSHAKE, False)),
        ({b"tls EHLO": NO, b"tls HELO": NO}, ("EHLO", 554, None, True)),
        ({b"tls MAIL": TLS_FIRST}, ("MAIL", 530, None, True)),
        ({b"tls MAIL": b"530 5.7.0 Authentication required\r\n"}, ("MAIL", 530, None, True)),
    ],
)
def test_tls_that_does_not_come_about_is_recorded(
    replies: dict[bytes, bytes | Failure], end: tuple[str | None, int | None, Failure | None, bool]
) -> None:
    """As the answer to the form that wanted it; nobody asks twice."""
    server = Server({b"MAIL": TLS_FIRST} | replies)
    first = server.run(FIRST[:1])[0]
    answer = first.answer
    assert (answer.refused_at, answer.code, answer.failure, first.tls) == end
    assert answer.step is Step.SPOKE
    assert server.said.count(b"STARTTLS") == 1


def test_a_later_connection_starts_with_tls_where_it_was_wanted() -> None:
    """No envelope is said in the clear any more."""
    server = Server({b"MAIL": TLS_FIRST, b"tls MAIL": OK})
    offers = server.run(SECOND, Security.STARTTLS)
    assert server.said[:4] == [
        b"EHLO probe.example",
        b"STARTTLS",
        b"(TLS)",
        b"EHLO probe.example",
    ]
    assert all(offer.tls for offer in offers)
    refusing = Server({b"STARTTLS": b"454 not now\r\n"})
    (offer,) = refusing.run(SECOND, Security.STARTTLS)
    assert (offer.tried, offer.answer.refused_at) == (False, "STARTTLS")


def test_some_ports_begin_with_tls() -> None:
    """Before the greeting; no STARTTLS there."""
    server = Server({})
    offers = server.run(FIRST, Security.AT_ONCE)
    assert server.said[:2] == [b"(TLS)", b"EHLO probe.example"]
    assert [offer.token for offer in offers] == ["rV1tls", "rV3tls", "rV0tls", ""]
    assert all(offer.tls for offer in offers)


@pytest.mark.parametrize("why", [Failure.HANDSHAKE, Failure.STALLED, Failure.RESET])
def test_no_tls_where_it_should_begin_is_the_row(why: Failure) -> None:
    """Nothing was said."""
    server = Server({b"TLS": why})
    (offer,) = server.run(FIRST, Security.AT_ONCE)
    assert (offer.tls, offer.tried, offer.token) == (True, False, "")
    assert (offer.answer.step, offer.answer.failure) == (Step.CONNECTED, why)
    assert server.said == [b"(TLS)"]


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
    st.lists(st.one_of(codes, st.sampled_from(Failure)), min_size=60, max_size=60),
    st.booleans(),
)
def test_no_replies_raise_or_bring_a_second_message(
    replies: list[bytes | Failure],
    named: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """Whatever a stranger answers, there is an offer, and at most one message."""
    server = Server({}, named=named, healthy=(True,) * 10)
    wanted = FORMS[:8]
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
    offers = server.run(wanted)
    assert 1 <= len(offers) <= len(wanted)
    assert sum(words.startswith(b"to ") for words in server.said) <= 1
