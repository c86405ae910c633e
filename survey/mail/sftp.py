"""Files onto an SFTP server: uploaded under another name, read back, then renamed in one step.

The rename of SFTP 3 fails if the name is taken (draft-ietf-secsh-filexfer-02 s6.5), so nothing is
ever overwritten; and the server can be asked what lies there, so nothing is put twice.
"""

import hashlib
from pathlib import Path, PurePosixPath

import asyncssh

from survey.errors import ConfigError
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.door import Door
from survey.model.delivery import SftpDestination
from survey.model.dispatch import Dispatch

_SECONDS = 60
_BLOCK = 1 << 16


class Sftp:
    """One session, for all files of a destination.

    Args:
        destination: Where.
        key: File with our private key.
        door: Who may be reached.
    """

    def __init__(self, destination: SftpDestination, key: Path, door: Door) -> None:
        door.host(destination.host, destination.port)
        self._to, self._key = destination, key
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def prepare(self, dispatch: Dispatch, data: bytes) -> None:
        """Upload it under another name, and read it back."""
        try:
            client = await self._connected()
            part = self._part(dispatch)
            async with client.open(part, "wb") as file:
                await file.write(data)
            if await self._hash(client, part) != dispatch.sha256:
                raise NotTakenError(f"{part}: arrived damaged", final=False)
        except (asyncssh.Error, OSError) as error:
            await self.close()
            raise NotTakenError(f"{self._to.host}: {error}", final=False) from error

    async def hand_over(self, dispatch: Dispatch, data: bytes) -> str:
        """Rename it."""
        path = self._path(dispatch)
        try:
            client = await self._connected()
            await client.rename(self._part(dispatch), path)
        except (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists) as error:
            if await self.ask(dispatch):
                return "was there already, the same"
            raise NotTakenError(f"{path}: {error}", final=False) from error
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection) as error:
            await self.close()
            raise DoubtError(f"the connection broke before the answer: {error}") from error
        except asyncssh.SFTPError as error:
            raise NotTakenError(f"{path}: {error}", final=False) from error
        except (asyncssh.Error, OSError) as error:
            await self.close()
            raise DoubtError(f"the connection broke before the answer: {error}") from error
        return f"{len(data)} bytes as {self._to.host}:{path}"

    async def ask(self, dispatch: Dispatch) -> bool | None:
        """What lies there under its name, or still under the other."""
        path = self._path(dispatch)
        try:
            client = await self._connected()
            if await client.exists(path):
                if await self._hash(client, path) == dispatch.sha256:
                    return True
                raise NotTakenError(f"{path}: another file has that name", final=True)
            if await client.exists(self._part(dispatch)):
                return False
        except (asyncssh.Error, OSError) as error:
            await self.close()
            raise NotTakenError(f"{self._to.host}: can't be asked: {error}", final=False) from error
        return None if self._to.takes_away else False

    async def close(self) -> None:
        """Hang up."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.close()
            await connection.wait_closed()

    async def _connected(self) -> asyncssh.SFTPClient:
        if self._client is not None:
            return self._client
        to = self._to
        try:
            host_key = asyncssh.import_public_key(to.host_key)
            own = asyncssh.read_private_key(self._key)
        except (asyncssh.KeyImportError, OSError) as error:
            raise ConfigError(
                f"delivery.sftp of {to.host}", "", f"a key can't be read ({error})", "correct it"
            ) from error
        self._connection = await asyncssh.connect(
            to.host,
            to.port,
            username=to.user,
            client_keys=[own],
            known_hosts=([host_key], [], []),
            agent_path=None,
            config=None,
            password=None,
            connect_timeout=_SECONDS,
            login_timeout=_SECONDS,
        )
        self._client = await self._connection.start_sftp_client()
        return self._client

    @staticmethod
    async def _hash(client: asyncssh.SFTPClient, path: str) -> str:
        found = hashlib.sha256()
        async with client.open(path, "rb") as file:
            while block := await file.read(_BLOCK):
                found.update(block if isinstance(block, bytes) else block.encode())
        return found.hexdigest()

    def _path(self, dispatch: Dispatch) -> str:
        return str(PurePosixPath(self._to.folder) / dispatch.part)

    def _part(self, dispatch: Dispatch) -> str:
        name = f".{dispatch.part}.{dispatch.id[:12]}.part"
        return str(PurePosixPath(self._to.folder) / name)
