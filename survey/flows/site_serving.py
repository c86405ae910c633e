"""``survey site serve``: the pages that answer, in front of a campaign's cases."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from survey.errors import SurveyError
from survey.flows.portal import portal_desk, portal_routes
from survey.flows.portal_desk import PortalDesk
from survey.flows.refreshing import refreshing
from survey.flows.site import site_facts
from survey.flows.site_control import control_of
from survey.flows.site_desk import SiteDesk
from survey.flows.site_figures import Published, published_figures
from survey.model.site import case_page
from survey.settings import Settings
from survey.site.answering import Answering
from survey.site.app import host_of, make_app
from survey.site.guard import Guard
from survey.site.links import case_mark
from survey.storage.keys import SITE, read_key
from survey.storage.ledger import Ledger
from survey.targets.campaign import Campaign

_LOG = logging.getLogger("survey.site")


def site_app(
    settings: Settings,
    campaign: Campaign,
    desk: SiteDesk,
    *,
    folder: Path | None = None,
    per_second: float = 20,
    published: Published | None = None,
    portal: PortalDesk | None = None,
) -> Guard:
    """The application over a desk; ``published``: the static pages have these figures.

    Agencies find their portal below it if there is a desk of theirs.

    Raises:
        ConfigError: The key of the site is missing.
    """
    facts = site_facts(settings, campaign, datetime.now(UTC), published, served=True)
    return make_app(
        Answering(facts),
        desk,
        read_key(settings.keys, SITE),
        host=host_of(campaign.identity.page),
        folder=folder,
        per_second=per_second,
        others=portal_routes(portal, campaign.identity.page) if portal else (),
    )


def serve_site(
    settings: Settings,
    campaign: Campaign,
    ledger: Ledger,
    address: str,
    port: int,
    *,
    folder: Path | None = None,
    trusted: str = "127.0.0.1",
    refresh: float = 20,
    per_second: float = 20,
) -> None:
    """Serve until the process is told to stop.

    Args:
        settings: Where things are.
        campaign: Whose cases.
        ledger: Where they are.
        address: Where to listen.
        port: And on which port.
        folder: Static pages to serve as well, or None.
        trusted: The reverse proxy whose word about a visitor's address counts.
        refresh: Seconds between two looks at ledger and tables.
        per_second: Requests of one visitor.
    """
    desk = SiteDesk(settings, ledger, campaign.id, control=control_of(campaign))
    portal = portal_desk(settings, campaign, ledger)
    app = site_app(
        settings,
        campaign,
        desk,
        folder=folder,
        per_second=per_second,
        published=_figures(settings, campaign.id),
        portal=portal,
    )
    with refreshing(desk, refresh), refreshing(portal, refresh):
        uvicorn.run(
            app,
            host=address,
            port=port,
            access_log=False,  # it would name cases and visitors (law 8)
            log_level="warning",
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=trusted,
            limit_concurrency=1000,
            timeout_keep_alive=5,
            h11_max_incomplete_event_size=16_384,
            lifespan="off",
        )


def _figures(settings: Settings, campaign: str) -> Published | None:
    """For the menu alone, so cases are served without."""
    try:
        return published_figures(settings, campaign)
    except SurveyError as error:
        _LOG.warning("the public figures can't be read: %s", type(error).__name__)
        return None


def page_of_case(settings: Settings, page: str, number: str) -> str:
    """The address of a case's page, for its letters.

    Raises:
        ConfigError: The key of the site is missing.
    """
    return case_page(page, number, case_mark(read_key(settings.keys, SITE), number))
