"""A person's session: a signed cookie that holds a key's id, and dies soon.

The key itself is in no cookie, and is looked up again with each request: a key that is revoked ends
its sessions.  The signing secret lives in this process alone, so a restart ends all of them.
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import Response

COOKIE = "__Secure-portal"
"""A browser takes a cookie of such a name over TLS only (RFC 6265bis s4.1.3)."""
SECONDS = 1800
"""How long a session lasts from the login on."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose it is.

    Attributes:
        key: The key's id.
        token: What each form of it must give back.
    """

    key: str
    token: str

    def is_token(self, text: str) -> bool:
        """Whether a form came from a page of this session; takes as long either way."""
        return hmac.compare_digest(text.encode(), self.token.encode())


class Sessions:
    """Makes and reads the cookies; ``path`` is where they are valid."""

    def __init__(self, path: str, seconds: int = SECONDS) -> None:
        self._path, self._seconds = path, seconds
        self._signer = URLSafeTimedSerializer(
            secrets.token_bytes(32),
            salt="survey portal session",
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )

    def begin(self, response: Response, key: str) -> None:
        """Give the browser a new session."""
        text = self._signer.dumps([key, secrets.token_urlsafe(24)])
        response.set_cookie(
            COOKIE,
            text if isinstance(text, str) else text.decode(),
            max_age=self._seconds,
            path=self._path,
            secure=True,
            httponly=True,
            samesite="strict",
        )

    def end(self, response: Response) -> None:
        """Take it from the browser."""
        response.delete_cookie(
            COOKIE, path=self._path, secure=True, httponly=True, samesite="strict"
        )

    def read(self, text: str | None) -> Session | None:
        """The session of a cookie, if it is one of ours and not too old."""
        if not text or len(text) > 400:  # noqa: PLR2004 - ours are half as long
            return None
        try:
            key, token = self._signer.loads(text, max_age=self._seconds)
        except (BadData, ValueError, TypeError):
            return None
        return Session(key, token)
