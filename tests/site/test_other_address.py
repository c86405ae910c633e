"""Tests of an address that is not the visitor's own: a token in its reverse DNS, and attacks."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from judged_run import IP
from made_cases import NOW
from made_names import made_names
from made_site import CAMPAIGN, PAGE
from made_site_desk import HOST, MadeDesk, Reply, ask, make_desk

from survey.enrichment.contacts.names import UnsureError
from survey.flows import site_control
from survey.flows.site_control import Control, control_of
from survey.flows.site_desk import SiteDesk
from survey.flows.site_serving import site_app
from survey.model.address import Range, parse_ip
from survey.model.followup import Reason
from survey.model.plan import Kind
from survey.model.site import control_record
from survey.site.desk import Answer
from survey.site.languages import written
from survey.site.links import LENGTH, control_token
from survey.storage.followups import read_queue
from survey.storage.keys import SITE, read_key
from survey.storage.wishes import Wishes
from survey.targets.campaign import read_campaign
from survey.targets.optouts import add
from survey.targets.ranges import RangeSet
from survey.targets.reach import reach

ADDRESS = IP["proxy"]
RECORD = re.compile(r"(_survey-test\.[0-9.]+\.in-addr\.arpa)\. TXT &#34;([a-z2-7]{52})&#34;")
EVERYWHERE = RangeSet.of([Range(0, 2**32 - 1)])


@dataclass
class Zone:
    """TXT records by name, as a resolver would tell them."""

    records: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fault: str = ""

    def texts(self, name: str) -> tuple[bytes, ...]:
        """The records of a name."""
        self.asked.append(name)
        if self.fault:
            raise UnsureError(self.fault)
        return self.records.get(name, ())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeDesk]:
    """The pages of a campaign."""
    made = make_desk(tmp_path_factory.mktemp("other"))
    yield made
    made.office.ledger.close()


@pytest.fixture
def zone() -> Zone:
    """Nobody has published anything."""
    return Zone()


@pytest.fixture(scope="module")
def proving(office: MadeDesk) -> MadeDesk:
    """The same, with a resolver."""
    settings = office.office.judged.settings
    control = Control(Zone().texts, EVERYWHERE)
    desk = SiteDesk(settings, office.office.ledger, "trial", control=control, now=office.clock)
    return replace(office, desk=desk, app=site_app(settings, office.campaign, desk, per_second=1e6))


@pytest.fixture
def made(proving: MadeDesk, zone: Zone) -> MadeDesk:
    """As it was made, and nobody asked anything."""
    proving.fresh()
    proving.desk._control = Control(zone.texts, EVERYWHERE, now=proving.clock)
    return proving


def _queued(made: MadeDesk) -> set[int]:
    run = made.office.judged.layout.run("trial", "2026-W48")
    return {one.wanted.ip for one in read_queue(run).waiting if one.wanted.reason is Reason.WISH}


async def _page(made: MadeDesk, ip: str = ADDRESS, **more: object) -> str:
    """Where the page is that tells the record."""
    reply = await made.post("/en/own-test/address/", {"ip": ip}, **more)
    assert reply.status == 303
    return reply.headers["location"]


async def _record(made: MadeDesk, page: str) -> tuple[str, bytes]:
    """Name and text of the record that a page tells."""
    found = RECORD.search((await made.get(page)).text)
    assert found is not None
    return found[1], found[2].encode()


async def _said(made: MadeDesk, page: str, **more: object) -> str:
    """What is said when somebody presses "I have published it"."""
    reply: Reply = await made.post(page, {}, **more)
    assert reply.status == 303
    return reply.headers["location"].removeprefix(page)


async def test_a_published_token_leads_to_a_test(made: MadeDesk, zone: Zone) -> None:
    """From anywhere: every test of that address, a result behind an address nobody can guess."""
    assert "Another address of yours" in (await made.get("/en/own-test/")).text
    page = await _page(made)
    name, token = await _record(made, page)
    assert name == control_record(parse_ip(ADDRESS))
    assert zone.asked == []
    assert await _said(made, page) == "?said=not_found"
    assert "We don’t see the record yet." in (await made.get(f"{page}?said=not_found")).text
    assert _queued(made) == set()
    zone.records[name] = b"v=spf1 -all", token
    done = (await made.post(page, {})).headers["location"]
    assert re.fullmatch(rf"/en/own-test/[0-9]+/[a-z2-7]{{{LENGTH}}}/", done)
    assert _queued(made) == {parse_ip(ADDRESS)}
    made.office.look("proxy", NOW + timedelta(minutes=5), "closed", round_=1)
    made.desk.refresh()
    told = (await made.get(done)).text
    assert ADDRESS in told
    assert "closed to strangers" in told
    assert set(zone.asked) == {name}


async def test_the_same_address_is_tested_as_often_as_ones_own(made: MadeDesk, zone: Zone) -> None:
    """Whoever asks, and in whichever way."""
    page = await _page(made)
    name, token = await _record(made, page)
    zone.records[name] = (token,)
    assert "own-test/" in (await made.post(page, {})).headers["location"]
    assert await _said(made, page) == "?said=too_soon"
    assert await _said(made, page, client="192.0.2.77") == "?said=too_soon"
    own = await made.post("/en/own-test/", {}, client=ADDRESS)
    assert "said=too_soon" in own.headers["location"]


async def test_who_reads_the_record_learns_nothing_by_it(made: MadeDesk, zone: Zone) -> None:
    """All the world sees it in the DNS; a stranger's page for the same address wants another."""
    page, strangers = await _page(made), await _page(made, client="192.0.2.66")
    assert page != strangers
    name, token = await _record(made, page)
    zone.records[name] = (token,)
    assert await _said(made, strangers, client="192.0.2.66") == "?said=not_found"
    assert _queued(made) == set()


