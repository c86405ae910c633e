"""The servers that ``site`` asks: pages of cases as ``survey site serve`` answers, and a bare peer.

``python -m tests.benchmarks.site_server ours|bare PORT FOLDER`` writes FOLDER/paths, then listens.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "made"), str(ROOT / "tests" / "guard")]

import uvicorn  # noqa: E402 - behind the folders that the tests' own parts are in
from made_site_desk import MadeDesk, make_desk  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import HTMLResponse, Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

PAGE = "x" * 7000
"""As long as a case's page."""


def main(which: str, port: int, folder: Path) -> None:
    """Serve until told to stop."""
    made = make_desk(folder / "desk") if which == "ours" else None
    paths = _paths(made) if made is not None else ["/en/case/OSYS-2026-000001/mark/"]
    app = made.app if made is not None else Starlette(routes=[Route(paths[0], _bare)])
    (folder / "paths").write_text("\n".join(paths), encoding="ascii")
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        lifespan="off",
    )


def _paths(made: MadeDesk) -> list[str]:
    return [made.path(number, code) for number in made.numbers for code in ("en", "es", "ar", "ja")]


async def _bare(_: Request) -> Response:
    return HTMLResponse(PAGE)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
