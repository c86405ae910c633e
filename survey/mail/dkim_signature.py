"""DKIM (RFC 6376): whoever reads a message can see that it came from us as it is."""

from dataclasses import dataclass
from email.parser import BytesHeaderParser

import dkim

from survey.errors import MessageError

_HEADERS = (
    *("from", "to", "reply-to", "subject", "date", "message-id", "auto-submitted"),
    *("mime-version", "content-type"),
)
_IF_THERE = ("list-unsubscribe", "list-unsubscribe-post")
"""RFC 8058 s4: without them under the signature, no robot may press the button."""


@dataclass(frozen=True, slots=True)
class Signature:
    """By what DKIM signs.

    Attributes:
        domain: Whose key it is, in the From line's domain or above it.
        selector: Under which name the DNS has it.
        key: The private key, PEM.
    """

    domain: str
    selector: str
    key: bytes


def signed(message: bytes, signature: Signature) -> bytes:
    """The whole message with a signature above it.

    Raises:
        MessageError: The key can't sign.
    """
    there = BytesHeaderParser().parsebytes(message)
    names = [*_HEADERS, *(name for name in _IF_THERE if name in there)]
    try:
        header = dkim.sign(
            message,
            signature.selector.encode(),
            signature.domain.encode(),
            signature.key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode() for name in names],
        )
    except dkim.DKIMException as error:
        raise MessageError(f"the DKIM key can't sign: {error}") from error
    return bytes(header) + message
