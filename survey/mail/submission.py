"""Reports to mailboxes, submitted to our own mail server; TLS is verified or nothing is said.

A mail server can't be asked later whether it took a message: a connection that breaks after the
last byte and before the answer leaves a doubt that only a person can settle (RFC 1047).
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPResponseException, SMTPServerDisconnected

from survey.errors import ConfigError
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.door import Door
from survey.model.dispatch import Dispatch

_SECONDS = 60.0
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """Our mail server.

    Attributes:
        host: Its name, which its certificate must have.
        port: TCP port.
        implicit: TLS from the first byte; else STARTTLS, and no word without it.
        authority: PEM file with who may have signed its certificate; None: who the system trusts.
        user: Our user there, or None.
        password: That user's password, or None.
        sender: The envelope's sender.
        helo: What we call ourselves.
    """

    host: str
    port: int
    implicit: bool
    authority: Path | None
    user: str | None
    password: str | None
    sender: str
    helo: str


class Submission:
    """One connection to our mail server, for all messages that go one way.

    Args:
        server: Which.
        door: Who may get reports; None: it carries no report (letters have a door of their own).
    """

    def __init__(self, server: MailServer, door: Door | None) -> None:
        self._server, self._door = server, door
        self._client: aiosmtplib.SMTP | None = None

    async def prepare(self, dispatch: Dispatch, data: bytes) -> None:
        """Connect, log in, and have sender and recipient accepted."""
        assert self._door is not None, "a report needs its door"
        self._door.mailbox(dispatch.part)
        await self.name(self._server.sender, dispatch.part, len(data))

    async def hand_over(self, dispatch: Dispatch, data: bytes) -> str:  # noqa: ARG002 - the carrier's signature
        """DATA and the message."""
        return await self.hand(data)

    async def ask(self, dispatch: Dispatch) -> bool | None:  # noqa: ARG002 - the carrier's signature
        """SMTP has no such question."""
        return None

    async def name(self, sender: str, recipient: str, size: int) -> None:
        """Connect, log in, and have sender and recipient of a message accepted.

        Raises:
            NotTakenError: They are not.
        """
        try:
            client = await self._connected()
            await client.mail(sender, options=[f"SIZE={size}"])
            await client.rcpt(recipient)
        except SMTPResponseException as error:
            await self.close()
            raise NotTakenError(
                f"{error.code} {error.message}", final=error.code >= _PERMANENT
            ) from error
        except (SMTPException, OSError) as error:
            await self.close()
            raise NotTakenError(f"mail server: {error}", final=False) from error

    async def hand(self, data: bytes) -> str:
        """The message itself; what the server said to it.

        Raises:
            NotTakenError: It was not taken, for certain.
            DoubtError: Nobody knows whether it was.
        """
        assert self._client is not None
        try:
            code, text = await self._client.data(data)
        except SMTPServerDisconnected as error:
            await self.close()
            raise DoubtError(f"the connection broke before the answer: {error}") from error
        except SMTPResponseException as error:
            await self.close()
            raise NotTakenError(
                f"{error.code} {error.message}", final=error.code >= _PERMANENT
            ) from error
        except (SMTPException, OSError) as error:
            await self.close()
            raise DoubtError(f"no answer to the message: {error}") from error
        return f"{code} {text}"

    async def close(self) -> None:
        """QUIT, if there is somebody to say it to."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                await client.quit()
            except (SMTPException, OSError):
                client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.implicit,
            start_tls=not server.implicit,
            tls_context=_context(server.authority),
            local_hostname=server.helo,
            timeout=_SECONDS,
            username=server.user,
            password=server.password,
        )
        await client.connect()
        self._client = client
        return client


def _context(authority: Path | None) -> ssl.SSLContext:
    """Names and signatures are checked; TLS 1.2 at least."""
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            authority, "", f"can't be read as certificates ({error})", "put a PEM file there"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
