"""The pages that answer: what they show, what they do, and everything that they refuse."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from judged_run import IP
from made_cases import NOW
from made_site_desk import HOST, MadeDesk, Reply, ask, make_desk

from survey.model.address import parse_ip
from survey.model.followup import Reason
from survey.model.letter import LetterKind
from survey.model.wish import WishKind
from survey.notify.letter_token import letter_token
from survey.site.languages import written
from survey.site.links import LENGTH, case_mark, own_test_mark
from survey.site.policy import HEADERS
from survey.storage.followups import read_queue
from survey.storage.wishes import Wishes
from survey.targets.optouts import read_log

RELAY = {"server": f"{IP['relay']}:25/smtp_relay"}
"""What the button of the relay's page sends."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeDesk]:
    """Four cases, open, and their pages."""
    made = make_desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.office.ledger.close()


@pytest.fixture
def made(office: MadeDesk) -> MadeDesk:
    """The same as it was made."""
    office.fresh()
    return office


def _queued(made: MadeDesk) -> list[tuple[int, int, str]]:
    run = made.office.judged.layout.run("trial", "2026-W48")
    return [
        (one.wanted.ip, one.wanted.port, one.wanted.probe.value)
        for one in read_queue(run).waiting
        if one.wanted.reason is Reason.WISH
    ]


def _number(made: MadeDesk, name: str = "relay") -> str:
    return made.office.case_of(name).number


async def test_a_case_is_on_its_page_and_no_other_is(made: MadeDesk) -> None:
    """Address, port, kind, proof, steps; not a word of another case's address."""
    reply = await made.get(made.path(_number(made)))
    assert reply.status == 200
    assert f"{IP['relay']}:25" in reply.text
    assert "Open mail relay" in reply.text
    assert "How to close it:" in reply.text
    assert "The case was opened." in reply.text
    for name, ip in IP.items():
        assert name == "relay" or f"{ip}:" not in reply.text


@pytest.mark.parametrize("code", written())
async def test_a_case_is_told_in_every_language(made: MadeDesk, code: str) -> None:
    """With the language in the address; each leads to the others."""
    reply = await made.get(made.path(_number(made), code))
    assert reply.status == 200
    assert f'<html lang="{code}"' in reply.text
    assert f"/ja{made.path(_number(made), '')}" in reply.text


async def test_without_a_language_the_operators_own_is_taken(made: MadeDesk) -> None:
    """Else the browser's."""
    path = made.path(_number(made), "")
    assert '<html lang="es"' in (await made.get(path)).text
    assert (
        '<html lang="ja"' in (await made.get("/own-test/", headers={"accept-language": "ja"})).text
    )


async def test_pages_are_kept_by_nobody(made: MadeDesk) -> None:
    """No cache, no search engine, no cookie, no frame, no referrer."""
    reply = await made.get(made.path(_number(made)))
    assert reply.headers["cache-control"] == "no-store"
    assert "noindex" in reply.headers["x-robots-tag"]
    assert '<meta name="robots" content="noindex, nofollow">' in reply.text
    assert "set-cookie" not in reply.headers
    assert {name.lower() for name in HEADERS} <= set(reply.headers)
    assert "unsafe" not in reply.headers["content-security-policy"]


async def test_test_again_queues_that_server_alone(made: MadeDesk) -> None:
    """One test of one address and port, with the reason that a person wished it."""
    number = _number(made)
    reply = await made.post(f"{made.path(number)}test", RELAY)
    assert reply.status == 303
    assert _queued(made) == [(parse_ip(IP["relay"]), 25, "smtp_relay")]
    page = await made.get(reply.headers["location"])
    assert "It is queued." in page.text
    assert "A test was asked for" in page.text
    assert f'{made.path(number)}test"' not in page.text


async def test_test_again_is_rationed(made: MadeDesk) -> None:
    """Not twice within ten minutes, nor more than six times a day."""
    number = _number(made)
    path = f"{made.path(number)}test"
    done = []
    for _ in range(10):
        done.append((await made.post(path, RELAY)).headers["location"])
        assert "too_soon" in (await made.post(path, RELAY)).headers["location"]
        made.clock.now += timedelta(minutes=11)
    assert sum("said=done" in one for one in done) == 6
    assert len(_queued(made)) == 1


async def test_the_result_is_shown_once_it_is_there(made: MadeDesk) -> None:
    """Closed or still open, as the tables say after the test."""
    number = _number(made)
    reply = await made.post(f"{made.path(number)}test", RELAY)
    made.office.look("relay", NOW + timedelta(minutes=5), "closed", round_=1)
    made.desk.refresh()
    page = await made.get(reply.headers["location"])  # loaded again, as it asks for
    assert "It is queued" not in page.text
    assert "closed to strangers" in page.text
    assert "It is closed: our tests found it so on November 25, 2026. Thank you." in page.text
    assert "A test was asked for" not in page.text
    assert f'{made.path(number)}test"' in page.text


