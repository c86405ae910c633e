"""Reading security.txt."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.enrichment.contacts.security_txt import MOST_CONTACTS, read_security_txt

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
VALID = "Expires: 2027-05-01T00:00:00.000Z\n"


def emails(text: str) -> list[str]:
    """The mailboxes."""
    return [one.email for one in read_security_txt(text.encode(), NOW)]


def test_mailboxes_in_the_order_of_preference() -> None:
    """The first is preferred (s2.5.3); other kinds of contact are passed over."""
    text = (
        "# how to reach us\r\nContact: https://nube.example/form\r\n"
        "contact: MAILTO:security@nube.example?subject=hello\r\n"
        "Contact: tel:+1-555-0100\r\nContact: mailto:cert%2Bpub@nube.example\r\n"
        "Contact: mailto:security@nube.example\r\n" + VALID
    )

    assert emails(text) == ["security@nube.example", "cert+pub@nube.example"]


def test_a_signed_file_is_read() -> None:
    """As RFC 9116 s2.3 recommends."""
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
        f"Contact: mailto:security@nube.example\n{VALID}"
        "-----BEGIN PGP SIGNATURE-----\n\niHUEARYKAB0WIQ\n-----END PGP SIGNATURE-----\n"
    )

    assert emails(text) == ["security@nube.example"]


@pytest.mark.parametrize(
    "expires",
    ["", "Expires: 2026-11-24T12:00:00Z\n", "Expires: 2027-05-01\n", "Expires: never\n", VALID * 2,
     VALID + "Expires: 2020-01-01T00:00:00Z\n", "Expires: 2027-05-01T00:00:00\n"],
)  # fmt: skip
def test_it_must_say_once_until_when_it_holds(expires: str) -> None:
    """Otherwise nobody knows whether anybody still reads there (s2.5.5)."""
    assert emails("Contact: mailto:security@nube.example\n" + expires) == []


@pytest.mark.parametrize(
    "contact",
    ["mailto:", "mailto:security", "mailto:a%0d%0aBcc:x@nube.example", "security@nube.example",
     "mailto:a@b.example,c@d.example%20e", "mailto:%00@nube.example", "mailto:ñ@nube.example"],
)  # fmt: skip
def test_what_is_no_plain_mailbox_is_left_out(contact: str) -> None:
    """Whatever an escape hides."""
    assert emails(f"Contact: {contact}\n{VALID}") == []


@given(st.binary(max_size=300))
def test_any_bytes_name_a_few_plain_mailboxes_or_none(data: bytes) -> None:
    """Nothing is raised."""
    found = read_security_txt(VALID.encode() + data, NOW)

    assert len(found) <= MOST_CONTACTS
    assert all(one.email.isascii() and one.email.isprintable() for one in found)
