"""What strangers try on the portal: guessing, flooding, oversized and crooked requests, logs."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from judged_run import IP
from made_portal import MadePortal, make_portal
from made_site import PAGE
from made_site_desk import Reply, ask

from survey.flows.portal import portal_app
from survey.model.address import parse_ip
from survey.portal.limits import Limits
from survey.site.guard import Guard

HOSTILE = (
    b'220 "><script>alert(1)</script>\r\nSet-Cookie: a=b {{7*7}} ${7*7} %s\x1b[2J\x00\xff \r\n'
)
NAME = "</bdi><script>{{ config }}</script>\r\nX: y\u202e"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """Cases, reports and keys; every stranger's word is hostile."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    office = made.office
    office.judge(
        {**row, "banner": HOSTILE, "reply": HOSTILE, "network": NAME, "host": NAME[:60]}
        for row in office.findings()
    )
    yield made
    office.ledger.close()


def _held(made: MadePortal, *, per_second: float = 1e6, per_visitor: float = 1e6) -> Guard:
    """The same portal, for visitors who are held back."""
    return portal_app(made.desk, PAGE, per_second=per_second, per_visitor=per_visitor)


async def _api(app: Guard, path: str, key: str, client: str = "198.51.100.7") -> Reply:
    headers = {"authorization": f"Bearer {key}"}
    return await ask(app, "GET", f"/portal/api/v1/{path}", headers=headers, client=client)


async def test_a_strangers_words_are_text_everywhere(portal: MadePortal) -> None:
    """In pages, in JSON, in headers: no markup, no template, no line of its own."""
    cookie = await portal.login()
    page = await portal.page("en/findings", cookie)
    assert "<script" not in page.text
    assert "{{7*7}} ${7*7} %s" in page.text
    assert "49" not in page.text.partition("<tbody>")[2].replace("5349", "")
    for reply in (page, await portal.api("findings")):
        assert "set-cookie" not in reply.headers
        assert "x" not in reply.headers
        for letter in ("\x1b", "\x00", "\r", "\u202e"):
            assert letter not in reply.text
    (first, *_) = (await portal.json("findings"))["items"]
    assert "\n" not in first["banner"] + first["network"] + first["hostname"]
    assert len(first["banner"]) <= 200


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic b3N5czpvc3lz",
        "Bearer osys_{id}_" + "a" * 52,
        "Bearer {key}x",
        "Bearer {key} {key}",
        "Token {key}",
        "Bearer " + "a" * 8000,
        "Bearer \x00",
        "Bearer é",
    ],
)
async def test_no_key_no_answer(portal: MadePortal, authorization: str) -> None:
    """The same refusal for all, whatever is asked for and whether it is there."""
    key = portal.keys["es-prueba"]
    text = authorization.replace("{key}", key).replace("{id}", key.split("_")[1])
    told = set()
    for path in ("findings", "cases/OSYS-2026-000001", "nowhere", "reports/x/files/y"):
        client = f"198.51.100.{len(authorization) % 200}"
        reply = await ask(
            portal.app,
            "GET",
            f"/portal/api/v1/{path}",
            headers={"authorization": text},
            client=client,
        )
        told.add((reply.status, reply.text, reply.headers.get("www-authenticate")))
    assert len(told) == 1
    assert told.pop()[0] == 401


async def test_who_guesses_is_slowed_and_nobody_else(portal: MadePortal) -> None:
    """After ten keys that are none; a good key from the same place goes on."""
    app = _held(portal)
    wrong = "osys_" + "a" * 16 + "_" + "b" * 52
    codes = [(await _api(app, "key", wrong)).status for _ in range(15)]
    assert codes == [401] * 10 + [429] * 5
    refused = await _api(app, "key", wrong)
    assert int(refused.headers["retry-after"]) >= 1
    assert (await _api(app, "key", portal.keys["es-prueba"])).status == 200
    assert (await _api(app, "key", wrong, client="198.51.100.8")).status == 401


async def test_login_is_slowed_too(portal: MadePortal) -> None:
    """The form is no way around."""
    app = _held(portal)
    codes = [
        (await ask(app, "POST", "/portal/en/login", body=b"key=osys_wrong")).status
        for _ in range(12)
    ]
    assert codes == [403] * 10 + [429] * 2


async def test_a_flood_of_one_key_ends_at_its_bucket(portal: MadePortal) -> None:
    """Ten seconds' worth at once; another key is not held back by it."""
    app = _held(portal, per_second=0.5)
    first = [
        (await _api(app, "key", portal.keys["es-prueba"], client=f"198.51.100.{at}")).status
        for at in range(20)
    ]
    assert first[:5] == [200] * 5
    assert first.count(429) >= 10
    assert (await _api(app, "key", portal.keys["xx-net"])).status == 200


async def test_a_flood_of_one_visitor_ends_at_the_guard(portal: MadePortal) -> None:
    """Whatever keys it shows; then nothing is looked up any more."""
    app = _held(portal, per_visitor=1)
    codes = [(await _api(app, "key", portal.keys["es-prueba"])).status for _ in range(8)]
    assert codes[:3] == [200] * 3
    assert 429 in codes


def test_a_bucket_fills_again() -> None:
    """And holds no more than it did; the longest quiet are forgotten first."""
    now = [0.0]
    limits = Limits(2, 4, clock=lambda: now[0])
    assert [limits.may("a") for _ in range(5)] == [True] * 4 + [False]
    now[0] = 0.5
    assert [limits.may("a") for _ in range(2)] == [True, False]
    now[0] = 1000
    assert [limits.may("a") for _ in range(5)] == [True] * 4 + [False]
    for number in range(10_001):
        limits.may(str(number))
    assert len(limits._left) == 10_000


