"""The portal as one application, to be mounted where a site has its root, or served alone.

What stands before every page (floods, foreign forms, headers of the policy) is the site's guard;
the flow puts the portal behind it.
"""

from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from survey.portal.access import Access
from survey.portal.api import Api
from survey.portal.desk import Desk
from survey.portal.people import People

PER_SECOND = 5.0
"""Requests of one key; ten times as many at once."""


def make_portal(
    desk: Desk, base: str, *, style: str = "", per_second: float = PER_SECOND
) -> Starlette:
    """The application.

    Args:
        desk: Knows keys and what they open.
        base: Its own path on its host, without a ``/`` at its end, whatever mounts it there.
        style: The site's style sheet; the portal looks like it.
        per_second: Requests of one key.
    """
    access = Access(desk, per_second=per_second)
    sheet = style + files(__package__).joinpath("portal.css").read_text(encoding="utf-8")

    async def style_sheet(_: Request) -> Response:
        return Response(
            sheet, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"}
        )

    app = Starlette(
        routes=[
            Route("/portal.css", style_sheet),
            *Api(desk, access, base).routes(),
            *People(desk, access, base).routes(),
        ]
    )
    app.router.redirect_slashes = False
    return app
