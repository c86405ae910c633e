"""For any jurisdiction, findings, cases and opt-outs: a key sees its own, all of it, no more.

The oracle is a few lines over plain numbers; every answer is searched as text.
"""

import asyncio
import ipaddress
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judged_run import BEGUN, JudgedRun, make_judged_run, write_hosts
from made_cases import NOW, made_ledger
from made_site import PAGE
from made_site_desk import ask

from survey.flows.portal import portal_app
from survey.flows.portal_desk import PortalDesk
from survey.model.address import Range, format_ip, parse_ip
from survey.model.agency import Jurisdiction
from survey.model.case import Case, CaseFinding, CaseKey, CaseState
from survey.model.episode import ExposureKind
from survey.model.portal import Scope
from survey.model.probe import Probe
from survey.storage.cases import Cases
from survey.storage.ledger import Ledger
from survey.storage.portal_keys import PortalKeys
from survey.storage.schemas import FINDINGS, HOSTS
from survey.targets.optouts import add, init_log

BLOCKS = tuple(map(parse_ip, ("192.0.2.0", "198.51.100.0", "203.0.113.0")))
IPV4 = re.compile(r"(?<![\w.])(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}(?![\w.])")
MARK = re.compile(r"mark(\d+)of")


@dataclass(frozen=True)
class World:
    """What is open, what of it is in which case, who looks, and who opted out."""

    findings: tuple[tuple[int, Probe, int | None, int], ...]  # ip, probe, exit, case
    jurisdiction: Jurisdiction
    optouts: tuple[Range, ...]


@pytest.fixture(scope="module")
def judged() -> Iterator[JudgedRun]:
    """Two countries, two networks and a gap; each example replaces the rest."""
    with tempfile.TemporaryDirectory() as folder:
        yield make_judged_run(Path(folder))


ips = st.builds(lambda block, offset: block + offset, st.sampled_from(BLOCKS), st.integers(0, 255))


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    """A part of one block, as a CIDR would be or not."""
    block, first = draw(st.sampled_from(BLOCKS)), draw(st.integers(0, 255))
    return Range(block + first, block + draw(st.integers(first, 255)))


jurisdictions = st.builds(
    Jurisdiction,
    st.frozensets(st.sampled_from(["ES", "MX", "AR"]), max_size=2),
    st.frozensets(st.sampled_from([64500, 64501, 64510]), max_size=2),
    st.lists(ranges(), max_size=2).map(tuple),
    st.lists(ranges(), max_size=2).map(tuple),
)
worlds = st.builds(
    World,
    st.lists(
        st.tuples(ips, st.sampled_from(Probe), st.none() | ips, st.integers(0, 3)),
        max_size=14,
        unique_by=lambda one: one[:2],
    ).map(tuple),
    jurisdictions,
    st.lists(ranges(), max_size=1).map(tuple),
)


@given(worlds, st.integers(1, 4))
@settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_key_sees_its_own_and_nothing_else(judged: JudgedRun, world: World, limit: int) -> None:
    """Findings, cases, counts, in JSON and in pages: no foreign address, word or number of a case.

    The jurisdiction of another agency of the same world is never a way in.
    """
    with tempfile.TemporaryDirectory() as folder:
        ledger, keys = _make(judged, world, Path(folder))
        desk = PortalDesk(judged.settings, ledger, "trial", PAGE, now=lambda: NOW)
        asyncio.run(_look(desk, world, keys, limit))
        ledger.close()


