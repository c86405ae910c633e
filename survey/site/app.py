"""The pages that answer, over HTTP: cases by address that nobody can guess, and own tests.

No cookie, no session: who has a case's address may do what stands on its page, and nothing else
lends a stranger's page any power.  Forms from other sites are refused all the same.  What is logged
names no case, no address and no visitor (law 8).
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from survey.model.address import format_ip, parse_ip
from survey.model.case import NUMBER
from survey.site.answering import Answering
from survey.site.desk import Answer, Desk
from survey.site.guard import Guard, visitor
from survey.site.links import (
    LENGTH,
    case_mark,
    control_token,
    is_mark,
    new_page,
    own_test_mark,
)
from survey.web.forms import read_form

_MARK = re.compile(rf"[a-z2-7]{{{LENGTH}}}")
_TOKEN = re.compile(r"[a-z0-9.-]{8,120}")
_WISHES = ("test", "not-mine", "opt-out")
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}

Handler = Callable[[Request], Awaitable[Response]]


class Pages:
    """The handlers; ``key`` is the secret of the addresses."""

    def __init__(self, answering: Answering, desk: Desk, key: bytes) -> None:
        self._answering, self._desk, self._key = answering, desk, key
        # A look is too short to be shared: twenty threads at it would only take turns, and of a
        # hundred pages one would wait for 80 ms instead of 8.
        self._looks = CapacityLimiter(1)

    def routes(self) -> Sequence[BaseRoute]:
        """What is answered, below the site's root, with a language in front or without."""
        root = self._answering.root.rstrip("/")
        found: list[BaseRoute] = []
        for front in ("", "/{code}"):
            below = f"{root}{front}"
            found += [
                Route(f"{below}/case/{{number}}/{{mark}}/", self.case),
                Route(f"{below}/case/{{number}}/{{mark}}/{{what}}", self.wish, methods=["POST"]),
                Route(f"{below}/stop/{{token}}", self.stop, methods=["GET", "POST"]),
                Route(f"{below}/own-test/", self.own_test),
                Route(f"{below}/own-test/", self.ask_own_test, methods=["POST"]),
                Route(f"{below}/own-test/address/", self.ask_other_test, methods=["POST"]),
                Route(
                    f"{below}/own-test/address/{{ip}}/{{page}}/",
                    self.other_test,
                    methods=["GET", "POST"],
                ),
                Route(f"{below}/own-test/{{number}}/{{mark}}/", self.own_result),
            ]
        return found

    async def case(self, request: Request) -> Response:
        """One case."""
        number = self._number(request)
        sheet = await run_sync(self._desk.case, number, limiter=self._looks)
        if sheet is None:
            raise HTTPException(404)
        code = self._code(request, sheet.language)
        query = request.query_params
        answer = query.get("said", "")
        told = Answer(answer) if answer in set(Answer) else None
        what = query.get("what", "")
        path = f"case/{number}/{request.path_params['mark']}"
        return _private(
            self._answering.case(code, path, sheet, told, what if what in _WISHES else "")
        )

    async def wish(self, request: Request) -> Response:
        """One of its three buttons."""
        number = self._number(request)
        what = request.path_params["what"]
        if what not in _WISHES:
            raise HTTPException(404)
        form = await read_form(request)
        if await run_in_threadpool(self._desk.case, number) is None:
            raise HTTPException(404)
        answer = await run_in_threadpool(self._carry_out, number, what, form)
        code = self._code(request, "")
        path = f"{code}/case/{number}/{request.path_params['mark']}/"
        return _see(f"{self._answering.root}{path}?said={answer.value}&what={what}")

    async def stop(self, request: Request) -> Response:
        """No more letters: asked first, unless a mail program or the page posts (RFC 8058)."""
        token = request.path_params["token"]
        if not _TOKEN.fullmatch(token):
            raise HTTPException(404)
        code = self._code(request, "")
        answer = None
        if request.method == "POST":
            answer = await run_in_threadpool(self._desk.stop, token)
            if answer is Answer.WRONG:
                raise HTTPException(404)
        page = self._answering.stop(code, f"stop/{token}", answer)
        status = 503 if answer is Answer.BUSY else 200
        return HTMLResponse(page, status, _PRIVATE)

    async def own_test(self, request: Request) -> Response:
        """Where one asks for a test."""
        answer = request.query_params.get("said", "")
        told = Answer(answer) if answer in set(Answer) - {Answer.DONE} else None
        ip = _address(request)
        text = str(ipaddress.IPv4Address(ip)) if ip is not None else ""
        code, other = self._code(request, ""), self._desk.proves
        return _private(self._answering.own_test(code, text, told, other=other))

    async def ask_own_test(self, request: Request) -> Response:
        """For the address that asks, and no other; whatever the form says."""
        await read_form(request)
        code = self._code(request, "")
        ip = _address(request)
        made = Answer.WRONG if ip is None else await run_in_threadpool(self._desk.own_test, ip)
        below = f"{self._answering.root}{code}/own-test/"
        if isinstance(made, Answer):
            return _see(f"{below}?said={made.value}")
        return _see(f"{below}{made}/{own_test_mark(self._key, made)}/")

    async def ask_other_test(self, request: Request) -> Response:
        """For an address that the form names: leads to a page of its own with the record."""
        if not self._desk.proves:
            raise HTTPException(404)
        form = await read_form(request)
        below = f"{self._answering.root}{self._code(request, '')}/own-test/"
        try:
            ip = parse_ip(form.get("ip", "").strip())
        except ValueError:
            return _see(f"{below}?said={Answer.WRONG.value}")
        return _see(f"{below}address/{format_ip(ip)}/{new_page()}/")

    async def other_test(self, request: Request) -> Response:
        """The record to publish; posted to, whether it is there."""
        ip, page = _named(request)
        if ip is None or not self._desk.proves:
            raise HTTPException(404)
        code = self._code(request, "")
        path = f"own-test/address/{format_ip(ip)}/{page}"
        token = control_token(self._key, format_ip(ip), page)
        if request.method != "POST":
            answer = request.query_params.get("said", "")
            told = Answer(answer) if answer in set(Answer) - {Answer.DONE} else None
            return _private(self._answering.own_address(code, path, ip, token, told))
        await read_form(request)
        who = visitor(request.client.host if request.client else "")
        made = await run_in_threadpool(self._desk.other_test, ip, token, who)
        root = self._answering.root
        if isinstance(made, Answer):
            return _see(f"{root}{code}/{path}/?said={made.value}")
        return _see(f"{root}{code}/own-test/{made}/{own_test_mark(self._key, made)}/")

    async def own_result(self, request: Request) -> Response:
        """What was found."""
        given, mark = request.path_params["number"], request.path_params["mark"]
        if not re.fullmatch(r"[1-9][0-9]{0,8}", given) or not _MARK.fullmatch(mark):
            raise HTTPException(404)
        if not is_mark(own_test_mark(self._key, int(given)), mark):
            raise HTTPException(404)
        sheet = await run_sync(self._desk.own, int(given), limiter=self._looks)
        if sheet is None:
            raise HTTPException(404)
        code = self._code(request, "")
        return _private(self._answering.own_result(code, f"own-test/{given}/{mark}", sheet))

    def _carry_out(self, number: str, what: str, form: dict[str, str]) -> Answer:
        if what == "test":
            return self._desk.test(number, form.get("server", ""))
        if what == "not-mine":
            return self._desk.not_mine(number, form.get("contact", ""), form.get("words", ""))
        if form.get("sure") != "yes":
            return Answer.WRONG
        return self._desk.opt_out(number, erase=form.get("erase") == "yes")

    def _number(self, request: Request) -> str:
        """The case's number, if the address has its mark; nothing is looked up before that."""
        number, mark = request.path_params["number"], request.path_params["mark"]
        if NUMBER.fullmatch(number) is None or not number.isascii() or not _MARK.fullmatch(mark):
            raise HTTPException(404)
        if not is_mark(case_mark(self._key, number), mark):
            raise HTTPException(404)
        return str(number)

    def _code(self, request: Request, operators: str) -> str:
        """The language in the address, else the operator's, else the browser's."""
        code = request.path_params.get("code")
        if code is not None:
            if code not in self._answering.languages:
                raise HTTPException(404)
            return str(code)
        asked = request.headers.get("accept-language", "")[:200].split(",")
        wanted = tuple(part.partition(";")[0].strip() for part in asked)
        return self._answering.language_for((operators, *wanted) if operators else wanted)

    async def refuse(self, _: Request, error: Exception) -> Response:
        """Whatever was wrong: one page that tells nothing about what there is."""
        assert isinstance(error, HTTPException)
        return HTMLResponse(self._answering.lost("en"), error.status_code, _PRIVATE)


