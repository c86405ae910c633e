"""Files into an S3 bucket: one conditional PUT each, which the store takes whole or not at all."""

import hashlib
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError
from obstore.store import S3Store

from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.door import Door
from survey.model.delivery import S3Destination
from survey.model.dispatch import Dispatch


class S3:
    """One bucket.

    Args:
        destination: Where.
        access: Access key's id and secret.
        door: Who may be reached.
    """

    def __init__(self, destination: S3Destination, access: tuple[str, str], door: Door) -> None:
        parts = urlsplit(destination.endpoint)
        door.host(parts.hostname or "", parts.port or 443)
        self._to = destination
        self._store = S3Store(
            destination.bucket,
            endpoint=destination.endpoint,
            region=destination.region,
            access_key_id=access[0],
            secret_access_key=access[1],
            virtual_hosted_style_request=False,
            client_options={
                # an agency's file may only say https; a test's store has no certificate
                "allow_http": destination.endpoint.startswith("http://"),
                "timeout": timedelta(seconds=60),
            },
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=60)},
        )

    async def prepare(self, dispatch: Dispatch, data: bytes) -> None:
        """Nothing: one step is all there is."""

    async def hand_over(self, dispatch: Dispatch, data: bytes) -> str:
        """PUT, if nothing has that name (``If-None-Match: *``)."""
        path = self._path(dispatch)
        try:
            result = await obstore.put_async(
                self._store, path, data, mode="create", use_multipart=False
            )
        except AlreadyExistsError as error:
            if await self.ask(dispatch):
                return "was there already, the same"
            raise NotTakenError(f"{path}: another object has that name", final=True) from error
        except GenericError as error:  # a connection that broke, or an answer that was none
            raise DoubtError(f"no answer to the object: {_first(error)}") from error
        except BaseError as error:
            raise NotTakenError(f"{path}: {_first(error)}", final=False) from error
        return f"{len(data)} bytes as {path}, etag {result['e_tag']}"

    async def ask(self, dispatch: Dispatch) -> bool | None:
        """What the store has under its name."""
        path = self._path(dispatch)
        try:
            found = await (await obstore.get_async(self._store, path)).bytes_async()
        except FileNotFoundError:
            return None if self._to.takes_away else False
        except BaseError as error:
            raise NotTakenError(f"{path}: can't be asked: {_first(error)}", final=False) from error
        if hashlib.sha256(found).hexdigest() != dispatch.sha256:
            raise NotTakenError(f"{path}: another object has that name", final=True)
        return True

    async def close(self) -> None:
        """Nothing is open."""

    def _path(self, dispatch: Dispatch) -> str:
        return f"{self._to.prefix}{dispatch.part}"


def _first(error: Exception) -> str:
    """The first line: the others repeat the library's own state."""
    return str(error).strip().partition("\n")[0]