async def test_foreign_tokens_prove_nothing(made: MadeDesk, zone: Zone) -> None:
    """Another key's, another address's, one cut short or in capitals, none at all."""
    page = await _page(made)
    name, token = await _record(made, page)
    mark = page.rstrip("/").rpartition("/")[2]
    _, others = await _record(made, page.replace(ADDRESS, IP["both"]))
    assert others != token
    for wrong in (
        (control_token(b"x" * 32, ADDRESS, mark).encode(),),
        (others,),
        (token[:-1],),
        (token + b"a",),
        (token.upper(),),
        (b" " + token,),
        (b"",),
        ("é".encode(), b"\xff" * 255),
        (),
    ):
        zone.records[name] = wrong
        assert await _said(made, page) == "?said=not_found"
    zone.records = {control_record(parse_ip(IP["both"])): (token,)}
    assert await _said(made, page) == "?said=not_found"
    assert _queued(made) == set()


async def test_a_thousand_records_are_not_compared(made: MadeDesk, zone: Zone) -> None:
    """Twenty are."""
    page = await _page(made)
    name, token = await _record(made, page)
    zone.records[name] = (*(b"%d" % n for n in range(1000)), token)
    assert await _said(made, page) == "?said=not_found"
    zone.records[name] = (*(b"%d" % n for n in range(19)), token)
    assert "own-test/" in (await made.post(page, {})).headers["location"]


