"""Stands before every page: headers, floods, and forms that other sites' pages send."""

import ipaddress
import logging
from collections import OrderedDict
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from survey.site.policy import HEADERS

_LOG = logging.getLogger("survey.site")
_BURST = 3
"""Seconds' worth of requests that a visitor may make at once."""
_WISH = 10
"""A form counts as so many requests."""
_VISITORS = 10_000
"""How many are kept in mind; the longest quiet ones are forgotten."""
_HEADER = 8192
_METHODS = {"GET", "HEAD", "POST"}


class Guard:
    """Passes on what may pass; every answer gets the headers of the policy."""

    def __init__(self, app: ASGIApp, *, host: str, per_second: float) -> None:
        self._app, self._host, self._rate = app, host, per_second
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        began = False

        async def with_headers(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers[name] = value
                message = {**message, "headers": headers.raw}
            await send(message)

        refused = self._refused(scope)
        if refused:
            answer = PlainTextResponse("", refused, {"Cache-Control": "no-store"})
            await answer(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end in a log with a host
            _LOG.error("a page could not be made: %s", type(error).__name__)
            if not began:
                answer = PlainTextResponse("", 500, {"Cache-Control": "no-store"})
                await answer(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> int:
        """The status with which a request ends here, or 0."""
        if scope["method"] not in _METHODS:
            return 405
        if len(scope["raw_path"]) > _HEADER or len(scope["query_string"]) > _HEADER:
            return 414
        is_form = scope["method"] == "POST"
        if is_form and not self._is_from_here(Headers(scope=scope)):
            return 403
        who = visitor(scope["client"][0] if scope["client"] else "")
        return 0 if self._may(who, _WISH if is_form else 1) else 429

    def _is_from_here(self, headers: Headers) -> bool:
        """Browsers say which page sent a form; where none says so, no browser was lured."""
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc.lower() == self._host

    def _may(self, who: str, cost: float) -> bool:
        """Whether a visitor's bucket holds so much, and takes it out."""
        now = monotonic()
        full = self._rate * _BURST
        left, at = self._spent.pop(who, (full, now))
        left = min(full, left + (now - at) * self._rate)
        may = left >= cost
        self._spent[who] = (left - cost if may else left), now
        if len(self._spent) > _VISITORS:
            self._spent.popitem(last=False)
        return may


def visitor(address: str) -> str:
    """Who shares a bucket: one IPv4 address, or the /64 that one IPv6 host has for itself."""
    try:
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    except ValueError:
        return address
