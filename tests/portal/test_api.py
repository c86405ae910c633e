"""The portal for programs: what each key gets, and everything that it does not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from judged_run import IP
from made_cases import NOW
from made_portal import MadePortal, make_portal

from survey.model.address import Range, parse_ip
from survey.model.case import Happened
from survey.model.letter import LetterKind
from survey.model.portal import Scope
from survey.model.wish import Wish, WishKind
from survey.storage.cases import Cases
from survey.storage.portal_keys import PortalKeys
from survey.storage.wishes import Wishes
from survey.targets.optouts import add


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """Cases, reports and keys; a test that opts somebody out makes its own."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    yield made
    made.office.ledger.close()


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """One that a test may change."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    yield made
    made.office.ledger.close()


async def test_a_key_is_told_what_it_is(portal: MadePortal) -> None:
    """Whose, what it opens, until when; not a word of the secret."""
    said = await portal.json("key")
    assert said["agency"] == "es-prueba"
    assert said["scopes"] == ["cases", "feeds", "query", "reports"]
    assert portal.keys["es-prueba"].rpartition("_")[2] not in str(said)


async def test_findings_are_those_of_the_jurisdiction(portal: MadePortal) -> None:
    """By address, port and probe, as in the agency's list."""
    rows = (await portal.json("findings"))["items"]
    assert [(row["ip"], row["port"]) for row in rows] == [
        (IP["relay"], 25),
        (IP["proxy"], 1080),
        (IP["proxy"], 1081),
        (IP["both"], 25),
        (IP["both"], 1080),
    ]
    assert all(row["egress_ip"] == "" and row["egress_elsewhere"] for row in rows)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"address": IP["proxy"]}, 2),
        ({"address": IP["proxy"], "port": 1081}, 1),
        ({"network": "192.0.2.0/25"}, 3),
        ({"network": "192.0.2.0/25", "address": IP["both"]}, 0),
        ({"network": "192.0.2.9/31"}, 2),
        ({"network": "0.0.0.0/0"}, 5),
        ({"asn": 64501}, 2),
        ({"probe": "socks5"}, 3),
        ({"run": "2026-W48", "probe": "smtp_relay"}, 2),
        ({"address": IP["foreign"]}, 0),
        ({"address": IP["suspected"]}, 0),
        ({"after": "zzz"}, 0),
    ],
)
async def test_findings_are_looked_up(
    portal: MadePortal, asked: dict[str, object], found: int
) -> None:
    """By address, prefix, network, port and test; what is foreign is simply not there."""
    assert len((await portal.json("findings", **asked))["items"]) == found


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 500])
async def test_pages_are_the_whole_list(portal: MadePortal, limit: int) -> None:
    """One after the other: nothing twice, nothing left out, none longer than asked for."""
    rows, after = [], {}
    while True:
        page = await portal.json("findings", limit=limit, **after)
        assert len(page["items"]) <= limit
        rows += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert rows == (await portal.json("findings"))["items"]


@pytest.mark.parametrize(
    "asked",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=1e3",
        "limit=%D9%A1",
        "limit=1&limit=2",
        "address=192.0.2",
        "address=192.0.2.07",
        "address=192.0.2.7%0d%0aX:1",
        "network=192.0.2.0",
        "network=192.0.2.0/33",
        "asn=0",
        "asn=4294967296",
        "port=65536",
        "probe=ftp",
        "run=../x",
        "after=%00",
        "state=open",
        "adress=192.0.2.7",
    ],
)
async def test_what_cant_be_understood_is_refused(portal: MadePortal, asked: str) -> None:
    """With the reason, and never with what was given: an answer carries nothing back."""
    reply = await portal.api(f"findings?{asked}")
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert "192.0.2" not in reply.text.replace("192.0.2.7", "").replace("192.0.2.0/24", "")


async def test_cases_show_what_lies_in_the_jurisdiction(portal: MadePortal) -> None:
    """Those that another agency writes about, too, but neither their contact nor history."""
    rows = (await portal.json("cases"))["items"]
    assert [(row["ours"], bool(row["contact"])) for row in rows] == [(True, True)] * 2 + [
        (False, False)
    ] * 2
    own = await portal.json(f"cases/{rows[0]['number']}")
    other = await portal.json(f"cases/{rows[2]['number']}")
    assert own["letters"] == [{"kind": "first_notice", "state": "planned", "sent_at": None}]
    assert own["history"][0]["what"] == "opened"
    assert other["letters"] == other["history"] == []


