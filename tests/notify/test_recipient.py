"""Letters go to operators, never to registries or to what is no mailbox."""

import pytest

from survey.errors import MessageError
from survey.model.contact import Contact
from survey.notify.recipient import check_recipient


def _contact(email: str) -> Contact:
    return Contact(email, "Altamar", "es", "contact-1")


def test_operators_mailbox_is_taken() -> None:
    """The usual case; also a domain that only ends like a registry's."""
    for email in ("abuse@altamar.example", "abuse@notripe.net.example", "abuse@xripe.net"):
        assert check_recipient(_contact(email)).email == email


@pytest.mark.parametrize(
    "email",
    ["abuse@lacnic.net", "abuse@LACNIC.net", "noc@mail.ripe.net", "hostmaster@registro.br"],
)
def test_registrys_mailbox_is_refused(email: str) -> None:
    """In any case and below any name."""
    with pytest.raises(MessageError, match="registry's mailbox"):
        check_recipient(_contact(email))


@pytest.mark.parametrize("email", ["", "abuse", "a@b", "a@b.example\r\nBcc: c@d.example"])
def test_what_is_no_mailbox_is_refused(email: str) -> None:
    """A registry's text is a stranger's."""
    with pytest.raises(MessageError):
        check_recipient(_contact(email))


def test_no_contact_is_refused() -> None:
    """Nobody is guessed."""
    with pytest.raises(MessageError, match="names a contact"):
        check_recipient(None)
