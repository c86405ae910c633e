"""The portal for programs: JSON for a key, as ``openapi.json`` says."""

import dataclasses
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from survey.model.case import NUMBER
from survey.model.portal import Scope
from survey.portal.access import Access
from survey.portal.asked import (
    OF_CASES,
    OF_FINDINGS,
    OF_REPORTS,
    RUN,
    WrongError,
    read_question,
)
from survey.portal.desk import Desk, FileBody, NotReadyError, Page, Question, Reader, WithdrawnError

PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
"""Of every answer: nobody keeps it on its way."""

FILE_NAME = "[A-Za-z0-9][A-Za-z0-9._+-]{0,150}"
_SOMETHING = (Scope.REPORTS, Scope.FEEDS)


class Api:
    """The handlers; ``base`` is the portal's own path on its host."""

    def __init__(self, desk: Desk, access: Access, base: str) -> None:
        self._desk, self._access, self._base = desk, access, base

    def routes(self) -> Sequence[BaseRoute]:
        """What is answered, below the portal's own path."""
        return [
            Route("/api/v1/openapi.json", self.description),
            *(
                Route(f"/api/v1/{path}", _problems(handler))
                for path, handler in (
                    ("key", self.key),
                    ("reports", self.reports),
                    ("reports/{period}/files/{name}", self.file),
                    ("findings", self.findings),
                    ("cases", self.cases),
                    ("cases/{number}", self.case),
                    ("opt-outs", self.optouts),
                    ("answers", self.answers),
                    ("{path:path}", self.lost),
                )
            ),
        ]

    async def description(self, _: Request) -> Response:
        """What there is, for anybody: it names nobody."""
        return _json(description(f"{self._base}/api/v1"))

    async def key(self, request: Request) -> Response:
        """What the key is."""
        reader = await self._access.program(request)
        _nothing_asked(request)
        await self._access.ask(self._desk.noted, reader, "key")
        key = reader.key
        return _json(
            {
                "id": key.id,
                "agency": key.agency,
                "agency_name": reader.name,
                "tlp": reader.tlp,
                "scopes": sorted(key.scopes),
                "expires_at": key.expires_at,
            }
        )

    async def reports(self, request: Request) -> Response:
        """Reports, the newest first."""
        reader, question = await self._asked(request, OF_REPORTS, _SOMETHING)
        return _page(await self._access.ask(self._desk.reports, reader, question))

    async def file(self, request: Request) -> Response:
        """One file of a report, as bytes to keep."""
        reader = await self._access.program(request)
        _nothing_asked(request)
        await self._access.need(reader, _SOMETHING, "file")
        return as_file(await report_file(self._access, self._desk, reader, request))

    async def findings(self, request: Request) -> Response:
        """Open findings of a run."""
        reader, question = await self._asked(request, OF_FINDINGS, (Scope.QUERY,))
        found = await self._access.ask(self._desk.findings, reader, question)
        if found is None:
            raise HTTPException(404, "no such run is judged")
        return _page(found.page, run=found.run)

    async def cases(self, request: Request) -> Response:
        """Cases by number."""
        reader, question = await self._asked(request, OF_CASES, (Scope.CASES,))
        return _page(await self._access.ask(self._desk.cases, reader, question))

    async def case(self, request: Request) -> Response:
        """One case."""
        reader = await self._access.program(request)
        _nothing_asked(request)
        await self._access.need(reader, (Scope.CASES,), "case")
        number = request.path_params["number"]
        sheet = None
        if NUMBER.fullmatch(number) and number.isascii():
            sheet = await self._access.ask(self._desk.case, reader, number)
        if sheet is None:
            raise HTTPException(404)
        return _json(
            plain(sheet.row)
            | {
                "letters": [plain(one) for one in sheet.letters],
                "history": [plain(one) for one in sheet.history],
            }
        )

    async def optouts(self, request: Request) -> Response:
        """Who is not tested any more."""
        reader, _ = await self._asked(request, (), (Scope.QUERY,))
        return _json(plain(await self._access.ask(self._desk.optouts, reader)))

    async def answers(self, request: Request) -> Response:
        """What came of the letters."""
        reader, _ = await self._asked(request, (), (Scope.CASES,))
        return _json(plain(await self._access.ask(self._desk.answers, reader)))

    async def lost(self, request: Request) -> Response:
        """Nothing is here; told to who has a key."""
        await self._access.program(request)
        raise HTTPException(404)

    async def _asked(
        self, request: Request, known: tuple[str, ...], scopes: tuple[Scope, ...]
    ) -> tuple[Reader, Question]:
        reader = await self._access.program(request)
        await self._access.need(reader, scopes, request.url.path.rpartition("/")[2])
        return reader, read_question(request.query_params.multi_items(), known)


async def report_file(access: Access, desk: Desk, reader: Reader, request: Request) -> FileBody:
    """The file that a path names; nothing of the path reaches a file system unseen.

    Raises:
        HTTPException: There is none that the key opens.
    """
    period, name = request.path_params["period"], request.path_params["name"]
    body = None
    if re.fullmatch(RUN, period) and re.fullmatch(FILE_NAME, name):
        body = await access.ask(desk.file, reader, period, name)
    if body is None:
        raise HTTPException(404)
    return body


def as_file(body: FileBody) -> Response:
    """Bytes to keep; a browser shows none of them as a page of ours."""
    headers = {"Content-Disposition": f'attachment; filename="{body.name}"'}
    return Response(body.data, headers=PRIVATE | headers, media_type=body.media_type)


@cache
def description(server: str) -> dict[str, Any]:
    """The OpenAPI description of a portal whose API begins at ``server``."""
    said: dict[str, Any] = json.loads(files(__package__).joinpath("openapi.json").read_bytes())
    said["info"]["version"] = version("survey")
    said["servers"] = [{"url": server}]
    return said


def plain(value: Any) -> Any:
    """A record as JSON has it; times in UTC, RFC 3339."""
    match value:
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case tuple() | list():
            return [plain(one) for one in value]
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return value


def _page(page: Page[Any], **more: str) -> Response:
    return _json(more | {"items": [plain(one) for one in page.items], "next": page.after or None})


def _json(value: dict[str, Any]) -> Response:
    return JSONResponse(plain(value), headers=PRIVATE)


def _nothing_asked(request: Request) -> None:
    read_question(request.query_params.multi_items(), ())


def _problems(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The handler; what went wrong becomes a problem document (RFC 9457)."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except WrongError as error:
            return problem(400, str(error))
        except WithdrawnError:
            return problem(409, "it names an address that opted out since; it is to be made again")
        except NotReadyError:
            return problem(503, "can't be told now; try again later")
        except HTTPException as error:
            detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
            return problem(error.status_code, detail, error.headers or {})

    return handle


def problem(status: int, detail: str = "", headers: Any = None) -> Response:
    """What went wrong, for a program."""
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        said["detail"] = detail
    return JSONResponse(
        said, status, PRIVATE | dict(headers or {}), media_type="application/problem+json"
    )
