"""Which refusals a mail server can have made without a look at our canary."""

import pytest

from survey.protocols.refusal import asked_nobody


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (454, b"4.7.1 <r@canary.example>: Relay access denied"),
        (550, b"relay not permitted"),
        (550, b"5.7.1 Relaying denied."),
        (551, b"we don't relay. Go away"),
        (530, b"5.7.0 Authentication required"),
        (521, b"5.3.2 no mail here"),
        (421, b"4.7.0 too busy"),
    ],
)
def test_who_speaks_of_relaying_or_of_logins_has_asked_nobody(code: int, text: bytes) -> None:
    """Its rules decided."""
    assert asked_nobody(code, b"%d %b\r\n" % (code, text))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            450,
            b"4.1.1 <r@canary.example>: unverified address: connect to mx.relay.example[192.0.2.9]",
        ),
        (550, b"5.1.1 <r@canary.example>: undeliverable address: relay.canary.example said no"),
        (550, b"Sender verify failed"),
        (451, b"Could not complete recipient verify callout"),
        (550, b"5.1.1 User unknown"),
        (550, b"<relay@canary.example> unknown"),
        (None, b""),
    ],
)
def test_any_other_refusal_may_be_a_callout_s(code: int | None, text: bytes) -> None:
    """Its words are free; a host's name that holds the word is no word of relaying."""
    assert not asked_nobody(code, b"%d %b\r\n" % (code or 0, text))
