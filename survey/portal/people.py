"""The portal for people: pages behind a login with the key; none needs a script."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from survey.model.case import NUMBER
from survey.model.portal import Scope
from survey.portal.access import Access
from survey.portal.api import PRIVATE, as_file, report_file
from survey.portal.asked import OF_CASES, OF_FINDINGS, OF_REPORTS, WrongError, read_question
from survey.portal.desk import Desk, NotReadyError, Question, WithdrawnError
from survey.portal.session import COOKIE, Session, Sessions
from survey.portal.views import Place, Views
from survey.web.forms import read_form

Handler = Callable[[Request], Awaitable[Response]]
Shown = Callable[[Request, Place], Awaitable[Response]]


class _LoginError(Exception):
    """Nobody is logged in."""


class People:
    """The handlers; ``base`` is the portal's own path on its host."""

    def __init__(self, desk: Desk, access: Access, base: str) -> None:
        self._desk, self._access, self._base = desk, access, base
        self._views, self._sessions = Views(base), Sessions(base)

    def routes(self) -> Sequence[BaseRoute]:
        """What is answered, below the portal's own path."""
        return [
            Route("/", self.front),
            Route("/{code}/login", self._safe(self.login)),
            Route("/{code}/login", self._safe(self.log_in), methods=["POST"]),
            Route("/{code}/logout", self._safe(self.log_out), methods=["POST"]),
            *(
                Route(f"/{{code}}/{path}", self._safe(self._inside(here, handler)))
                for path, here, handler in (
                    ("", "", self.home),
                    ("files/{period}/{name}", "", self.file),
                    ("findings", "findings", self.findings),
                    ("cases", "cases", self.cases),
                    ("cases/{number}", "cases", self.case),
                    ("counts", "counts", self.counts),
                )
            ),
            Route("/{path:path}", self._safe(self.lost)),
        ]

    async def front(self, request: Request) -> Response:
        """To the browser's language."""
        return _see(f"{self._base}/{self._browsers(request)}/")

    async def login(self, request: Request) -> Response:
        """Where a key is given."""
        return _page(self._views.login(Place(self._code(request), "login"), failed=False))

    async def log_in(self, request: Request) -> Response:
        """A key was given."""
        place = Place(self._code(request), "login")
        form = await read_form(request)
        reader = await self._access.reader(request, form.get("key", "").strip())
        if reader is None:
            return _page(self._views.login(place, failed=True), 403)
        self._access.spend(reader)
        await self._access.ask(self._desk.noted, reader, "login")
        response = _see(f"{self._base}/{place.code}/")
        self._sessions.begin(response, reader.key.id)
        return response

    async def log_out(self, request: Request) -> Response:
        """The session ends, if its own page asks for that."""
        code = self._code(request)
        session = self._session(request)
        form = await read_form(request)
        if session is not None and not session.is_token(form.get("token", "")):
            raise HTTPException(403)
        response = _see(f"{self._base}/{code}/login")
        self._sessions.end(response)
        return response

    async def home(self, request: Request, place: Place) -> Response:
        """What the key opens, and the reports."""
        assert place.reader is not None
        if not place.reader.key.scopes & {Scope.REPORTS, Scope.FEEDS}:
            return _page(self._views.home(place, None))
        question = read_question(request.query_params.multi_items(), OF_REPORTS)
        page = await self._access.ask(self._desk.reports, place.reader, question)
        return _page(self._views.home(place, page))

    async def file(self, request: Request, place: Place) -> Response:
        """One file of a report."""
        assert place.reader is not None
        await self._access.need(place.reader, (Scope.REPORTS, Scope.FEEDS), "file")
        return as_file(await report_file(self._access, self._desk, place.reader, request))

    async def findings(self, request: Request, place: Place) -> Response:
        """Open findings; what was typed wrongly is said on the page."""
        assert place.reader is not None
        await self._access.need(place.reader, (Scope.QUERY,), "findings")
        asked, question = _asked(request, OF_FINDINGS)
        if isinstance(question, str):
            return _page(self._views.findings(place, asked, None, question), 400)
        found = await self._access.ask(self._desk.findings, place.reader, question)
        if found is None and question.run is not None:
            raise HTTPException(404)
        return _page(self._views.findings(place, asked, found))

    async def cases(self, request: Request, place: Place) -> Response:
        """Cases, or the one whose number was typed."""
        assert place.reader is not None
        await self._access.need(place.reader, (Scope.CASES,), "cases")
        number = request.query_params.get("number", "").strip()
        if NUMBER.fullmatch(number) and number.isascii():
            return _see(f"{self._base}/{place.code}/cases/{number}")
        asked, question = _asked(request, (*OF_CASES, "number"))
        if number:
            question = "number is written as OSYS-2026-000123"
        if isinstance(question, str):
            return _page(self._views.cases(place, asked, None, question), 400)
        page = await self._access.ask(self._desk.cases, place.reader, question)
        return _page(self._views.cases(place, asked, page))

    async def case(self, request: Request, place: Place) -> Response:
        """One case."""
        assert place.reader is not None
        await self._access.need(place.reader, (Scope.CASES,), "case")
        number = request.path_params["number"]
        sheet = None
        if NUMBER.fullmatch(number) and number.isascii():
            sheet = await self._access.ask(self._desk.case, place.reader, number)
        if sheet is None:
            raise HTTPException(404)
        return _page(self._views.case(place, sheet))

    async def counts(self, _: Request, place: Place) -> Response:
        """Opt-outs and answers, what the key opens of them."""
        reader = place.reader
        assert reader is not None
        optouts = answers = None
        if Scope.QUERY in reader.key.scopes:
            optouts = await self._access.ask(self._desk.optouts, reader)
        if Scope.CASES in reader.key.scopes:
            answers = await self._access.ask(self._desk.answers, reader)
        return _page(self._views.counts(place, optouts, answers))

    async def lost(self, _: Request) -> Response:
        """Nothing is here."""
        raise HTTPException(404)

    def _inside(self, here: str, handler: Shown) -> Handler:
        """The handler, for who is logged in."""

        async def handle(request: Request) -> Response:
            code = self._code(request)
            session = self._session(request)
            reader = None
            if session is not None:
                reader = await self._access.ask(self._desk.reader_of, session.key)
            if session is None or reader is None:
                raise _LoginError
            self._access.spend(reader)
            return await handler(request, Place(code, here, reader, session.token))

        return handle

    def _safe(self, handler: Handler) -> Handler:
        """The handler; what goes wrong becomes a page that tells nothing about what there is."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except _LoginError:
                return _see(f"{self._base}/{self._code(request)}/login")
            except WrongError:
                status = 400
            except WithdrawnError:
                status = 409
            except NotReadyError:
                status = 503
            except HTTPException as error:
                status = error.status_code
            code = request.path_params.get("code")
            if code not in self._views.codes:
                code = self._browsers(request)
            return _page(self._views.trouble(Place(str(code), ""), status), status)

        return handle

    def _session(self, request: Request) -> Session | None:
        return self._sessions.read(request.cookies.get(COOKIE))

    def _code(self, request: Request) -> str:
        """The language in the address."""
        code = request.path_params["code"]
        if code not in self._views.codes:
            raise HTTPException(404)
        return str(code)

    def _browsers(self, request: Request) -> str:
        asked = request.headers.get("accept-language", "")[:200].split(",")
        return self._views.language_for([part.partition(";")[0].strip() for part in asked])


def _asked(request: Request, known: tuple[str, ...]) -> tuple[dict[str, str], Question | str]:
    """What was typed, without what was left empty; and the question, or what is wrong with it."""
    pairs = [(name, value.strip()) for name, value in request.query_params.multi_items()]
    pairs = [pair for pair in pairs if pair[1]]
    asked = {name: value for name, value in pairs if name in known and name != "after"}
    try:
        return asked, read_question(pairs, known)
    except WrongError as error:
        return asked, str(error)


def _page(page: str, status: int = 200) -> Response:
    return HTMLResponse(page, status, PRIVATE)


def _see(address: str) -> Response:
    return RedirectResponse(address, 303, PRIVATE)