async def _look(desk: PortalDesk, world: World, key: str, limit: int) -> None:
    own = {(ip, probe): exit_ for ip, probe, exit_, _ in world.findings if _is_own(world, ip)}
    exits = {one for one in own.values() if one is not None and _is_own(world, one)}
    app = portal_app(desk, PAGE, per_second=1e6, per_visitor=1e6)

    async def get(path: str) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {key}"}
        reply = await ask(app, "GET", f"/portal/api/v1/{path}", headers=headers)
        return reply.status, reply.text

    found, said = await _all(get, "findings", limit)
    assert {(parse_ip(row["ip"]), Probe(row["probe"])) for row in found} == set(own)
    _check(said, {ip for ip, _ in own} | exits, {ip for ip, _ in own})

    cases, said = await _all(get, "cases", limit)
    in_cases: dict[str, set[int]] = {}
    for ip, _, _, case in world.findings:
        if case and _is_own(world, ip):
            in_cases.setdefault(f"OSYS-2026-{case:06d}", set()).add(ip)
    numbers = {row["number"]: {parse_ip(one["ip"]) for one in row["servers"]} for row in cases}
    assert numbers == in_cases
    _check(said, {ip for some in in_cases.values() for ip in some}, set())
    for case in range(1, 4):
        status, said = await get(f"cases/OSYS-2026-{case:06d}")
        assert status == (200 if f"OSYS-2026-{case:06d}" in in_cases else 404)
        _check(said, in_cases.get(f"OSYS-2026-{case:06d}", set()), set())

    for ip, _, _, _ in world.findings:
        status, said = await get(f"findings?address={format_ip(ip)}")
        assert status == 200
        assert bool(json.loads(said)["items"]) == _is_own(world, ip)
        status, said = await get(f"cases?address={format_ip(ip)}")
        assert {row["number"] for row in json.loads(said)["items"]} == {
            number for number, some in in_cases.items() if ip in some
        }

    _, said = await get("opt-outs")
    inside = [
        ip
        for block in BLOCKS
        for ip in range(block, block + 256)
        if _claims(world.jurisdiction, ip)
    ]
    out = [ip for ip in inside if any(ip in part for part in world.optouts)]
    assert json.loads(said)["addresses"] == len(out)
    _, said = await get("answers")
    _check(said, set(), set())

    reply = await ask(app, "POST", "/portal/en/login", body=f"key={key}".encode())
    cookie = {"cookie": reply.headers["set-cookie"].partition(";")[0]}
    page = (await ask(app, "GET", "/portal/en/findings", headers=cookie)).text
    page = page.partition("</form>")[2]  # in which addresses stand as examples
    _check(page, {ip for ip, _ in own} | exits, {ip for ip, _ in own})


async def _all(get: Any, path: str, limit: int) -> tuple[list[dict[str, Any]], str]:
    """All rows, page by page, and all that was said."""
    rows: list[dict[str, Any]] = []
    said, after = "", ""
    while True:
        status, text = await get(f"{path}?limit={limit}{after}")
        assert status == 200, text
        page = json.loads(text)
        rows += page["items"]
        said += text
        if page["next"] is None:
            return rows, said
        after = f"&after={page['next']}"


def _check(said: str, allowed: set[int], marks: set[int]) -> None:
    """No address is named but these, no server's words are told but theirs."""
    assert {parse_ip(text) for text in IPV4.findall(said)} <= allowed
    assert {int(text) for text in MARK.findall(said)} <= marks


def _place(ip: int) -> tuple[str | None, int | None]:
    """As the registries of the made run have it."""
    block = ip & 0xFFFFFF00
    if block == BLOCKS[0]:
        return "ES", 64500 if ip - block < 128 else 64501
    return ("MX", 64501) if block == BLOCKS[1] else (None, None)


def _claims(jurisdiction: Jurisdiction, ip: int) -> bool:
    country, asn = _place(ip)
    return jurisdiction.closeness(ip, country or "", asn) > 0


def _is_own(world: World, ip: int) -> bool:
    return _claims(world.jurisdiction, ip) and not any(ip in part for part in world.optouts)


