"""The whole story, as its people live it: letter, page of the case, server closed, tested, thanked.

An open Postfix, our own mail server, nginx in front of the site as ``infra/site`` has it, and a
browser.  Needs ``chromium`` and Playwright.
"""

import asyncio
import json
import mailbox
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from certificates import self_signed
from daemons import SURVEY, Daemon, stopped, wait_until_listening
from operation import Operation
from places import PROBER_NAME

from survey.closing.instructions import closings
from survey.lab.draws import draws_of
from survey.lab.mailroom import HOST, Mailroom, open_mailroom
from survey.lab.operators import Reaction, reaction_of

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.servers,
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
    pytest.mark.skipif(not NGINX, reason="nginx is not installed"),
]

SEED = "story"
MAIL_PORT, ANSWERS, FRONT, PLAIN = 12610, 12611, 12612, 12613
PATIENCE = 60.0
SOON = 15.0
"""Seconds after which an opt-out is in force in a running scan (law 7)."""

FIRST = Daemon("postfix", "open", "127.0.44.1", 25)
SECOND = Daemon("postfix", "open", "127.0.45.1", 25)
DAEMONS = (FIRST, SECOND)
SLOW = "packets_per_second = 8"
PROBES = {"smtp_relay": "ports = [25]"}

AGENCY = """
id = "es-prueba"
name = "Agencia de Prueba"
country = "ES"
languages = ["es"]
contact = "contacto@agencia.example"
page = "https://agencia.example/secure-your-server"
tlp = "TLP:AMBER"

[jurisdiction]
cidrs = ["127.0.44.0/24", "127.0.45.0/24"]
"""
OUTGOING = f"""
[mail]
host = "{HOST}"
port = {MAIL_PORT}
authority = "mail.pem"
sender = "reports@prober.example"
name = "Tests of the survey"
reply_to = "survey@prober.example"
recipients = []

[letters]
maildir = "@desk"
case_pages = true
stop_page = "https://{PROBER_NAME}/stop"
"""
CONTACTS = f"""
kind = "lab"
page = "https://{PROBER_NAME}/"
contact = "survey@prober.example"
suppressed = "suppressed.log"
optouts = "optouts.log"

[names]
hosts = "hosts"
"""


@contextmanager
def mail_server(room: Mailroom) -> Iterator[None]:
    """Our mail server, in a thread of its own."""
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with open_mailroom(room, draws_of(SEED), lambda _: False):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield
    finally:
        stop.set()
        thread.join()


def silent(count: int) -> list[str]:
    """Mailboxes of operators from whom no program answers."""
    draws = draws_of(SEED)
    names = (f"abuse@n{number}.example" for number in range(10_000))
    found = [name for name in names if reaction_of(draws, name) is Reaction.SILENT]
    return found[:count]


