"""``survey site serve|link|wishes`` as a user runs them: a process, a socket, a signal."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from judged_run import IP
from made_cases import Office, make_office
from made_site import CAMPAIGN

from survey.cli.main import main
from survey.model.address import parse_ip
from survey.model.followup import Reason
from survey.storage.followups import read_queue
from survey.storage.keys import SITE, make_key

PAGE = "https://www.survey.example/"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A judged run with cases, and a campaign file."""
    folder = tmp_path_factory.mktemp("office")
    office = make_office(folder)
    office.plan()
    make_key(office.judged.settings.keys, SITE)
    text = CAMPAIGN.format(page=PAGE).replace('id = "spring"', 'id = "trial"')
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    (folder / "outgoing.toml").write_text("", encoding="utf-8")
    yield office
    office.ledger.close()


def _command(office: Office, *words: str) -> list[str]:
    settings = office.judged.settings
    return [
        *(sys.executable, "-c", "from survey.cli.main import main; main()"),
        *("--data", str(settings.data), "--keys", str(settings.keys)),
        *("--agencies", str(settings.agencies), "site", *words),
        *("--outgoing", str(office.folder / "outgoing.toml")),
    ]


def _run(office: Office, *words: str) -> str:
    done = subprocess.run(_command(office, *words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_case_is_served_and_tested_again(office: Office) -> None:
    """From the link in a letter to the test in the queue; it ends when told to, quietly."""
    number = office.case_of("relay").number
    link = _run(office, "link", str(office.folder / "trial.toml"), number).strip()
    assert link.startswith(f"{PAGE}case/{number}/")
    path = urlsplit(link).path
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    serving = subprocess.Popen(
        _command(
            office, "serve", str(office.folder / "trial.toml"), "--listen", f"127.0.0.1:{port}"
        ),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        page = _ask(port, "GET", path)
        assert page[0] == 200
        assert f"{IP['relay']}:25" in page[2]
        action = re.search(r'action="([^"]*test)"', page[2])
        assert action is not None
        status, headers, _ = _ask(
            port, "POST", action[1], f"server={IP['relay']}%3A25%2Fsmtp_relay"
        )
        assert status == 303
        assert "said=done" in headers["location"]
        assert _ask(port, "GET", headers["location"])[0] == 200
    finally:
        serving.send_signal(signal.SIGTERM)
        said = serving.communicate(timeout=60)[1]
    run = office.judged.layout.run("trial", "2026-W48")
    (mine,) = [one for one in read_queue(run).waiting if one.wanted.reason is Reason.WISH]
    assert (mine.wanted.ip, mine.wanted.port) == (parse_ip(IP["relay"]), 25)
    assert "Traceback" not in said
    assert IP["relay"] not in said
    assert number not in said
    (wish,) = json.loads(_run(office, "wishes", "--days", "1", "--json"))
    assert wish["kind"] == "test"
    audit = office.judged.layout.audit.read_text(encoding="utf-8")
    assert all(f'"{what}"' in audit for what in ("case page link", "case page", "site wishes"))


@pytest.mark.parametrize("listen", ["8080", "localhost:80", "127.0.0.1:0", "127.0.0.1:70000"])
def test_a_wrong_address_is_told(office: Office, listen: str) -> None:
    """One line, exit code 2."""
    words = ("serve", str(office.folder / "trial.toml"), "--listen", listen)
    done = CliRunner().invoke(main, _command(office, *words)[3:])
    assert done.exit_code == 2
    assert "write 127.0.0.1:8080" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def _ask(port: int, method: str, path: str, body: str | None = None) -> tuple[int, dict, str]:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Host": "www.survey.example"}
    for _ in range(200):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as wire:
            try:
                wire.request(method, path, body, kind)
            except ConnectionRefusedError:
                time.sleep(0.05)
                continue
            reply = wire.getresponse()
            told = {name.lower(): value for name, value in reply.getheaders()}
            return reply.status, told, reply.read().decode()
    pytest.fail(f"nobody listens on {port} (load {os.getloadavg()[0]:.0f})")