async def test_no_answer_is_told_as_such(made: MadeDesk, zone: Zone) -> None:
    """Neither yes nor no; what the name server said is told to nobody."""
    page = await _page(made)
    zone.fault = "<b>TXT can't be looked up</b>"
    assert await _said(made, page) == "?said=no_answer"
    told = (await made.get(f"{page}?said=no_answer")).text
    assert "The name server did not answer." in told
    assert "looked up" not in told
    assert _queued(made) == set()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2001:db8::1",
        "::ffff:192.0.2.1",
        "192.0.2.1/32",
        "192.0.2.0/24",
        "192.0.2",
        "192.0.2.01",
        "0xc0000201",
        "3221225985",
        "192.0.2.256",
        "١٩٢.0.2.1",
        "host.example",
        "192.0.2.1\r\nSet-Cookie: x=1",
        "192.0.2.1/../../x",
        "x" * 5000,
    ],
)
async def test_only_an_ipv4_address_has_a_page(made: MadeDesk, zone: Zone, text: str) -> None:
    """Nothing of what was written comes back."""
    reply = await made.post("/en/own-test/address/", {"ip": text})
    assert reply.headers["location"] == "/en/own-test/?said=wrong"
    assert zone.asked == []


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.0.2.1", "224.0.0.1", "0.0.0.0"],
)
async def test_special_addresses_are_not_even_asked_about(
    made: MadeDesk, zone: Zone, text: str
) -> None:
    """A survey's resolver hears of no private network, whatever the form says."""
    made.desk._control = Control(zone.texts, reach(Kind.SURVEY), now=made.clock)
    assert await _said(made, await _page(made, text)) == "?said=not_planned"
    assert zone.asked == []


async def test_who_is_in_no_plan_or_opted_out_is_not_tested(made: MadeDesk, zone: Zone) -> None:
    """Though control is proven; and without proof a stranger can't tell who has opted out."""
    ip = parse_ip(IP["both"])
    add(made.office.judged.optouts, (Range(ip, ip),), "noc", "mail", NOW, NOW)
    told = set()
    for text in (IP["both"], "127.99.0.1", ADDRESS):
        page = await _page(made, text)
        told.add(await _said(made, page))
        name, token = await _record(made, page)
        zone.records[name] = (token,)
        if text != ADDRESS:
            assert await _said(made, page) == "?said=not_planned"
    assert told == {"?said=not_found"}
    assert _queued(made) == set()


async def test_one_visitor_asks_so_often_and_others_still_may(made: MadeDesk, zone: Zone) -> None:
    """By day; whichever address he names, and whichever of his own he comes from."""
    pages = [await _page(made, f"127.99.0.{n}") for n in range(site_control.PER_VISITOR + 5)]
    told = [await _said(made, page, client=f"2001:db8::{n:x}") for n, page in enumerate(pages, 1)]
    assert told.count("?said=not_found") == site_control.PER_VISITOR
    assert told[-5:] == ["?said=too_soon"] * 5
    assert len(zone.asked) == site_control.PER_VISITOR
    assert await _said(made, pages[0], client="2001:db8:0:1::1") == "?said=not_found"
    made.clock.now += timedelta(days=1)
    assert await _said(made, pages[0], client="2001:db8::1") == "?said=not_found"