@dataclass(frozen=True, slots=True)
class Story:
    """Everybody's tools.

    Attributes:
        operation: The survey's folder.
        mail: The mail server's folders.
        browser: A window on the site.
    """

    operation: Operation
    mail: Mailroom
    browser: Any

    def survey(self, *arguments: str) -> str:
        """A command of ours."""
        return self.operation.survey(*arguments)

    def json(self, *arguments: str) -> Any:
        """The document that a command of ours prints."""
        return json.loads(self.survey(*arguments, "--json"))

    def waiting(self) -> list[dict[str, Any]]:
        """Letters that wait for an approval."""
        self.survey("notify", "plan")
        waiting: list[dict[str, Any]] = self.json("notify", "status")["to_approve"]
        return waiting

    def send(self, kind: str) -> list[str]:
        """Approve the letters of one kind and send them; their cases."""
        waiting = [one for one in self.waiting() if one["kind"] == kind]
        for one in waiting:
            agreed = ("--agency", "es-prueba", "--by", "M. Ruiz", "--content", one["sha256"])
            self.survey("notify", "approve", one["case"], *agreed)
        self.survey("notify", "send", "--really")
        return [one["case"] for one in waiting]

    def letters(self) -> dict[str, str]:
        """The address of the case's page in each letter that arrived, by its subject."""
        found = {}
        for message in mailbox.Maildir(self.mail.delivered, create=False):
            text = message.get_payload(0).get_payload(decode=True).decode()
            link = re.search(rf"https://{PROBER_NAME}/\S*case/\S+", text)
            assert link is not None, text
            found[str(message["X-Survey-Case"])] = link[0]
        return found

    def until(self, done: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
        """Wait for something; how long it took."""
        began = time.monotonic()
        while not done():
            assert time.monotonic() - began < seconds, what
            time.sleep(0.25)
        return time.monotonic() - began

    def shows(self, words: str) -> bool:
        """Whether the page says so, looked at anew."""
        self.browser.reload()
        return words in self.browser.inner_text("main")


@contextmanager
def program(folder: Path, port: int, *command: str) -> Iterator[None]:
    """A server, from when it listens to the end of the block."""
    said = folder / f"{port}.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until_listening(process, "127.0.0.1", port, said)
        yield
    finally:
        stopped(process)


def web_server(folder: Path, www: Path) -> str:
    """The web server as our file has it, but for addresses, paths and certificate."""
    text = (ROOT / "infra/site/nginx.conf").read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if "listen [::]" not in line)
    (folder / "front.pem").write_text(self_signed(PROBER_NAME))
    for was, becomes in (
        ("/srv/survey/www/site", str(www)),
        ("listen 443 ssl http2", f"listen 127.0.0.1:{FRONT} ssl"),
        ("listen 80", f"listen 127.0.0.1:{PLAIN}"),
        ("/etc/ssl/survey/fullchain.pem", str(folder / "front.pem")),
        ("/etc/ssl/survey/key.pem", str(folder / "front.pem")),
        ("/var/log/nginx/", f"{folder}/"),
        ("127.0.0.1:8080", f"127.0.0.1:{ANSWERS}"),
        ("www.survey.example", PROBER_NAME),
    ):
        assert was in text
        text = text.replace(was, becomes)
    (folder / "site.conf").write_text(text)
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\nhttp { include /etc/nginx/mime.types;\n"
        + "".join(
            f"{name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + f"include {folder}/site.conf; }}\n"
    )
    return str(whole)


@contextmanager
def window() -> Iterator[Any]:
    """A browser for which the site's name leads to loopback, and no other name anywhere."""
    rules = f"MAP {PROBER_NAME}:443 127.0.0.1:{FRONT}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", f"--host-resolver-rules={rules}"),
            ],
        )
        try:
            yield browser.new_context(ignore_https_errors=True, locale="es-ES").new_page()
        finally:
            browser.close()


@pytest.fixture
def story(operation: Operation, tmp_path: Path) -> Iterator[Story]:
    """Agency, contacts, mail server, site and browser for a campaign on two open servers."""
    home = operation.home
    operation.prepare("story", DAEMONS, PROBES)
    (home / "agencies").mkdir()
    (home / "agencies" / "es-prueba.toml").write_text(AGENCY)
    room = Mailroom(MAIL_PORT, home / "mail.pem", tmp_path / "delivered", tmp_path / "desk")
    (home / "outgoing.toml").write_text(OUTGOING.replace("@desk", str(room.desk)))
    (home / "contacts.toml").write_text(CONTACTS)
    mine, other = silent(2)
    (home / "contacts.csv").write_text(
        "range_start,range_end,email,name,language\n"
        f"127.0.44.0,127.0.44.255,{mine},Altamar Broadband,es\n"
        f"127.0.45.0,127.0.45.255,{other},Brisal Hosting,es\n"
    )
    said = ("--source", "the test", "--licence", "none")
    operation.survey("registry", "import", "contact", "contacts.csv", *said)
    operation.survey("contacts", "init")
    with ExitStack() as stack:
        for daemon in DAEMONS:
            daemon.start()
        stack.callback(SECOND.stop)
        stack.enter_context(mail_server(room))
        operation.survey("scan", "story.toml", "--run", "one", "--serial")
        operation.survey("site", "build", "story.toml", str(tmp_path / "www"), "--served")
        listen = ("--listen", f"127.0.0.1:{ANSWERS}", "--refresh", "1")
        site = ("site", "serve", "story.toml", *listen)
        stack.enter_context(program(home, ANSWERS, SURVEY, *site))
        front = web_server(tmp_path, tmp_path / "www")
        assert NGINX is not None
        stack.enter_context(program(tmp_path, FRONT, NGINX, "-c", front))
        browser = stack.enter_context(window())
        yield Story(operation, room, browser)


