"""A report's message is sealed for its reader, signed, and bent by nobody."""

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pysequoia import Cert, Sig, Tsk, decrypt, verify

from survey.errors import MessageError
from survey.mail.message import Attachment, Mailbox
from survey.mail.report_message import ReportMail, Signature, report_message

FILES = (
    Attachment("list.csv", "text/csv", b"ip,port\n192.0.2.7,25\n"),
    Attachment("table.parquet", "application/vnd.apache.parquet", bytes(range(256)) * 40),
    Attachment("manifest.json", "application/json", b'{"files": []}\n'),
)
TEXT = "Dear colleagues,\n\nFrom the survey: ñ, 日本.\n.\nFrom here on nothing.\n"


def _mail(**other: object) -> ReportMail:
    said: dict[str, object] = {
        "sender": Mailbox('Survey "team"', "reports@survey.example"),
        "reply_to": "desk@survey.example",
        "recipient": "one@es-prueba.example",
        "subject": "[TLP:AMBER] Secure Your Server: report 2026-W48",
        "text": TEXT,
        "files": FILES,
        "reference": "report.0123abcd",
        "date": datetime(2026, 11, 26, 9, 0, tzinfo=UTC),
    }
    return ReportMail(**(said | other))  # type: ignore[arg-type]


def _read(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def _check_content(message: EmailMessage) -> None:
    text, *files = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert text.get_content().replace("\r\n", "\n") == TEXT
    assert [part.get_filename() for part in files] == [file.name for file in FILES]
    for part, file in zip(files, FILES, strict=True):
        assert part.get_payload(decode=True).replace(b"\r\n", b"\n") == file.data.replace(
            b"\r\n", b"\n"
        )


@pytest.fixture(scope="module")
def ours() -> Tsk:
    """Our signing key."""
    return Tsk.generate("Measurement team <reports@survey.example>")


@pytest.fixture(scope="module")
def theirs() -> Tsk:
    """The agency's key."""
    return Tsk.generate("Agencia <one@es-prueba.example>")


def _store(*keys: Tsk) -> Callable[[list[str]], list[Cert]]:
    return lambda _ids: [key.extract_certificate() for key in keys]


def test_plain_message_has_text_and_files() -> None:
    """Headers as they should be, every byte of each file, lines that mail can carry."""
    data = report_message(_mail(), None, None, None)
    message = _read(data)
    assert message["Message-ID"] == "<report.0123abcd@survey.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"].addresses[0].display_name == 'Survey "team"'
    assert message["Subject"] == "[TLP:AMBER] Secure Your Server: report 2026-W48"
    _check_content(message)
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert data == report_message(_mail(), None, None, None)


def test_encrypted_message_shows_nothing(ours: Tsk, theirs: Tsk) -> None:
    """Subject, names and content are inside; it is signed by us, and only they can read it."""
    data = report_message(_mail(), theirs.extract_certificate(), ours, None)
    message = _read(data)
    assert message.get_content_type() == "multipart/encrypted"
    assert message["Subject"] == "..."
    for hidden in (b"2026-W48", b"list.csv", b"192.0.2.7"):
        assert hidden not in data
    control, sealed = message.iter_parts()
    assert control.get_content_type() == "application/pgp-encrypted"
    opened = decrypt(
        sealed.get_payload(decode=True), decryptor=theirs.decryptor(), store=_store(ours)
    )
    assert len(opened.valid_sigs) == 1
    assert opened.bytes is not None
    inner = _read(opened.bytes)
    assert inner["Subject"] == "[TLP:AMBER] Secure Your Server: report 2026-W48"
    _check_content(inner)
    stranger = Tsk.generate("X <x@y.example>")
    with pytest.raises(Exception, match=r"decrypt|key|session"):
        decrypt(sealed.get_payload(decode=True), decryptor=stranger.decryptor())


def test_signed_message_can_be_checked(ours: Tsk) -> None:
    """The detached signature is over the first part as it travels (RFC 3156 s5)."""
    data = report_message(_mail(), None, ours, None)
    message = _read(data)
    assert message.get_content_type() == "multipart/signed"
    limit = b"\r\n--" + message.get_boundary().encode()
    part = data.split(limit)[1].removeprefix(b"\r\n")
    content, signature = message.iter_parts()
    armored = signature.get_payload(decode=True)
    assert verify(bytes=part, store=_store(ours), signature=Sig.from_bytes(armored)).valid_sigs
    kind = str(Sig.from_bytes(armored).hash_algorithm)
    assert message.get_param("micalg") == f"pgp-{kind.rpartition('.')[2].lower()}"
    assert isinstance(content, EmailMessage)
    _check_content(content)


@pytest.mark.parametrize("sealed", [False, True])
def test_dkim_holds_over_headers_and_content(ours: Tsk, theirs: Tsk, *, sealed: bool) -> None:
    """A verifier with the public key in the DNS finds it valid, and a changed subject not."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signature = Signature("survey.example", "s1", pem)
    cert = theirs.extract_certificate() if sealed else None
    data = report_message(_mail(), cert, ours if sealed else None, signature)

    def dns(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 - dkimpy's signature
        assert name == b"s1._domainkey.survey.example."
        import base64  # noqa: PLC0415

        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    assert dkim.verify(data, dnsfunc=dns)
    assert not dkim.verify(data.replace(b"To: one@", b"To: two@"), dnsfunc=dns)
    with pytest.raises(MessageError, match="DKIM"):
        report_message(_mail(), None, None, Signature("survey.example", "s1", b"none"))


@pytest.mark.parametrize(
    "other",
    [
        {"recipient": "a@b.example\r\nBcc: x@y.example"},
        {"recipient": "a@b.example, x@y.example"},
        {"reply_to": "nobody"},
        {"subject": "a\r\nBcc: x@y.example"},
        {"sender": Mailbox("a\r\nBcc: x", "reports@survey.example")},
    ],
)
def test_header_is_bent_by_nobody(other: dict[str, object]) -> None:
    """A line break, a second address or none is refused."""
    with pytest.raises(MessageError):
        report_message(_mail(**other), None, None, None)