def make_app(
    answering: Answering,
    desk: Desk,
    key: bytes,
    *,
    host: str,
    folder: Path | None = None,
    per_second: float = 20,
    others: Sequence[BaseRoute] = (),
) -> Guard:
    """The application.

    Args:
        answering: Makes the pages.
        desk: Knows the cases.
        key: Secret of the addresses.
        host: The site's own host; forms that another site's page sends are refused.
        folder: Static pages to serve as well, for who has no web server in front; or None.
        per_second: Requests of one visitor.
        others: What else stands behind the same guard, before the static pages.
    """
    pages = Pages(answering, desk, key)
    routes = [*others, *pages.routes()]
    if folder is not None:
        static = StaticFiles(directory=folder, html=True)
        routes.append(Mount(answering.root.rstrip("/") or "/", static))
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: pages.refuse},
    )
    app.router.redirect_slashes = False
    return Guard(app, host=host, per_second=per_second)


def _private(page: str) -> Response:
    return HTMLResponse(page, headers=_PRIVATE)


def _see(address: str) -> Response:
    return RedirectResponse(address, 303, _PRIVATE)


def _address(request: Request) -> int | None:
    """The IPv4 address of the connection, as a number."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return int(address) if isinstance(address, ipaddress.IPv4Address) else None


def _named(request: Request) -> tuple[int | None, str]:
    """The address that a page is about, and what stands in for the page's name."""
    text, page = request.path_params["ip"], request.path_params["page"]
    try:
        ip = parse_ip(text)
    except ValueError:
        return None, ""
    return (ip, page) if _MARK.fullmatch(page) else (None, "")


def host_of(page: str) -> str:
    """The host of an address."""
    return urlsplit(page).netloc.lower()