@pytest.mark.parametrize("size", [8193, 100_000, 5_000_000])
async def test_a_body_is_read_to_its_bound(portal: MadePortal, size: int) -> None:
    """And not kept."""
    body = b"key=" + b"a" * size
    assert (await ask(portal.app, "POST", "/portal/en/login", body=body)).status == 413


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"key": "x"}', "application/json", 415),
        (b"key=x", "multipart/form-data; boundary=x", 415),
        (b"key=x", "", 415),
        (b"\xff=x", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 50), "application/x-www-form-urlencoded", 400),
        (b"key=%ff%00", "application/x-www-form-urlencoded", 400),
    ],
)
async def test_a_crooked_form_is_refused(
    portal: MadePortal, body: bytes, kind: str, status: int
) -> None:
    """By its kind, its coding, its number of fields."""
    headers = {"content-type": kind}
    reply = await ask(portal.app, "POST", "/portal/en/login", body=body, headers=headers)
    assert reply.status == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "POST"])
async def test_the_api_only_tells(portal: MadePortal, method: str) -> None:
    """Nothing can be changed by it."""
    headers = {"authorization": f"Bearer {portal.keys['es-prueba']}"}
    reply = await ask(portal.app, method, "/portal/api/v1/findings", headers=headers)
    assert reply.status == 405


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ("..", "es-prueba.toml"),
        ("2026-W48", "../../xx-net/2026-W48/report.html"),
        ("2026-W48", "..%2f..%2fxx-net%2f2026-W48%2freport.html"),
        ("..%2fxx-net%2f2026-W48", "report.html"),
        ("../xx-net/2026-W48", "report.html"),
        (".", "report.html"),
        ("2026-W48", "manifest.json"),
        ("2026-W48", "report.html%00.csv"),
        ("2026-W48", "report.html/"),
        ("2026-W48", "REPORT.HTML"),
        ("2026-W48", "/etc/passwd"),
        ("%2e%2e", "report.html"),
        ("2026-W48", "other.txt"),
        ("2026-W48", "link.html"),
        ("2026-W48", "a" * 5000),
    ],
)
async def test_no_path_leads_out_of_a_report(portal: MadePortal, period: str, name: str) -> None:
    """Only what the report's own manifest names, as it names it."""
    folder = portal.office.judged.layout.report("es-prueba", "2026-W48")
    (folder / "other.txt").write_text("not of the report")
    if not (folder / "link.html").is_symlink():
        (folder / "link.html").symlink_to(Path("/etc/hostname"))
    for path in (f"{period}/files/{name}", f"2026-W48/files/{period}/{name}"):
        reply = await portal.api(f"reports/{path}")
        assert reply.status == 404
        assert reply.headers["content-type"] == "application/problem+json"
    cookie = await portal.login()
    assert (await portal.page(f"en/files/{period}/{name}", cookie)).status in {404, 414}


async def test_a_file_that_was_changed_is_not_given(portal: MadePortal) -> None:
    """It is not the one that the manifest names: somebody else's list may lie there."""
    folder = portal.office.judged.layout.report("xx-net", "2026-W48")
    kept = (folder / "report.html").read_bytes()
    (folder / "report.html").write_bytes(b"another")
    assert (await portal.api("reports/2026-W48/files/report.html", "xx-net")).status == 503
    (folder / "report.html").write_bytes(kept)
    assert (await portal.api("reports/2026-W48/files/report.html", "xx-net")).status == 200


@pytest.mark.parametrize("number", ["OSYS-2026-00000१", "OSYS-2026-1", "1", "'--", "OSYS%0d%0a"])
async def test_what_is_no_case_number_is_not_looked_for(portal: MadePortal, number: str) -> None:
    """Nothing of it is written down or given back."""
    before = len(portal.audit())
    reply = await portal.api(f"cases/{number}")
    assert reply.status == 404
    assert number not in reply.text
    assert len(portal.audit()) == before


async def test_numbers_counted_up_tell_nothing(portal: MadePortal) -> None:
    """Which of them are others' can't be told from which are none."""
    told = {
        (reply.status, reply.text)
        for count in range(1, 12)
        for reply in [await portal.api(f"cases/OSYS-2026-{count:06d}", "xx-gap")]
    }
    assert len(told) == 1


async def test_logs_hold_no_host(
    portal: MadePortal, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not when all is well, nor when a table is damaged and the reason names its rows."""
    caplog.set_level(logging.DEBUG)
    cookie = await portal.login()
    hosts = portal.office.judged.layout.run("trial", "2026-W48").hosts
    kept = hosts.read_bytes()
    for _ in range(2):
        await portal.api("findings", address=IP["relay"])
        await portal.page(f"en/findings?address={IP['relay']}", cookie)
        await portal.api("cases", address=IP["relay"])
        hosts.write_bytes(b"PAR1 192.0.2.7")
    assert (await portal.api("findings")).status == 503
    hosts.write_bytes(kept)
    said = caplog.text + "".join(capfd.readouterr())
    for ip in IP.values():
        assert ip not in said
        assert str(parse_ip(ip)) not in said
    assert "OSYS-" not in said
    assert portal.keys["es-prueba"].rpartition("_")[2] not in said


async def test_a_fault_of_ours_is_told_without_its_text(
    portal: MadePortal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the asker nothing, to the log its kind."""

    def broken(*_: object) -> None:
        raise RuntimeError(IP["relay"])

    monkeypatch.setattr(portal.desk, "findings", broken)
    reply = await portal.api("findings")
    assert reply.status == 500
    assert IP["relay"] not in reply.text + caplog.text
    assert "RuntimeError" in caplog.text
