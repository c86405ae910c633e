"""``survey portal`` as a user runs it: keys made, listed, revoked; a process that answers."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from click.testing import CliRunner, Result
from judged_run import IP
from made_portal import MadePortal, make_portal
from made_site import CAMPAIGN, PAGE

from survey.cli.main import main


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """A judged run with cases and reports, and a campaign file."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    folder = made.office.folder
    text = CAMPAIGN.format(page=PAGE).replace('id = "spring"', 'id = "trial"')
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    (folder / "outgoing.toml").write_text("", encoding="utf-8")
    yield made
    made.office.ledger.close()


def _words(portal: MadePortal, *words: str) -> list[str]:
    settings, folder = portal.office.judged.settings, portal.office.folder
    return [
        *("--data", str(settings.data), "--keys", str(settings.keys)),
        *("--agencies", str(settings.agencies), "portal", *words),
        *("--outgoing", str(folder / "outgoing.toml")),
    ]


def _run(portal: MadePortal, *words: str) -> Result:
    return CliRunner().invoke(main, _words(portal, *words))


def _add(portal: MadePortal, *words: str) -> Result:
    return _run(portal, "keys", "add", "--agency", "es-prueba", "--holder", "SIEM", *words)


def test_a_key_is_shown_once(portal: MadePortal) -> None:
    """On stdout alone; listed with everything but its secret; each step is in the audit log."""
    made = _add(portal, "--scope", "query", "--scope", "feeds", "--days", "7")
    text = made.stdout.strip()
    assert made.exit_code == 0
    assert text.startswith("osys_")
    assert len(text) == 74
    assert text not in made.stderr
    listed = _run(portal, "keys", "list", "--agency", "es-prueba", "--json")
    (said,) = [one for one in json.loads(listed.stdout) if one["id"] == text.split("_")[1]]
    assert said["holder"] == "SIEM"
    assert (said["scopes"], said["state"], said["used_at"]) == (["feeds", "query"], "opens", None)
    assert text.split("_")[2] not in listed.output
    shown = _run(portal, "keys", "list").stdout
    assert "feeds query" in shown
    assert _run(portal, "keys", "revoke", said["id"]).exit_code == 0
    assert "revoked" in _run(portal, "keys", "list").stdout
    assert [line["what"] for line in portal.audit()[-2:]] == [
        "portal key made",
        "portal key revoked",
    ]
    assert text.split("_")[2] not in str(portal.audit())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--agency", "nobody", "--scope", "query"), "no agency 'nobody'"),
        (("--scope", "everything"), "everything"),
        (("--scope", "query", "--days", "9999"), "9999"),
        (("--scope", "query", "--holder", "a\nb"), "--holder"),
        ((), "--scope"),
    ],
)
def test_a_wrong_wish_makes_no_key(portal: MadePortal, words: tuple[str, ...], said: str) -> None:
    """One line with what is wrong, exit code 2."""
    made = _add(portal, *words)
    assert made.exit_code == 2
    assert said in made.stderr
    assert made.stdout == ""


def test_an_agency_without_technical_readers_gets_no_key_to_hosts(portal: MadePortal) -> None:
    """Pages with counts, yes."""
    path = portal.office.judged.settings.agencies / "xx-gap.toml"
    text = path.read_text().replace('"html", "csv", "intelmq"', '"html"')
    path.write_text(f'audiences = ["management"]\n{text}')
    words = ("--agency", "xx-gap")
    refused = _add(portal, *words, "--scope", "reports", "--scope", "query")
    assert refused.exit_code == 2
    assert "no technical readers" in refused.stderr
    assert _add(portal, *words, "--scope", "reports").exit_code == 0


def test_revoking_a_key_that_is_not_there_is_told(portal: MadePortal) -> None:
    """A mistyped id must not look like success."""
    gone = _run(portal, "keys", "revoke", "abc")
    assert gone.exit_code == 2
    assert "there is no key 'abc'" in gone.stderr


@pytest.mark.parametrize("listen", ["8081", "localhost:80", "127.0.0.1:0", "127.0.0.1:70000"])
def test_a_wrong_place_to_listen_is_told(portal: MadePortal, listen: str) -> None:
    """One line, exit code 2."""
    done = _run(portal, "serve", str(portal.office.folder / "trial.toml"), "--listen", listen)
    assert done.exit_code == 2
    assert "write 127.0.0.1:8080" in done.stderr


@pytest.mark.parametrize("group", ["portal", pytest.param("site", marks=pytest.mark.long)])
def test_it_is_served_until_told_to_stop(portal: MadePortal, group: str) -> None:
    """A program and a person, alone or with the site's pages; nothing of a host is logged."""
    from survey.storage.keys import SITE, make_key  # noqa: PLC0415 - of the site alone

    make_key(portal.office.judged.settings.keys, SITE)
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    words = _words(portal, "serve", str(portal.office.folder / "trial.toml"))
    words[words.index("portal")] = group
    serving = subprocess.Popen(
        [
            *(sys.executable, "-c", "from survey.cli.main import main; main()"),
            *(*words, "--listen", f"127.0.0.1:{port}"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        bearer = {"Authorization": f"Bearer osys_{'a' * 16}_{'b' * 52}"}
        assert _ask(port, "GET", "/portal/api/v1/findings", headers=bearer)[0] == 401
        text = _add(portal, "--scope", "query").stdout.strip()
        bearer = {"Authorization": f"Bearer {text}"}
        status, _, said = _ask(
            port, "GET", f"/portal/api/v1/findings?address={IP['relay']}", headers=bearer
        )
        assert status == 200
        assert [row["port"] for row in json.loads(said)["items"]] == [25]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, _ = _ask(port, "POST", "/portal/en/login", f"key={text}", form)
        assert status == 303
        cookie = {"Cookie": headers["set-cookie"].partition(";")[0]}
        assert f"{IP['relay']}:25" in _ask(port, "GET", "/portal/en/findings", headers=cookie)[2]
    finally:
        serving.send_signal(signal.SIGTERM)
        told = serving.communicate(timeout=60)[1]
    assert "Traceback" not in told
    assert IP["relay"] not in told
    assert text not in told


def _ask(
    port: int, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """One request, as soon as somebody listens."""
    until = time.monotonic() + 100
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(method, path, body or None, headers or {})
            reply = connection.getresponse()
            said = {name.lower(): value for name, value in reply.getheaders()}
            return reply.status, said, reply.read().decode()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        finally:
            connection.close()


def test_the_database_is_not_for_others(portal: MadePortal) -> None:
    """Who has keys is nobody else's business."""
    assert portal.office.judged.layout.ledger.stat().st_mode & 0o077 == 0
