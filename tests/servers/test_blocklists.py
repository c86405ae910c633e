"""Zone files mean to us what they mean to rbldnsd: what it answers is what an import holds."""

import json
import random
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from blocklists import IP, PORT, ask, program, serving
from daemons import SURVEY

from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.model.address import format_ip, parse_ip
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(program() is None, reason="rbldnsd is not installed"),
]

ZONE = "dnsbl.example"
IP4SET = """\
$SOA 3600 ns.dnsbl.example admin.dnsbl.example 0 1h 10m 1w 1h
$NS 1d ns.dnsbl.example
#$TTL 600
$1 See https://dnsbl.example/
:127.0.0.2:listed: $ ($1)
; a comment
192.0.2.0/24
!192.0.2.7
!192.0.2.128/25
192.0.2.200 :4:open relay at $
192.0.2.9:127.0.0.3:open proxy, costs $$5
192.0.2.9 :5
198.51.100 # three octets are a /24
!198.51.100.64-95
198.51.100.70-198.51.100.72 found again
203.0.113.250-203.0.113.255 :6:
127.0.0.2 test point
10.0.0.0-10.3.255.255
!10.1/16
10.1.2.3
172.16-17
"""
IP4TRIE = """\
:3:in a trie $
192.0.2.0/24
!192.0.2.0/26
192.0.2.10 inner
10/8
!10.128/9
"""
IP4TSET = ":2:one\n:3:two\n192.0.2.1 ignored\n192.0.2.3\n"
DNSET = """\
:127.0.0.4:name $
example.com
.sub.example.org
!good.sub.example.org
*.wild.example
*.1.0.10
!10.1.0.10
10.2.0.10 :5:address in a dnset
"""
COMBINED = """\
$NS 1w ns1.dnsbl.example
$1 from the common part
$DATASET ip4set:proxies proxies @
:2:proxy $ $1
192.0.2.1
192.0.2.2
$DATASET ip4set:relays relays @
:3:relay
192.0.2.2
192.0.2.0/28
!192.0.2.4
$DATASET generic:more @ proxies
@ A 127.0.0.8
10.2.0.10 3600 A 127.0.0.9
www TXT "hello there"
"""


def imported(tmp_path: Path, type_: str, text: str) -> Path:
    """The folder of the snapshot of a zone file."""
    path = tmp_path / "zone"
    path.write_text(text)
    layout = Layout(tmp_path / "data")
    snapshot = import_snapshot(
        layout, SnapshotKind.LISTING, path, source=ZONE, written_as=Format(type_)
    )
    return snapshot.table


def said(table: Path, ip: str, zone: str = ZONE) -> tuple[set[str], set[str]]:
    """Codes and texts of the narrowest entries that hold an address, as a DNSBL would answer."""
    number = parse_ip(ip)
    rows = [
        (row["range_end"] - row["range_start"], row["code"], row["reason"])
        for row in pq.read_table(table).to_pylist()
        if row["listing"] == zone and row["range_start"] <= number <= row["range_end"]
    ]
    return {code for _, code, _ in rows}, {reason for _, _, reason in rows if reason}


def reversed_name(ip: str, zone: str = ZONE) -> str:
    """The name that is asked for an address."""
    return ".".join(reversed(ip.split("."))) + f".{zone}"


