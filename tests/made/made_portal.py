"""The agencies' portal over a judged run with cases, reports and keys, asked without a socket."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from made_cases import NOW, Office, make_office
from made_site import PAGE
from made_site_desk import Clock, Reply, ask

from survey.flows.portal import portal_app
from survey.flows.portal_desk import PortalDesk
from survey.flows.report import make_report
from survey.model.portal import PortalKey, Scope
from survey.portal.session import COOKIE
from survey.site.guard import Guard
from survey.storage.portal_keys import PortalKeys

ALL = frozenset(Scope)
AGENCIES = ("es-prueba", "mx-prueba", "xx-gap", "xx-net")


@dataclass
class MadePortal:
    """Everything behind the portal, and the portal; ``keys`` has one of each agency, for all."""

    office: Office
    desk: PortalDesk
    app: Guard
    clock: Clock
    keys: dict[str, str] = field(default_factory=dict)

    def key(
        self, agency: str, scopes: Iterable[Scope] = ALL, days: int = 30
    ) -> tuple[PortalKey, str]:
        """One more key."""
        until = self.clock.now + timedelta(days=days)
        return PortalKeys(self.office.ledger).add(agency, "test", scopes, until, self.clock.now)

    async def api(
        self, path: str, agency: str = "es-prueba", *, key: str | None = None, **query: object
    ) -> Reply:
        """GET of a program."""
        text = self.keys[agency] if key is None else key
        asked = f"?{urlencode(query)}" if query else ""
        headers = {"authorization": f"Bearer {text}"}
        return await ask(self.app, "GET", f"/portal/api/v1/{path}{asked}", headers=headers)

    async def json(self, path: str, agency: str = "es-prueba", **query: object) -> Any:
        """What a program gets, where all is well."""
        reply = await self.api(path, agency, **query)
        assert reply.status == 200, reply
        return json.loads(reply.text)

    async def login(self, agency: str = "es-prueba", *, key: str | None = None) -> str:
        """The cookie of a person who has logged in."""
        fields = {"key": self.keys[agency] if key is None else key}
        reply = await self.post("en/login", fields)
        assert reply.status == 303, reply
        return reply.headers["set-cookie"].partition(";")[0]

    async def page(self, path: str, cookie: str = "", **more: Any) -> Reply:
        """GET of a person."""
        headers = {"cookie": cookie} if cookie else {}
        return await ask(
            self.app, "GET", f"/portal/{path}", headers=headers | more.pop("headers", {}), **more
        )

    async def post(
        self, path: str, fields: Mapping[str, str], cookie: str = "", **more: Any
    ) -> Reply:
        """A form of a person."""
        headers = {"cookie": cookie} if cookie else {}
        body = urlencode(fields).encode()
        headers |= more.pop("headers", {})
        return await ask(self.app, "POST", f"/portal/{path}", body=body, headers=headers, **more)

    def audit(self) -> list[dict[str, str]]:
        """Lines of the audit log, oldest first."""
        path = self.office.judged.layout.audit
        text = path.read_text() if path.is_file() else ""
        return [json.loads(line) for line in text.splitlines()]


@cache
def _template() -> "tempfile.TemporaryDirectory[str]":
    """Planned cases and reports, made once for all tests of a process."""
    folder = tempfile.TemporaryDirectory()
    office = make_office(Path(folder.name))
    for path in office.judged.settings.agencies.glob("*.toml"):
        path.write_text('formats = ["html", "csv", "intelmq"]\n' + path.read_text())
    office.plan()
    for agency in ("es-prueba", "xx-net"):
        make_report(office.judged.settings, agency, "2026-W48", now=NOW)
    office.ledger.close()
    return folder


def make_portal(folder: Path, *, per_second: float = 1e6) -> MadePortal:
    """Cases of three operators, reports of two agencies, and a key each."""
    office = make_office(folder)
    template = Path(_template().name)
    for part in ("agencies", "data/reports", "data/letters"):
        shutil.copytree(template / part, folder / part, dirs_exist_ok=True)
    shutil.copy(template / "data" / "ledger.db", folder / "data" / "ledger.db")
    clock = Clock()
    desk = PortalDesk(office.judged.settings, office.ledger, "trial", PAGE, now=clock)
    app = portal_app(desk, PAGE, per_second=per_second, per_visitor=1e6)
    made = MadePortal(office, desk, app, clock)
    made.keys = {agency: made.key(agency)[1] for agency in AGENCIES}
    return made


def cookie_of(value: str) -> str:
    """A Cookie header."""
    return f"{COOKIE}={value}"


def day(now: datetime = NOW) -> str:
    """A day as the pages have it."""
    return f"{now:%Y-%m-%d}"
