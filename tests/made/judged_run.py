"""A small judged run on disk: two countries, two networks and a gap, each with something open."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis.judged_with import Tally
from survey.enrichment.snapshots import import_snapshot
from survey.model.address import Range, parse_ip
from survey.model.assignment import Receipt
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.layout import Layout, RunLayout
from survey.storage.manifest import write_manifest
from survey.storage.registries import SnapshotKind
from survey.storage.schemas import FINDINGS, HOSTS
from survey.targets.optouts import init_log
from survey.targets.plan import plan_hash, plan_to_json

BEGUN = datetime(2026, 11, 24, 6, 12, tzinfo=UTC)
IP = {
    "relay": "192.0.2.7",  # ES, AS64500
    "proxy": "192.0.2.9",  # ES, AS64500
    "both": "192.0.2.200",  # ES, AS64501
    "suspected": "192.0.2.201",  # ES, AS64501
    "closed": "192.0.2.202",  # ES, AS64501
    "foreign": "198.51.100.7",  # MX, AS64501
    "gap": "203.0.113.5",  # no country, no network
}


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """Where it lies."""

    settings: Settings
    layout: Layout
    plan: Plan
    optouts: Path


def make_judged_run(folder: Path) -> JudgedRun:
    """Run ``2026-W48`` of campaign ``trial``, judged, with registries, agencies and no opt-out."""
    settings = Settings(folder / "data", folder / "keys", folder / "agencies")
    layout = Layout(settings.data)
    optouts = folder / "optouts.log"
    init_log(optouts)
    country = _import(
        layout,
        SnapshotKind.COUNTRY,
        folder / "lab-countries.csv",
        "192.0.2.0,192.0.2.255,ES\n198.51.100.0,198.51.100.255,MX\n",
    )
    network = _import(
        layout,
        SnapshotKind.NETWORK,
        folder / "lab-networks.tsv",
        "192.0.2.0\t192.0.2.127\t64500\tES\tAltamar Broadband\n"
        "192.0.2.128\t192.0.2.255\t64501\tES\tCierzo <b>Hosting</b>\n"
        "198.51.100.0\t198.51.100.255\t64501\tMX\tCierzo <b>Hosting</b>\n",
    )
    _import(
        layout,
        SnapshotKind.CONTACT,
        folder / "contacts.csv",
        "192.0.2.0,192.0.2.127,abuse@altamar.example,Altamar,es\n"
        "192.0.2.128,192.0.2.255,abuse@cierzo.example,Cierzo,is\n"
        "198.51.100.0,198.51.100.255,hostmaster@lacnic.net,Registry,es\n",
    )
    _import(
        layout,
        SnapshotKind.LISTING,
        folder / "lists.csv",
        "192.0.2.7,192.0.2.7,relays.lists.example,2026-10-01\n"
        "192.0.2.0,192.0.2.15,open.lists.example,\n",
    )
    _agencies(settings.agencies)
    plan = _plan(optouts)
    run = layout.run(plan.campaign, plan.run)
    run.root.mkdir(parents=True, mode=0o700)
    run.plan.write_bytes(plan_to_json(plan))
    pq.write_table(_findings(country, network), run.findings)
    write_hosts(run, _hosts(country, network))
    _commit_shard(layout, plan)
    return JudgedRun(settings, layout, plan, optouts)


def write_hosts(run: RunLayout, hosts: pa.Table) -> None:
    """Replace the hosts of a run, as the judgement writes them."""
    tally = Tally()
    tally.add(hosts)
    pq.write_table(hosts.replace_schema_metadata(tally.footer()), run.hosts)


def _import(layout: Layout, kind: SnapshotKind, path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return import_snapshot(
        layout, kind, path, licence="for tests", retrieved_at=datetime(2026, 11, 20, tzinfo=UTC)
    ).id


def _agencies(folder: Path) -> None:
    folder.mkdir()
    for id_, languages, jurisdiction in (
        ("es-prueba", '["es"]', 'countries = ["ES"]'),
        ("mx-prueba", '["es"]', 'countries = ["MX"]'),
        ("xx-gap", '["en"]', 'cidrs = ["203.0.113.0/28"]'),
        ("xx-net", '["is"]', 'networks = [64501]\nexclude = ["192.0.2.201/32"]'),
    ):
        (folder / f"{id_}.toml").write_text(
            f'id = "{id_}"\nname = "Agency {id_}"\ncountry = "ES"\nlanguages = {languages}\n'
            f'contact = "desk@{id_}.example"\npage = "https://{id_}.example/op"\n'
            f'tlp = "TLP:AMBER"\n\n[jurisdiction]\n{jurisdiction}\n',
            encoding="utf-8",
        )


def _plan(optouts: Path) -> Plan:
    blocks = ("192.0.2.0", "198.51.100.0", "203.0.113.0")
    return Plan(
        campaign="trial",
        run="2026-W48",
        kind=Kind.SURVEY,
        purpose="a test",
        created_at=BEGUN,
        valid_until=None,
        authority="es-prueba",
        seed="0" * 32,
        ranges=tuple(Range(parse_ip(block), parse_ip(block) + 255) for block in blocks),
        excluded=16,
        probes=(ProbePlan(Probe.SMTP_RELAY, (25,)), ProbePlan(Probe.SOCKS5, (1080, 1081))),
        rate=Rate(1000, 1.0, 1),
        identity=Identity(
            "Measurement team", "desk@survey.example", "https://survey.example/", "p.example", ()
        ),
        canary=Canary(("a.example", "b.example"), Endpoint(1, 25), Endpoint(1, 7)),
        optouts=str(optouts),
        exclusions=(),
        names="none",
        slots=1,
        shard_addresses=384,
        lease_seconds=12,
        snapshots=(),
        version="0.1.0",
    )


def _findings(country: str, network: str) -> pa.Table:
    rows = []
    for name, probe, port, verdict, rung in (
        ("relay", "smtp_relay", 25, "open", 6),
        ("proxy", "socks5", 1080, "open", 5),
        ("proxy", "socks5", 1081, "open", 5),
        ("both", "smtp_relay", 25, "open", 6),
        ("both", "socks5", 1080, "open", 6),
        ("suspected", "smtp_relay", 25, "suspected", 4),
        ("closed", "smtp_relay", 25, "closed", 2),
        ("foreign", "socks5", 1080, "open", 6),
        ("gap", "smtp_relay", 25, "open", 6),
    ):
        rows.append(
            {
                **_place(name, country, network),
                "port": port,
                "probe": probe,
                "verdict": verdict,
                "rung": rung,
                "rule": "test.rule",
                "exit_ip": bytes(10) + b"\xff\xff" + parse_ip("203.0.113.77").to_bytes(4),
                "first_seen": BEGUN,
                "last_seen": BEGUN,
                "variant": "V1",
                "code": 250,
                "reply": b"250 2.0.0 Ok: queued\r\nBcc: victim@operator.example\r\n",
                "banner": b"220 <img src=x> ready\r\n",
            }
        )
    return pa.Table.from_pylist(rows, schema=FINDINGS)


def _hosts(country: str, network: str) -> pa.Table:
    rows = [
        {
            **_place(name, country, network),
            "rung": rung,
            "verdict": verdict,
            "relay": relay,
            "proxy": proxy,
        }
        for name, rung, verdict, relay, proxy in (
            ("relay", 6, "open", "open", None),
            ("proxy", 5, "open", None, "open"),
            ("both", 6, "open", "open", "open"),
            ("suspected", 4, "suspected", "suspected", None),
            ("closed", 2, "closed", "closed", None),
            ("foreign", 6, "open", None, "open"),
            ("gap", 6, "open", "open", None),
        )
    ]
    return pa.Table.from_pylist(rows, schema=HOSTS)


def _place(name: str, country: str, network: str) -> dict[str, object]:
    ip = IP[name]
    home = {"192.0.2": "ES", "198.51.100": "MX"}.get(ip.rpartition(".")[0])
    asn = None if home is None else 64500 if name in {"relay", "proxy"} else 64501
    names = {64500: "Altamar Broadband", 64501: "Cierzo <b>Hosting</b>"}
    return {
        "campaign": "trial",
        "run": "2026-W48",
        "ip": parse_ip(ip),
        "country": home,
        "asn": asn,
        "network": names.get(asn) if asn else None,
        "country_snapshot": country,
        "network_snapshot": network,
    }


def _commit_shard(layout: Layout, plan: Plan) -> None:
    """The first of two shards, done; its file is only named here."""
    run = layout.run(plan.campaign, plan.run)
    run.shards.mkdir()
    run.shard(0).touch()
    receipt = Receipt(
        run=plan.run,
        plan_hash=plan_hash(plan),
        shard=0,
        first_index=0,
        addresses=384,
        attempt=0,
        slot=0,
        epoch=1,
        worker="host:1",
        version="0.1.0",
        started_at=BEGUN,
        finished_at=datetime(2026, 11, 24, 7, 0, tzinfo=UTC),
        planned=1152,
        excluded=2,
        opted_out=3,
        sent=1147,
        open=9,
        refused=1100,
        silent=37,
        unreachable=1,
        conversations=9,
        aborted=0,
        packets=3000,
        observations=9,
        max_rate=900,
    )
    write_manifest(run, [receipt])