@pytest.mark.parametrize(
    ("type_", "text"),
    [("ip4set", IP4SET), ("ip4trie", IP4TRIE), ("ip4tset", IP4TSET), ("dnset", DNSET)],
)
def test_an_import_lists_what_rbldnsd_answers(tmp_path: Path, type_: str, text: str) -> None:
    """Every address of the documentation networks, and some around the wide entries."""
    table = imported(tmp_path, type_, text)
    addresses = [
        f"{net}.{last}"
        for net in ("192.0.2", "198.51.100", "203.0.113", "10.1.2")
        for last in range(0, 256, 1 if net == "192.0.2" else 3)
    ]
    addresses += ["203.0.113.249", "203.0.113.250", "198.51.100.63", "127.0.0.2", "10.0.2.10"]
    addresses += ["10.0.1.0", "10.0.1.9", "10.0.1.10", "10.0.1.11", "10.0.2.9"]
    addresses += ["10.0.0.0", "10.3.255.255", "10.4.0.0", "10.127.255.255", "10.128.0.0"]
    addresses += ["172.16.0.0", "172.17.255.255", "172.18.0.0", "198.51.100.71", "9.255.255.255"]
    with serving({ZONE: (type_, text)}) as log:
        wrong = []
        for ip in addresses:
            codes, _ = ask(reversed_name(ip))
            ours, _ = said(table, ip)
            if bool(codes) != bool(ours) or not codes <= ours:
                wrong.append((ip, codes, ours))
        assert wrong == []
        assert "invalid" not in log.read_text()


def test_codes_and_texts_are_those_of_rbldnsd(tmp_path: Path) -> None:
    """Defaults, own values, variables, and an entry that is there twice."""
    table = imported(tmp_path, "ip4set", IP4SET)
    with serving({ZONE: ("ip4set", IP4SET)}):
        for ip in ("192.0.2.9", "203.0.113.254", "198.51.100.71", "127.0.0.2", "10.1.2.3"):
            assert said(table, ip)[0] >= ask(reversed_name(ip))[0], ip
        assert ask(reversed_name("192.0.2.9")) == (
            {"127.0.0.3", "127.0.0.5"},
            {"open proxy, costs $5", "listed: 192.0.2.9 (See https://dnsbl.example/)"},
        )
    narrowest = [
        (row["code"], row["reason"])
        for row in pq.read_table(table).to_pylist()
        if row["range_start"] == row["range_end"] == parse_ip("192.0.2.9")
    ]
    assert sorted(narrowest) == [
        ("127.0.0.3", "open proxy, costs $5"),
        ("127.0.0.5", "listed: 192.0.2.9 (See https://dnsbl.example/)"),
    ]


def test_subzones_of_a_combined_file_are_databases_of_their_own(tmp_path: Path) -> None:
    """Each is what rbldnsd answers in that subzone."""
    table = imported(tmp_path, "combined", COMBINED)
    with serving({ZONE: ("combined", COMBINED)}):
        for ip in (*(f"192.0.2.{last}" for last in range(20)), "10.0.2.10"):
            for sub in ("", "proxies.", "relays."):
                name = reversed_name(ip, f"{sub}{ZONE}")
                ours = said(table, ip, f"{sub}{ZONE}")
                assert ours[0] == ask(name)[0], name


def test_names_of_a_dnset_are_those_of_rbldnsd(tmp_path: Path) -> None:
    """Itself, what is below it, and what is taken out."""
    table = imported(tmp_path, "dnset", DNSET).with_name("names.parquet")
    rows = {
        (row["name"], row["below"]): row["excluded"] for row in pq.read_table(table).to_pylist()
    }
    with serving({ZONE: ("dnset", DNSET)}):
        for name in (
            *("example.com", "www.example.com", "sub.example.org", "a.sub.example.org"),
            *("good.sub.example.org", "a.good.sub.example.org", "wild.example", "x.wild.example"),
        ):
            labels = name.split(".")
            asked = [(name, False)]
            asked += [(".".join(labels[at:]), True) for at in range(1, len(labels))]
            found = next((rows[one] for one in asked if one in rows), True)
            assert bool(ask(f"{name}.{ZONE}")[0]) == (not found), name


