"""``survey portal serve``: the agencies' portal behind the site's guard, in front of its desk."""

from importlib.resources import files

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from survey.flows.portal_desk import PortalDesk
from survey.flows.refreshing import refreshing
from survey.portal.app import PER_SECOND, make_portal
from survey.settings import Settings
from survey.site.app import host_of
from survey.site.build import root_of
from survey.site.guard import Guard
from survey.storage.ledger import Ledger
from survey.targets.campaign import Campaign


def portal_desk(settings: Settings, campaign: Campaign, ledger: Ledger) -> PortalDesk:
    """The desk of a campaign's agencies."""
    return PortalDesk(settings, ledger, campaign.id, campaign.identity.page)


def portal_routes(
    desk: PortalDesk, page: str, *, per_second: float = PER_SECOND
) -> tuple[BaseRoute, ...]:
    """The portal for an application that has a guard before it; arguments as ``portal_app``."""
    base = f"{root_of(page)}portal"
    style = (files("survey.site") / "assets" / "site.css").read_text(encoding="utf-8")

    async def front(_: Request) -> Response:
        return RedirectResponse(f"{base}/", 308, {"Cache-Control": "no-store"})

    portal = make_portal(desk, base, style=style, per_second=per_second)
    return Route(base, front), Mount(base, portal)


def portal_app(
    desk: PortalDesk, page: str, *, per_second: float = PER_SECOND, per_visitor: float = 20
) -> Guard:
    """The portal below ``portal`` of a site's root.

    Args:
        desk: Knows keys and what they open.
        page: The site's first page.
        per_second: Requests of one key.
        per_visitor: Requests of one visitor, whatever key is shown.
    """
    app = Starlette(routes=portal_routes(desk, page, per_second=per_second))
    app.router.redirect_slashes = False
    return Guard(app, host=host_of(page), per_second=per_visitor)


def serve_portal(
    settings: Settings,
    campaign: Campaign,
    ledger: Ledger,
    address: str,
    port: int,
    *,
    trusted: str = "127.0.0.1",
    refresh: float = 20,
    per_second: float = PER_SECOND,
) -> None:
    """Serve the portal alone until the process is told to stop; as ``serve_site``."""
    page = campaign.identity.page
    desk = portal_desk(settings, campaign, ledger)
    with refreshing(desk, refresh):
        uvicorn.run(
            portal_app(desk, page, per_second=per_second),
            host=address,
            port=port,
            access_log=False,  # it would name what was looked for (law 8)
            log_level="warning",
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=trusted,
            limit_concurrency=1000,
            timeout_keep_alive=5,
            h11_max_incomplete_event_size=16_384,
            lifespan="off",
        )