async def test_a_foreign_case_is_not_there(portal: MadePortal) -> None:
    """As one that never was: the same answer, byte for byte."""
    number = (await portal.json("cases"))["items"][0]["number"]
    foreign = await portal.api(f"cases/{number}", "mx-prueba")
    never = await portal.api("cases/OSYS-2026-999999", "mx-prueba")
    assert foreign.status == never.status == 404
    assert foreign.text == never.text
    assert foreign.headers == never.headers


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"address": IP["proxy"]}, 1),
        ({"network": "192.0.2.128/25"}, 2),
        ({"asn": 64500}, 2),
        ({"state": "closed"}, 0),
        ({"state": "open", "limit": 3}, 3),
        ({"address": IP["foreign"]}, 0),
    ],
)
async def test_cases_are_looked_up(
    portal: MadePortal, asked: dict[str, object], found: int
) -> None:
    """By address, prefix, network and state."""
    assert len((await portal.json("cases", **asked))["items"]) == found


async def test_reports_and_files_are_the_ones_on_the_disk(portal: MadePortal) -> None:
    """Byte for byte, to keep and not to show."""
    (report,) = (await portal.json("reports"))["items"]
    folder = portal.office.judged.layout.report("es-prueba", "2026-W48")
    assert report["period"] == "2026-W48"
    for file in report["files"]:
        reply = await portal.api(f"reports/2026-W48/files/{file['name']}")
        assert reply.text.encode() == (folder / file["name"]).read_bytes()
        assert reply.headers["content-disposition"] == f'attachment; filename="{file["name"]}"'
        assert reply.headers["content-type"].startswith(file["media_type"])


@pytest.mark.parametrize(
    ("scopes", "formats", "codes"),
    [
        ({Scope.REPORTS}, {"html"}, (200, 403, 403, 403, 403)),
        ({Scope.FEEDS}, {"csv", "intelmq"}, (200, 403, 403, 403, 403)),
        ({Scope.QUERY}, None, (403, 200, 403, 200, 403)),
        ({Scope.CASES}, None, (403, 403, 200, 403, 200)),
    ],
)
async def test_a_scope_opens_its_own(
    portal: MadePortal, scopes: set[Scope], formats: set[str] | None, codes: tuple[int, ...]
) -> None:
    """And nothing else; a file of another scope is not there."""
    _, key = portal.key("es-prueba", scopes)
    paths = ("reports", "findings", "cases", "opt-outs", "answers")
    assert tuple([(await portal.api(path, key=key)).status for path in paths]) == codes
    every = (await portal.json("reports"))["items"][0]["files"]
    for file in every:
        status = (await portal.api(f"reports/2026-W48/files/{file['name']}", key=key)).status
        opens = formats is not None and file["format"] in formats
        assert status == (403 if formats is None else 200 if opens else 404)


async def test_every_access_is_written_down(portal: MadePortal) -> None:
    """Which key, what, which filter; before the answer is given, a refusal too."""
    key, text = portal.key("es-prueba", {Scope.QUERY})
    before = len(portal.audit())
    await portal.api("key", key=text)
    await portal.api("findings", key=text, network="192.0.2.0/25", port=25)
    await portal.api("opt-outs", key=text)
    await portal.api("cases", key=text)
    lines = portal.audit()[before:]
    assert [(line["who"], line["what"], line["filter"]) for line in lines] == [
        (f"portal key {key.id}", "portal key", "agency=es-prueba"),
        (
            f"portal key {key.id}",
            "portal findings",
            "agency=es-prueba run=2026-W48 addresses=192.0.2.0-192.0.2.127 port=25 limit=100",
        ),
        (f"portal key {key.id}", "portal opt-outs", "agency=es-prueba"),
        (
            f"portal key {key.id}",
            "portal cases",
            "agency=es-prueba refused: not of the key's scopes",
        ),
    ]


async def test_nothing_is_told_that_cant_be_written_down(fresh: MadePortal) -> None:
    """A full disk, a lost folder: the portal is closed."""
    layout = fresh.office.judged.layout
    layout.audit.unlink(missing_ok=True)
    layout.audit.mkdir()
    reply = await fresh.api("findings")
    assert reply.status == 503
    assert "192.0.2" not in reply.text


async def test_a_key_ends(fresh: MadePortal) -> None:
    """When its time is over, when it is revoked, when its agency is gone; at once."""
    key, short = fresh.key("es-prueba", days=1)
    assert (await fresh.api("findings", key=short)).status == 200
    fresh.clock.now = NOW + timedelta(days=1)
    assert (await fresh.api("findings", key=short)).status == 401
    fresh.clock.now = NOW
    PortalKeys(fresh.office.ledger).revoke(key.id, NOW)
    assert (await fresh.api("findings", key=short)).status == 401
    (fresh.office.judged.settings.agencies / "mx-prueba.toml").unlink()
    assert (await fresh.api("findings", "mx-prueba")).status == 401