def _make(judged: JudgedRun, world: World, folder: Path) -> tuple[Ledger, str]:
    """Tables, agency, opt-outs and cases of the world; a key for all of its agency."""
    run = judged.layout.run("trial", "2026-W48")
    known = run.hosts.with_name("known.parquet")
    if not known.exists():  # the snapshots' ids of the made run
        pq.write_table(pq.read_table(run.hosts).slice(0, 1), known)
    ids = pq.read_table(known).to_pylist()[0]
    rows = [_finding(one, ids) for one in world.findings]
    pq.write_table(pa.Table.from_pylist(rows, schema=FINDINGS), run.findings)
    names = [field.name for field in HOSTS]
    hosts = {row["ip"]: {name: row.get(name) for name in names} for row in rows}
    # a table without a row is written as one, too
    write_hosts(run, pa.Table.from_pylist(list(hosts.values()) or [ids], schema=HOSTS))
    _agency(judged, world.jurisdiction)
    judged.optouts.unlink()
    init_log(judged.optouts)
    for part in world.optouts:
        add(judged.optouts, (part,), "owner", "by phone", BEGUN, BEGUN)
    ledger = made_ledger(replace(judged.layout, root=folder))
    _cases(ledger, world)
    until = NOW + timedelta(days=9)
    return ledger, PortalKeys(ledger).add("xx-prueba", "test", Scope, until, NOW)[1]


def _cases(ledger: Ledger, world: World) -> None:
    """Three cases, whoever answers for their addresses, in the name of some agency."""
    cases = Cases(ledger)
    for number in range(1, 4):
        agency = "xx-prueba" if number % 2 else "es-prueba"
        key = CaseKey("trial", agency, f"n{number}@op.example", 64501, ExposureKind.PROXY)
        case = Case("", key, "", "", "test", NOW, "", CaseState.OPEN, NOW, NOW)
        made = [
            CaseFinding("", ip, 25 if probe.is_relay else 1080, probe, "2026-W48", NOW, NOW)
            for ip, probe, _, of in world.findings
            if of == number
        ]
        assert cases.open(case, made).number == f"OSYS-2026-{number:06d}"


def _agency(judged: JudgedRun, jurisdiction: Jurisdiction) -> None:
    """As a person writes it; one that claims nothing claims a far country."""

    def cidrs(parts: tuple[Range, ...]) -> str:
        return json.dumps(
            [
                str(network)
                for part in parts
                for network in ipaddress.summarize_address_range(
                    ipaddress.IPv4Address(part.start), ipaddress.IPv4Address(part.end)
                )
            ]
        )

    (judged.settings.agencies / "xx-prueba.toml").write_text(
        'id = "xx-prueba"\nname = "Agency"\ncountry = "ES"\nlanguages = ["en"]\n'
        'contact = "desk@xx-prueba.example"\npage = "https://xx-prueba.example/op"\n'
        'tlp = "TLP:AMBER"\n\n[jurisdiction]\n'
        f"countries = {json.dumps(sorted(jurisdiction.countries) or ['AR'])}\n"
        f"networks = {sorted(jurisdiction.networks)}\n"
        f"cidrs = {cidrs(jurisdiction.ranges)}\nexclude = {cidrs(jurisdiction.excluded)}\n",
        encoding="utf-8",
    )


def _finding(one: tuple[int, Probe, int | None, int], ids: dict[str, object]) -> dict[str, Any]:
    ip, probe, exit_, _ = one
    country, asn = _place(ip)
    mark, seen = f"mark{ip}of", datetime(2026, 11, 24, 7, 0, tzinfo=BEGUN.tzinfo)
    return {
        "campaign": "trial",
        "run": "2026-W48",
        "ip": ip,
        "port": 25 if probe.is_relay else 1080,
        "probe": probe.value,
        "verdict": "open",
        "rung": 6,
        "rule": "test.rule",
        "exit_ip": None if exit_ is None else bytes(10) + b"\xff\xff" + exit_.to_bytes(4),
        "first_seen": seen,
        "last_seen": seen,
        "variant": "V1",
        "code": 250,
        "reply": f"250 {mark}\r\n".encode(),
        "banner": f"220 {mark}\r\n".encode(),
        "software_version": mark,
        "host": f"{mark}.example",
        "country": country,
        "asn": asn,
        "network": None if asn is None else f"AS{asn}",
        "country_snapshot": ids["country_snapshot"],
        "network_snapshot": ids["network_snapshot"],
    }