@pytest.mark.parametrize("seed", range(6))
def test_random_sets_mean_the_same(tmp_path: Path, seed: int) -> None:
    """Nested, overlapping, unaligned and excluded ranges, in any order."""
    chance = random.Random(seed)
    base = parse_ip("10.20.0.0")
    lines = [":2:x"]
    for _ in range(60):
        start = base + chance.randrange(1 << 17)
        end = min(start + chance.choice((0, 0, 3, 255, 700, 70_000)), base + (1 << 18))
        text = format_ip(start) if start == end else f"{format_ip(start)}-{format_ip(end)}"
        lines.append(f"{chance.choice(('', '', '!'))}{text} :{chance.randrange(2, 9)}:")
    for _ in range(20):
        bits = chance.randrange(14, 33)
        start = (base + chance.randrange(1 << 17)) >> (32 - bits) << (32 - bits)
        lines.append(f"{chance.choice(('', '!'))}{format_ip(start)}/{bits}")
    text = "\n".join(lines) + "\n"
    table = imported(tmp_path, "ip4set", text)
    edges = [base + chance.randrange(1 << 17) for _ in range(300)]
    rows = pq.read_table(table).to_pylist()
    edges += [
        row[name] + by for row in rows for name in ("range_start", "range_end") for by in (0, 1)
    ]
    with serving({ZONE: ("ip4set", text)}) as log:
        for number in edges:
            ip = format_ip(number)
            codes, _ = ask(reversed_name(ip))
            held = [row for row in rows if row["range_start"] <= number <= row["range_end"]]
            assert bool(codes) == bool(held), ip
            assert codes <= {row["code"] for row in held}, ip
        assert "invalid" not in log.read_text()


CAMPAIGN = f"""
[campaign]
id = "listed"
purpose = "What a real DNSBL says"
kind = "lab"
[targets]
ranges = ["127.16.0.0/24"]
[probes.socks5]
ports = [1080]
[rate]
packets_per_second = 100
[canary]
domains = ["a.example", "b.example"]
smtp = "127.0.0.2:2525"
echo = "127.0.0.2:2526"
[optouts]
path = "optouts.log"

[[listings.zones]]
zone = "relays.{ZONE}"
nameserver = "{IP}:{PORT}"
permission = "by ourselves"
queries_per_second = 100.0
codes = {{ "127.0.0.3" = "open relay" }}

[[listings.zones]]
zone = "proxies.{ZONE}"
nameserver = "{IP}:{PORT}"
permission = "by ourselves"
queries_per_second = 100.0
codes = {{ "127.0.0.2" = "open proxy" }}
"""


def test_a_check_says_what_rbldnsd_says(tmp_path: Path) -> None:
    """By the command, over DNS: two zones with return codes of their own."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    subprocess.run([SURVEY, "optout", "init"], cwd=tmp_path, check=True, capture_output=True)
    text = COMBINED.replace("192.0.2.1\n", "192.0.2.1\n127.0.0.2\n").replace(
        "192.0.2.0/28\n", "192.0.2.0/28\n127.0.0.2\n"
    )
    addresses = [*(f"192.0.2.{last}" for last in (1, 2, 3, 4, 20)), "10.0.2.10"]
    with serving({ZONE: ("combined", text)}):
        done = subprocess.run(
            [SURVEY, "listings", "check", "campaign.toml", *addresses, "--json"],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    said = {
        (row["ip"], row["listing"].partition(".")[0]): (row["state"], row["reason"])
        for row in json.loads(done.stdout)
    }
    relay, proxy, no = ("listed", "open relay"), ("listed", "open proxy"), ("not_listed", None)
    assert said == {
        ("192.0.2.1", "relays"): relay,
        ("192.0.2.1", "proxies"): proxy,
        ("192.0.2.2", "relays"): relay,
        ("192.0.2.2", "proxies"): proxy,
        ("192.0.2.3", "relays"): relay,
        ("192.0.2.3", "proxies"): no,
        ("192.0.2.4", "relays"): no,
        ("192.0.2.4", "proxies"): no,
        ("10.0.2.10", "relays"): no,
        # it answers 127.0.0.9, which the campaign gives no meaning
        ("10.0.2.10", "proxies"): ("unknown", None),
        ("192.0.2.20", "relays"): no,
        ("192.0.2.20", "proxies"): no,
    }