async def test_without_technical_readers_no_host_is_shown(fresh: MadePortal) -> None:
    """Whatever the key was made for."""
    path = fresh.office.judged.settings.agencies / "es-prueba.toml"
    text = path.read_text().replace('formats = ["html", "csv", "intelmq"]', 'formats = ["html"]')
    path.write_text(f'audiences = ["management"]\n{text}')
    assert (await fresh.json("key"))["scopes"] == ["reports"]
    assert (await fresh.api("findings")).status == 403


async def test_a_changed_jurisdiction_counts_at_once(fresh: MadePortal) -> None:
    """What is not its any more is not shown any more."""
    assert len((await fresh.json("findings"))["items"]) == 5
    path = fresh.office.judged.settings.agencies / "es-prueba.toml"
    path.write_text(path.read_text() + f'exclude = ["{IP["relay"]}/32"]\n')
    rows = (await fresh.json("findings"))["items"]
    assert IP["relay"] not in {row["ip"] for row in rows}
    cases = (await fresh.json("cases"))["items"]
    assert IP["relay"] not in {one["ip"] for case in cases for one in case["servers"]}


async def test_who_opts_out_is_gone_from_every_answer(fresh: MadePortal) -> None:
    """From findings, cases and counts at once; reports that name it are withdrawn."""
    name = (await fresh.json("reports"))["items"][0]["files"][1]["name"]
    assert (await fresh.api(f"reports/2026-W48/files/{name}")).status == 200
    later = NOW + timedelta(minutes=1)
    ip = parse_ip(IP["relay"])
    add(fresh.office.judged.optouts, (Range(ip, ip),), "owner", "by phone", later, later)
    assert IP["relay"] not in str(await fresh.json("findings"))
    assert IP["relay"] not in str(await fresh.json("cases"))
    assert (await fresh.json("opt-outs"))["addresses"] == 1
    for file in (await fresh.json("reports"))["items"][0]["files"]:
        assert (await fresh.api(f"reports/2026-W48/files/{file['name']}")).status == 409


async def test_opt_outs_name_whole_networks_alone(fresh: MadePortal) -> None:
    """A /24 and larger; of the rest a count; of others' nothing."""
    log = fresh.office.judged.optouts
    for first, last in (
        ("192.0.2.0", "192.0.2.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.4", "203.0.113.5"),
    ):
        add(log, (Range(parse_ip(first), parse_ip(last)),), "owner", "by phone", NOW, NOW)
    spain = await fresh.json("opt-outs")
    assert spain["prefixes"] == ["192.0.2.0/24"]
    assert (spain["addresses"], spain["of_newest_run"], spain["elsewhere"]) == (256, 256, 0)
    assert spain["months"] == [{"month": "2026-11", "wishes": 1, "addresses": 256}]
    gap = await fresh.json("opt-outs", "xx-gap")
    assert (gap["addresses"], gap["prefixes"], gap["elsewhere"]) == (2, [], 2)


async def test_a_broken_opt_out_log_closes_the_portal(fresh: MadePortal) -> None:
    """Nobody knows then who must be left out."""
    assert (await fresh.api("findings")).status == 200
    log = fresh.office.judged.optouts
    log.write_bytes(log.read_bytes() + b"{}\n")
    assert (await fresh.api("findings")).status == 503
    assert (await fresh.api("cases")).status == 503
    log.unlink()
    assert (await fresh.api("findings")).status == 503


async def test_answers_are_counts_of_own_letters(portal: MadePortal) -> None:
    """Of the cases in the agency's name."""
    said = await portal.json("answers")
    assert said["cases"] == [{"what": "open", "number": 2}]
    assert said["letters"] == [{"what": "first_notice planned", "number": 2}]
    assert (await portal.json("answers", "mx-prueba"))["cases"] == []


async def test_what_came_back_is_counted(fresh: MadePortal) -> None:
    """Bounces and wishes of own cases; those of a case that is another agency's are not its."""
    ledger, cases = fresh.office.ledger, Cases(fresh.office.ledger)
    for number in ("OSYS-2026-000001", "OSYS-2026-000003"):
        cases.note(number, Happened.BOUNCED, NOW, letter=LetterKind.FIRST_NOTICE)
        Wishes(ledger).add(Wish(0, NOW, WishKind.NOT_MINE, number))
    fresh.desk.refresh()
    said = await fresh.json("answers")
    assert said["answers"] == [{"what": "bounced", "number": 1}]
    assert said["wishes"] == [{"what": "not_mine", "number": 1}]


async def test_nobody_keeps_an_answer(portal: MadePortal) -> None:
    """No cache on the way; and none serves one to another key."""
    for path in ("key", "findings", "cases", "reports", "opt-outs", "answers", "nothing"):
        reply = await portal.api(path)
        assert reply.headers["cache-control"] == "no-store"
        assert "etag" not in reply.headers
        assert "last-modified" not in reply.headers