@pytest.mark.timeout(600)
def test_operator_closes_the_server_and_sees_the_case_closed(story: Story, tmp_path: Path) -> None:
    """From the letter to the thanks; and another, who opts out of a scan that is running."""

    def reproduced() -> bool:
        found = story.operation.findings("story", "one")
        story.survey("retest", "--run", "one", "--due")
        return len([row for row in found if str(row["rung"]) in {"7", "R7"}]) == len(DAEMONS)

    story.until(reproduced, "both servers are reproduced")
    cases = story.send("first_notice")
    assert len(cases) == len(DAEMONS)
    links = story.letters()

    # the first operator opens the page that the letter names
    first = next(one for one, link in links.items() if _shows(story, link, FIRST.ip))
    page = story.browser
    assert page.locator("html").get_attribute("lang") == "es"
    assert "noindex" in page.locator("meta[name=robots]").get_attribute("content")

    # ... closes the server as the page says, and asks for a test
    FIRST.stop()
    closing = closings()["postfix"]
    closed = replace(
        FIRST, change=lambda name, text: closing.changed(text) if name == "main.cf" else text
    )
    closed.start()
    try:
        page.locator("form[action$='/test'] button").first.click()
        assert page.locator("[role=status]").count() >= 1
        story.survey("retest", "--run", "one", "--due")
        story.survey("notify", "plan")
        state = json.loads(story.survey("case", first, "--json"))["case"]["state"]
        assert state == "closed"
        story.until(lambda: page.reload() is not None and _is_closed(page), "the page says so")
        page.screenshot(path=str(tmp_path / "closed.png"), full_page=True)
    finally:
        closed.stop()

    # ... and is thanked
    assert [one["case"] for one in story.waiting() if one["kind"] == "thanks"] == [first]
    assert story.send("thanks") == [first]

    # the other one opts out while a scan runs, that would come to this address
    _opts_out_of_a_running_scan(story, links[next(one for one in links if one != first)])


def _opts_out_of_a_running_scan(story: Story, link: str) -> None:
    home = story.operation.home
    slow = (home / "story.toml").read_text().replace('id = "story"', 'id = "slow"')
    (home / "slow.toml").write_text(re.sub(r"packets_per_second = \d+", SLOW, slow))
    command = [SURVEY, "scan", "slow.toml", "--run", "one", "--serial"]
    scan = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        story.until(lambda: _status(story).get("sent", 0) > 0, "the scan runs")
        story.browser.goto(link)
        story.browser.locator("#sure").check()
        story.browser.locator("form[action$='/opt-out'] button").click()
        took = story.until(
            lambda: _status(story).get("optouts_obeyed", 0) >= 1, "the scan obeys", SOON
        )
        assert took < SOON
        assert _status(story)["state"] == "running"
        assert "It has not opted out" not in story.survey("explain", SECOND.ip)
    finally:
        stopped(scan)


def _status(story: Story) -> dict[str, Any]:
    done = subprocess.run(
        [SURVEY, "status", "slow.toml", "--json"],
        cwd=story.operation.home,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def _shows(story: Story, link: str, ip: str) -> bool:
    story.browser.goto(link)
    return ip in story.browser.inner_text("main")


def _is_closed(page: Any) -> bool:
    return "cerrado" in page.inner_text(".lede").lower()