async def test_not_mine_is_written_down_for_a_person(made: MadeDesk) -> None:
    """With whom to ask; what was written is bounded and on one line."""
    number = _number(made)
    fields = {"contact": "noc@host.example", "words": "line one\r\nBcc: x@y.example\x1b[2J"}
    await made.post(f"{made.path(number)}not-mine", fields)
    (wish,) = Wishes(made.office.ledger).of_case(number)
    assert wish.kind is WishKind.NOT_MINE
    assert wish.detail == "noc@host.example: line one Bcc: x@y.example\\u001b[2J"
    assert "You have told us." in (await made.get(made.path(number))).text


@pytest.mark.parametrize(
    "contact", ["a@b", "a b@c.example", "x@y.example\r\nBcc: z@z.example", "@", "é@x.example"]
)
async def test_a_contact_that_is_no_mailbox_is_refused(made: MadeDesk, contact: str) -> None:
    """Nothing is written down."""
    number = _number(made)
    reply = await made.post(f"{made.path(number)}not-mine", {"contact": contact, "words": ""})
    assert "said=wrong" in reply.headers["location"]
    assert Wishes(made.office.ledger).of_case(number) == ()


async def test_opting_out_is_in_force_at_once(made: MadeDesk) -> None:
    """The log has the case's addresses, no other, with how it was verified and what is erased."""
    number = _number(made)
    path = f"{made.path(number)}opt-out"
    assert "said=wrong" in (await made.post(path, {})).headers["location"]
    await made.post(path, {"sure": "yes", "erase": "yes"})
    (entry,) = read_log(made.office.judged.optouts).entries[-1:]
    ip = parse_ip(IP["relay"])
    assert [(part.start, part.end) for part in entry.ranges] == [(ip, ip)]
    assert entry.erase
    assert number in entry.by
    assert "mailbox of the network's contact" in entry.verified
    page = await made.get(made.path(number))
    assert "nothing is sent to these addresses any more" in page.text
    again = await made.post(f"{made.path(number)}test", RELAY)
    assert "not_planned" in again.headers["location"]
    assert _queued(made) == []


async def test_opting_out_twice_is_one_entry(made: MadeDesk) -> None:
    """The log only ever grows; it need not."""
    path = f"{made.path(_number(made))}opt-out"
    await made.post(path, {"sure": "yes"})
    before = read_log(made.office.judged.optouts).version
    await made.post(path, {"sure": "yes"})
    assert read_log(made.office.judged.optouts).version == before


async def test_own_test_is_of_the_address_that_asks(made: MadeDesk) -> None:
    """Whatever the form says; and the result is behind an address that nobody can guess."""
    reply = await made.post("/en/own-test/", {"ip": "192.0.2.99"}, client=IP["proxy"])
    assert reply.status == 303
    assert {ip for ip, _, _ in _queued(made)} == {parse_ip(IP["proxy"])}
    made.desk.refresh()
    page = await made.get(reply.headers["location"])
    assert "queued or under way" in page.text
    assert IP["proxy"] in page.text
    made.office.look("proxy", NOW + timedelta(minutes=5), "closed", round_=1)
    made.desk.refresh()
    page = await made.get(reply.headers["location"])
    assert "nothing that is open to strangers" in page.text
    assert "closed to strangers" in page.text


async def test_own_test_is_rationed(made: MadeDesk) -> None:
    """Per address; and an address that is in no plan is not tested."""
    assert (await made.post("/en/own-test/", {}, client=IP["proxy"])).status == 303
    again = await made.post("/en/own-test/", {}, client=IP["proxy"])
    assert "too_soon" in again.headers["location"]
    for stranger in ("127.99.0.1", "::1", "2001:db8::1"):
        reply = await made.post("/en/own-test/", {}, client=stranger)
        assert (
            "said=not_planned" in reply.headers["location"] or "wrong" in reply.headers["location"]
        )
    assert {ip for ip, _, _ in _queued(made)} == {parse_ip(IP["proxy"])}


async def test_a_header_does_not_make_another_address(made: MadeDesk) -> None:
    """Only the server's trusted proxy may say so; the application itself believes nobody."""
    headers = {"x-forwarded-for": IP["proxy"], "forwarded": f"for={IP['proxy']}"}
    await made.post("/en/own-test/", {}, headers=headers, client="127.99.0.1")
    assert _queued(made) == []


def _marks(made: MadeDesk, number: str) -> list[str]:
    right = case_mark(made.key, number)
    return [
        "",
        "a" * LENGTH,
        right[:-1],
        right + "a",
        right[:-1] + ("b" if right[-1] == "a" else "a"),
        right.upper(),
        case_mark(b"x" * 32, number),
        case_mark(made.key, made.numbers[1]),
        own_test_mark(made.key, 1),
        "%00" + right[3:],
    ]


