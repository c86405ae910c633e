"""Behind the web server of ``infra/site``: what it serves itself, and what it passes on."""

import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvicorn
from judged_run import IP
from made_site import NOON
from made_site_desk import HOST, MadeDesk, make_desk

from survey.flows.site import build_site
from survey.model.address import parse_ip
from survey.model.wish import WishKind
from survey.site.policy import HEADERS
from survey.storage.wishes import Wishes

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")

pytestmark = [pytest.mark.servers, pytest.mark.skipif(NGINX is None, reason="nginx is missing")]

WHOLE = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass
class Served:
    """The whole site over HTTP on loopback."""

    port: int
    desk: MadeDesk
    folder: Path

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """One request."""
        given = {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as wire:
            wire.request(method, path, body, given)
            reply = wire.getresponse()
            told = {name.lower(): value for name, value in reply.getheaders()}
            return reply.status, told, reply.read().decode()


def _free() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nobody listens on {port}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The web server as our file has it, but for addresses, paths and TLS."""
    folder = tmp_path_factory.mktemp("nginx")
    desk = make_desk(folder / "desk")
    settings = replace(desk.office.judged.settings, data=folder / "none")
    build_site(settings, desk.campaign, folder / "www", NOON, served=True)
    answers, front = _free(), _free()
    lines = (ROOT / "infra/site/nginx.conf").read_text(encoding="utf-8").splitlines()
    text = "\n".join(
        line for line in lines if "ssl_certificate" not in line and "listen [::]" not in line
    )
    for was, becomes in (
        ("/srv/survey/www/site", str(folder / "www")),
        ("listen 443 ssl http2", f"listen 127.0.0.1:{front}"),
        ("listen 80", f"listen 127.0.0.1:{_free()}"),
        ("/var/log/nginx/", f"{folder}/"),
        ("127.0.0.1:8080", f"127.0.0.1:{answers}"),
    ):
        assert was in text
        text = text.replace(was, becomes)
    (folder / "site.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(WHOLE.format(folder=folder), encoding="utf-8")
    config = uvicorn.Config(
        desk.app,
        host="127.0.0.1",
        port=answers,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert NGINX is not None
    web = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        _wait(answers)
        _wait(front)
        yield Served(front, desk, folder)
    finally:
        web.terminate()
        web.wait(30)
        server.should_exit = True
        thread.join(30)
        desk.office.ledger.close()


def test_static_pages_come_with_every_header(served: Served) -> None:
    """As the policy has them; a folder's page, its style, a page that is not there."""
    status, headers, text = served.ask("GET", "/es/close/postfix/")
    assert status == 200
    assert "Postfix" in text
    assert {name.lower(): headers.get(name.lower()) for name in HEADERS} == {
        name.lower(): value for name, value in HEADERS.items()
    }
    style = text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    status, headers, _ = served.ask("GET", style)
    assert status == 200
    assert headers["content-type"].startswith("text/css")
    assert "immutable" in headers["cache-control"]
    status, _, text = served.ask("GET", "/nothing/here")
    assert status == 404
    assert "There is no such page" in text


def test_cases_are_passed_on(served: Served) -> None:
    """With a language in front or without; the headers stand there once."""
    number = served.desk.office.case_of("relay").number
    for code in ("", "en", "ja"):
        status, headers, text = served.ask("GET", served.desk.path(number, code))
        assert status == 200
        assert f"{IP['relay']}:25" in text
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers or "uvicorn" not in headers["server"]


def test_the_visitors_own_word_about_his_address_is_not_believed(served: Served) -> None:
    """The own test goes to the connection's address, which is in no plan here."""
    status, headers, _ = served.ask(
        "POST", "/en/own-test/", "", X_Forwarded_For=IP["proxy"], X_Real_IP=IP["proxy"]
    )
    assert status == 303
    assert "not_planned" in headers["location"]
    wishes = Wishes(served.desk.office.ledger).since(NOON.replace(year=2000))
    assert [one for one in wishes if one.kind is WishKind.OWN_TEST] == []


def test_a_visitor_that_the_proxy_names_is_tested(served: Served) -> None:
    """The address that nginx sees reaches the pages (here: loopback's, shown on the page)."""
    _, _, text = served.ask("GET", "/en/own-test/")
    assert '<b dir="ltr">127.0.0.1</b>' in text
    assert parse_ip("127.0.0.1")


def test_large_bodies_and_odd_methods_end_at_the_web_server(served: Served) -> None:
    """Before any program of ours sees them."""
    number = served.desk.office.case_of("relay").number
    path = f"{served.desk.path(number)}not-mine"
    assert served.ask("POST", path, "words=" + "x" * 20_000)[0] == 413
    assert served.ask("POST", "/es/close/", "x=1")[0] in {403, 405}
    assert served.ask("GET", "/../../etc/passwd")[0] in {400, 404}
    assert served.ask("GET", "/..%2f..%2fetc%2fpasswd")[0] in {400, 404}


def test_logs_of_the_web_server_name_no_case_and_no_visitor(served: Served) -> None:
    """Time, status, method and how long it took."""
    number = served.desk.office.case_of("relay").number
    served.ask("GET", served.desk.path(number))
    for _ in range(100):
        text = (served.folder / "survey-site.log").read_text(encoding="utf-8")
        if text.count("\n") > 3:
            break
        time.sleep(0.05)
    assert " 200 GET " in text
    whole = "".join(path.read_text(encoding="utf-8") for path in served.folder.glob("*.log"))
    assert number not in whole
    assert "/case/" not in whole
    assert "127.0.0.1" not in text