async def test_everybody_together_is_rationed(
    made: MadeDesk, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood from everywhere makes neither questions nor memory without end."""
    monkeypatch.setattr(site_control, "PER_HOUR", 3)
    page = await _page(made)
    told = [await _said(made, page, client=f"198.18.0.{n}") for n in range(9)]
    assert told == ["?said=not_found"] * 3 + ["?said=busy"] * 6
    assert made.desk._control is not None
    assert len(made.desk._control._asked) == len(zone.asked) == 3


def test_few_questions_wait_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that keeps us waiting holds no more threads than these."""
    monkeypatch.setattr(site_control, "AT_ONCE", 2)
    waiting, go = threading.Semaphore(0), threading.Event()

    def slow(_: str) -> tuple[bytes, ...]:
        waiting.release()
        go.wait()
        return ()

    control = Control(slow, EVERYWHERE)
    threads = [threading.Thread(target=control.refused, args=(1, "t", str(n))) for n in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        waiting.acquire()
    assert control.refused(1, "t", "third") is Answer.BUSY
    go.set()
    for thread in threads:
        thread.join()
    assert control.refused(1, "t", "third") is Answer.NOT_FOUND


async def test_without_a_resolver_there_is_no_such_form(office: MadeDesk) -> None:
    """Neither shown nor answered."""
    office.fresh()
    assert "Another address" not in (await office.get("/en/own-test/")).text
    assert (await office.post("/en/own-test/address/", {"ip": ADDRESS})).status == 404
    page = f"/en/own-test/address/{ADDRESS}/{'a' * LENGTH}/"
    assert (await office.get(page)).status == 404
    assert (await office.post(page, {})).status == 404


def test_the_campaign_s_own_resolver_is_asked(tmp_path: Path) -> None:
    """Its ``[names] resolver``, again each time: who was too early is not told the same later."""
    path = tmp_path / "campaign.toml"
    path.write_text(CAMPAIGN.format(page=PAGE), encoding="utf-8")
    assert control_of(read_campaign(path)) is None
    ip = parse_ip("127.1.2.3")
    name = "_survey-test.3.2.1.127.in-addr.arpa"
    with made_names() as names:
        text = CAMPAIGN.format(page=PAGE) + f'[names]\nresolver = "{names.place}"\n'
        path.write_text(text, encoding="utf-8")
        control = control_of(read_campaign(path))
        assert control is not None
        assert control.refused(ip, "token", "who") is Answer.NOT_FOUND
        names.add(name, "TXT", '"v=spf1 -all"', '"tok" "en"')
        assert control.refused(ip, "token", "who") is None
        assert control.refused(ip, "other", "who") is Answer.NOT_FOUND
        names.failing.add(name)
        assert control.refused(ip, "token", "who") is Answer.NO_ANSWER
        assert control.refused(parse_ip("192.0.2.1"), "token", "who") is Answer.NOT_PLANNED
        assert set(names.asked) == {(name, "TXT")}


async def test_pages_that_nobody_was_led_to_are_lost(made: MadeDesk, zone: Zone) -> None:
    """Odd marks, odd addresses; nothing is asked."""
    for ip, mark in (
        (ADDRESS, "a"),
        (ADDRESS, "A" * LENGTH),
        (ADDRESS, "1" * LENGTH),
        ("2001:db8::1", "a" * LENGTH),
        ("127.1", "a" * LENGTH),
        ("..%2f..", "a" * LENGTH),
    ):
        path = f"/en/own-test/address/{ip}/{mark}/"
        assert (await made.get(path)).status == 404
        assert (await made.post(path, {})).status == 404
    assert (await made.get("/en/own-test/address/")).status in {404, 405}
    assert zone.asked == []


async def test_forms_of_other_sites_and_other_bodies_are_refused(
    made: MadeDesk, zone: Zone
) -> None:
    """As everywhere; nothing is asked, nothing wished."""
    page = await _page(made)
    for path in ("/en/own-test/address/", page):
        reply = await made.post(path, {}, headers={"origin": "https://evil.example"})
        assert reply.status == 403
        reply = await made.post(path, {}, headers={"content-type": "application/json"})
        assert reply.status == 415
        assert (await made.post(path, {"ip": "x" * 10_000})).status == 413
    assert zone.asked == []
    assert Wishes(made.office.ledger).since(NOW - timedelta(days=9)) == ()


@pytest.mark.parametrize("code", written())
async def test_the_record_is_told_in_every_language(made: MadeDesk, code: str) -> None:
    """The same for the same page, kept by nobody."""
    page = await _page(made)
    reply = await made.get(page.replace("/en/", f"/{code}/"))
    assert reply.status == 200
    assert RECORD.search(reply.text)
    assert reply.headers["cache-control"] == "no-store"
    assert await _record(made, page) == await _record(made, page.replace("/en/", f"/{code}/"))


async def test_floods_are_stopped(made: MadeDesk) -> None:
    """Forms count as ten requests here, too."""
    page = await _page(made)
    app = made.slowed(5)
    told = [(await ask(app, "POST", page, headers={"host": HOST})).status for _ in range(9)]
    assert 429 in told


def test_tokens_are_of_one_key_address_and_page(made: MadeDesk) -> None:
    """256 bits, the same again whenever they are made."""
    key = read_key(made.office.judged.settings.keys, SITE)
    token = control_token(key, ADDRESS, "a" * LENGTH)
    assert re.fullmatch("[a-z2-7]{52}", token)
    assert token == control_token(key, ADDRESS, "a" * LENGTH)
    assert token != control_token(key, ADDRESS, "b" * LENGTH)