async def test_cases_can_not_be_enumerated(made: MadeDesk) -> None:
    """A wrong mark on a case that is there, and any mark on one that is not: the same answer."""
    there, nowhere = made.numbers[0], "OSYS-2026-999999"
    told: set[tuple[int, str]] = set()
    for mark in _marks(made, there):
        for number in (there, nowhere):
            for path in (f"/en/case/{number}/{mark}/", f"/case/{number}/{mark}/"):
                reply = await made.get(path)
                told.add((reply.status, reply.text))
    # the right mark of a case that was never opened
    told.add(_told(await made.get(f"/en/case/{nowhere}/{case_mark(made.key, nowhere)}/")))
    assert len(told) == 1
    assert told.pop()[0] == 404


async def test_nothing_is_looked_up_before_the_mark_is_right(
    made: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no clock tells a case that is there from one that is not."""
    asked: list[str] = []
    monkeypatch.setattr(made.desk, "case", asked.append)
    for mark in _marks(made, made.numbers[0]):
        await made.get(f"/en/case/{made.numbers[0]}/{mark}/")
        await made.post(f"/en/case/{made.numbers[0]}/{mark}/test", RELAY)
    assert asked == []


def _told(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"https://{HOST}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_forms_of_other_sites_are_refused(made: MadeDesk, headers: dict[str, str]) -> None:
    """Even with the case's address; nothing is done."""
    number = _number(made)
    for what, fields in (("test", RELAY), ("opt-out", {"sure": "yes"})):
        reply = await made.post(f"{made.path(number)}{what}", fields, headers=headers)
        assert reply.status == 403
    assert (await made.post("/en/own-test/", {}, headers=headers)).status == 403
    assert Wishes(made.office.ledger).of_case(number) == ()


async def test_a_get_changes_nothing(made: MadeDesk) -> None:
    """What a browser or a mail scanner fetches by itself does not act."""
    number = _number(made)
    for what in ("test", "not-mine", "opt-out"):
        assert (
            await made.get(f"{made.path(number)}{what}?server=192.0.2.7:25/smtp_relay&sure=yes")
        ).status in {404, 405}
    assert Wishes(made.office.ledger).of_case(number) == ()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "X"])
async def test_other_methods_are_refused(made: MadeDesk, method: str) -> None:
    """Everywhere."""
    assert (await ask(made.app, method, made.path(_number(made)))).status == 405


async def test_bodies_are_bounded_and_of_one_kind(made: MadeDesk) -> None:
    """8 kB of a form's fields, eight at most; no upload, no JSON, no broken escapes."""
    path = f"{made.path(_number(made))}not-mine"
    assert (await made.post(path, {"words": "x" * 10_000})).status == 413
    assert (await made.post(path, {f"f{n}": "" for n in range(20)})).status == 400
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
        reply = await made.post(path, {"words": "x"}, headers={"content-type": kind})
        assert reply.status == 415
    reply = await ask(made.app, "POST", path, body=b"words=%ff%fe")
    assert reply.status == 400
    reply = await ask(made.app, "POST", path, body="words=é".encode("latin-1"))
    assert reply.status == 400


@pytest.mark.parametrize(
    "name",
    [
        "",
        "0",
        f"{IP['proxy']}:1080/socks5",
        f"{IP['relay']}:26/smtp_relay",
        f"{IP['relay']}:25/socks5",
        f"{IP['relay']}:25/smtp_relay ",
        "x" * 5000,
    ],
)
async def test_a_server_that_is_not_there_is_refused(made: MadeDesk, name: str) -> None:
    """No name leads to another case's server, port or test."""
    reply = await made.post(f"{made.path(_number(made))}test", {"server": name})
    assert "said=wrong" in reply.headers["location"]
    assert _queued(made) == []


@pytest.mark.parametrize(
    "path",
    [
        "/en/case/../../etc/passwd",
        "/en/case/OSYS-2026-000001/..%2f..%2fsite.key/",
        "/..%2f..%2fkeys/site.key",
        "//evil.example/",
        "/en//case/OSYS-2026-000001/",
        "/xx/own-test/",
        "/en/own-test/1/" + "a" * LENGTH + "/",
        "/en/own-test/99999999999999999999/" + "a" * LENGTH + "/",
        "/en/case/OSYS-٢٠٢٦-000001/" + "a" * LENGTH + "/",
        "/" + "a" * 9000,
    ],
)
async def test_odd_paths_lead_nowhere(made: MadeDesk, path: str) -> None:
    """And never to another host."""
    reply = await made.get(path)
    assert reply.status in {404, 414}
    assert "location" not in reply.headers


