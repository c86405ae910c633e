"""The door through which letters leave: one mailbox each, never by the server it is about."""

from pathlib import Path

import pytest
from made_receivers import MadeMailbox, mail_server, make_certificate

from survey.errors import ConfigError, MessageError
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.letter_post import LetterDoor, LetterPost
from survey.mail.submission import MailServer
from survey.model.address import parse_ip

TO = "abuse@operator.example"
RELAY = [parse_ip("192.0.2.7")]


def _door(host: str = "smtp.survey.example", *only: str) -> LetterDoor:
    return LetterDoor(Path("outgoing.toml"), host, frozenset(only))


def test_mailbox_elsewhere_is_written_to() -> None:
    """With nothing to narrow it, and within what narrows it."""
    _door().check(TO, RELAY, ["mail.operator.example"])
    _door("smtp.survey.example", "operator.example").check(TO, RELAY, [])


@pytest.mark.parametrize(
    ("email", "names"),
    [
        ("abuse@mail.operator.example", ["mail.operator.example"]),
        ("abuse@MAIL.operator.example", ["Mail.Operator.Example."]),
    ],
)
def test_mailbox_at_the_server_itself_is_not(email: str, names: list[str]) -> None:
    """By the name that was shown to lead to it, however it is written."""
    with pytest.raises(MessageError, match="is at the server"):
        _door().check(email, RELAY, names)


@pytest.mark.parametrize("host", ["192.0.2.7", "[192.0.2.7]", "MAIL.operator.example."])
def test_our_way_out_is_not_the_server_itself(host: str) -> None:
    """Nobody tells an operator through his own open relay."""
    with pytest.raises(MessageError, match="our mail server is itself"):
        _door(host).check(TO, RELAY, ["mail.operator.example"])


def test_domain_that_is_not_on_the_list_is_refused() -> None:
    """With file, key and cure."""
    with pytest.raises(ConfigError, match=r"outgoing.toml: letters.only: does not have"):
        _door("smtp.survey.example", "lab.example").check(TO, RELAY, [])


@pytest.mark.parametrize("email", ["abuse@[192.0.2.7]", "two@a.example, b@c.example", "nobody", ""])
def test_what_is_no_plain_mailbox_is_refused(email: str) -> None:
    """Address literals and lists among it."""
    with pytest.raises(MessageError):
        _door().check(email, RELAY, [])


async def test_each_letter_has_an_envelope_sender_of_its_own(tmp_path: Path) -> None:
    """Over one connection, with TLS; what the server says comes back word for word."""
    pem = make_certificate(tmp_path)
    async with mail_server(MadeMailbox(), pem, starttls=True) as box:
        server = MailServer(
            "localhost", box.port, False, pem, None, None, "x@y.example", "y.example"
        )
        post = LetterPost(server, _door())
        for number in range(2):
            await post.name(f"bounce+{number}@survey.example", TO, 100)
            assert await post.hand(b"Subject: x\r\n\r\nx\r\n") == f"250 2.0.0 taken as {number + 1}"
        box.rcpt = "550 5.1.1 no such user"
        with pytest.raises(NotTakenError, match=r"^550 5\.1\.1 no such user") as caught:
            await post.name("bounce+3@survey.example", TO, 100)
        assert caught.value.final
        box.rcpt, box.hangs_up = None, True
        await post.name("bounce+4@survey.example", TO, 100)
        with pytest.raises(DoubtError):
            await post.hand(b"Subject: x\r\n\r\nx\r\n")
        await post.close()
    assert len(box.taken) == 3
