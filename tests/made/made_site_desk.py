"""The pages that answer, over a judged run with cases, asked without a socket."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from made_cases import NOW, Office, make_office
from made_site import made_campaign

from survey.flows.site_desk import SiteDesk
from survey.flows.site_serving import site_app
from survey.model.case import CaseState
from survey.site.guard import Guard
from survey.site.links import case_mark
from survey.storage.keys import SITE, make_key
from survey.storage.wishes import Wishes
from survey.targets.campaign import Campaign

HOST = "www.survey.example"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Clock:
    """The time of day, as the test wants it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Now."""
        return self.now


@dataclass
class MadeDesk:
    """Everything behind the pages, and the pages."""

    office: Office
    campaign: Campaign
    desk: SiteDesk
    app: Guard
    clock: Clock
    key: bytes
    first: dict[Path, bytes]

    def fresh(self) -> None:
        """As it was made: nothing wished, nobody opted out, nothing looked at since."""
        self.clock.now = NOW
        self.desk._shown.clear()
        self.desk._made.clear()
        run = self.office.judged.layout.run("trial", "2026-W48")
        self.office.judged.layout.audit.unlink(missing_ok=True)
        Wishes(self.office.ledger).forget(NOW + timedelta(days=999), ())
        untouched = not run.followups.exists() and not run.checks.exists()
        if untouched and all(path.read_bytes() == data for path, data in self.first.items()):
            return
        for path in (run.followups, run.checks):
            path.unlink(missing_ok=True)
        for path, data in self.first.items():
            path.write_bytes(data)
        self.desk.refresh()

    def slowed(self, per_second: float) -> Guard:
        """The same pages, for visitors who are held back."""
        return site_app(
            self.office.judged.settings, self.campaign, self.desk, per_second=per_second
        )

    @property
    def numbers(self) -> list[str]:
        """All open cases."""
        return [one.number for one in self.office.cases(CaseState.OPEN)]

    def path(self, number: str, code: str = "en") -> str:
        """Where a case's page is."""
        front = f"/{code}" if code else ""
        return f"{front}/case/{number}/{case_mark(self.key, number)}/"

    async def get(self, path: str, **more: object) -> Reply:
        """GET."""
        return await ask(self.app, "GET", path, **more)  # type: ignore[arg-type]

    async def post(self, path: str, fields: Mapping[str, str], **more: object) -> Reply:
        """POST, as a browser sends a form of the page."""
        return await ask(self.app, "POST", path, body=urlencode(fields).encode(), **more)  # type: ignore[arg-type]


def make_desk(folder: Path) -> MadeDesk:
    """A run with tellable addresses, cases of them, and the pages."""
    office = make_office(folder)
    office.plan()
    key = make_key(office.judged.settings.keys, SITE)
    campaign = made_campaign(folder)
    about = campaign.campaign.model_copy(update={"id": "trial"})
    campaign = campaign.model_copy(update={"campaign": about})
    clock = Clock()
    desk = SiteDesk(office.judged.settings, office.ledger, "trial", now=clock)
    app = site_app(office.judged.settings, campaign, desk, per_second=1e6)
    kept = (office.judged.optouts, office.judged.layout.run("trial", "2026-W48").findings)
    first = {path: path.read_bytes() for path in kept}
    return MadeDesk(office, campaign, desk, app, clock, key, first)


async def ask(
    app: Guard,
    method: str,
    path: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    client: str = "198.51.100.7",
) -> Reply:
    """One request to an ASGI application, and all of its answer."""
    where, _, query = path.partition("?")
    given = {"host": HOST, "content-type": "application/x-www-form-urlencoded"} | dict(
        headers or {}
    )
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": where,
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": (client, 40000),
        "server": (HOST, 443),
    }
    told: list[dict] = []
    parts = [body[at : at + 4096] for at in range(0, len(body), 4096)] or [b""]

    async def receive() -> dict:
        part = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: dict) -> None:
        told.append(message)

    await app(scope, receive, send)
    start = told[0]
    return Reply(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(one.get("body", b"") for one in told[1:]).decode(),
    )