async def test_what_is_said_in_the_address_is_not_echoed(made: MadeDesk) -> None:
    """No markup, no header."""
    path = made.path(_number(made))
    for said in ("<script>alert(1)</script>", "%0d%0aSet-Cookie:x=1", "{{7*7}}", "done"):
        reply = await made.get(f"{path}?said={said}&what={said}")
        assert reply.status == 200
        assert "<script" not in reply.text
        assert "set-cookie" not in reply.headers
        assert ">49<" not in reply.text


async def test_a_banner_can_not_become_markup_or_template(made: MadeDesk) -> None:
    """What a server says is shown as it was said, and is nothing but text."""
    said = b"220 <img src=x onerror=alert(1)> {{ 7*7 }} {% raw %} \x1b[31m \xe2\x80\xae\r\n"
    made.office.judge(
        {**row, "banner": said} if row["ip"] == parse_ip(IP["relay"]) else row
        for row in made.office.findings()
    )
    made.desk.refresh()
    reply = await made.get(made.path(_number(made)))
    assert "<img" not in reply.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in reply.text
    assert "{{ 7*7 }}" in reply.text
    assert "\x1b" not in reply.text
    assert "\u202e" not in reply.text


async def test_floods_are_stopped_for_who_floods(made: MadeDesk) -> None:
    """One visitor too many times: 429; another one is served."""
    app, path = made.slowed(0.001), made.path(_number(made))
    assert (await ask(app, "GET", path)).status == 429  # not even one
    app = made.slowed(2)
    told = [(await ask(app, "GET", path)).status for _ in range(200)]
    assert told[:6] == [200] * 6
    assert 429 in told
    assert (await ask(app, "GET", path, client="198.51.100.8")).status == 200


async def test_a_host_with_many_ipv6_addresses_is_one_visitor(made: MadeDesk) -> None:
    """It has a whole /64."""
    app = made.slowed(1)
    told = [
        (await ask(app, "GET", "/x", client=f"2001:db8::{host:x}")).status for host in range(99)
    ]
    assert 429 in told
    assert (await ask(app, "GET", "/x", client="2001:db8:0:1::1")).status == 404


async def test_what_is_kept_of_visitors_is_bounded(
    made: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood from everywhere fills no memory."""
    monkeypatch.setattr("survey.site.guard._VISITORS", 50)
    app = made.slowed(2)
    for number in range(200):
        await ask(app, "GET", "/x", client=f"198.18.0.{number}")
    assert len(app._spent) <= 50


async def test_everybody_together_is_rationed(
    made: MadeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A botnet can't make us test the plan again."""
    monkeypatch.setattr("survey.flows.site_desk.PER_HOUR", 2)
    for name, server in (("relay", RELAY), ("proxy", {"server": f"{IP['proxy']}:1080/socks5"})):
        path = f"{made.path(_number(made, name))}test"
        assert "said=done" in (await made.post(path, server)).headers["location"]
    reply = await made.post("/en/own-test/", {}, client=IP["both"])
    assert "said=busy" in reply.headers["location"]


async def test_logs_hold_no_case_and_no_visitor(
    made: MadeDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even when a page fails."""
    number = _number(made)

    def broken(case: str) -> None:
        raise RuntimeError(f"{case} at {IP['relay']}")

    monkeypatch.setattr(made.desk, "case", broken)
    with caplog.at_level(logging.DEBUG):
        assert (await made.get(made.path(number))).status == 500
    text = caplog.text
    assert "RuntimeError" in text
    assert number not in text
    assert IP["relay"] not in text
    assert "198.51.100.7" not in text


async def test_a_look_at_a_case_leaves_an_audit_line(made: MadeDesk) -> None:
    """The first one of each case."""
    number = _number(made)
    for _ in range(3):
        await made.get(made.path(number))
    lines = made.office.judged.layout.audit.read_text(encoding="utf-8").splitlines()
    assert sum(f'"case={number}"' in line and '"case page"' in line for line in lines) == 1


async def test_letters_stop_by_the_link_in_one(made: MadeDesk) -> None:
    """A mail program posts without a form of ours (RFC 8058); a person is asked first."""
    number = _number(made)
    path = f"/stop/{letter_token(made.office.key, number, LetterKind.FIRST_NOTICE)}"
    assert "Stop the letters" in (await made.get(path)).text
    assert not made.office.desk().cases.get(number).stopped
    kind = {"content-type": "multipart/form-data; boundary=x"}
    reply = await ask(made.app, "POST", path, body=b"List-Unsubscribe=One-Click", headers=kind)
    assert reply.status == 200
    assert made.office.desk().cases.get(number).stopped
    for wrong in (path[:-1], path[:-1] + "-", "/stop/x", f"/stop/{'a' * 60}"):
        assert (await made.post(wrong, {})).status == 404
