"""A data directory with everything in it that a survey writes, and one address in all of it."""

import copy
import email
import shutil
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from made_data import CAMPAIGN, MORNING, RUN, MadeData, arrived, seen

from survey.canary.record import mapped
from survey.enrichment.formats import Format
from survey.enrichment.snapshots import import_snapshot
from survey.flows.judge import judge
from survey.model.address import format_ip, parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.contact import ContactSource
from survey.model.contact_answer import Answer, AnswerState, Mailbox, alone
from survey.model.followup import Reason, Round, Visit, Wanted
from survey.model.listing import Listed
from survey.model.observation import Observation, Step
from survey.model.probe import Probe
from survey.protocols.token import Claims, TokenKind, make_token, run_tag
from survey.storage import audit
from survey.storage.contact_answers import ContactAnswers
from survey.storage.followups import queue_followups
from survey.storage.found import write_found
from survey.storage.layout import Layout
from survey.storage.listing_checks import Check, write_checks
from survey.storage.manifest import write_manifest
from survey.storage.messages import note_message
from survey.storage.registries import SnapshotKind
from survey.storage.rounds import round_hash, write_round
from survey.storage.shard_file import read_receipt, rows, write_shard
from survey.targets.plan import plan_hash
from survey.targets.shards import locate

KEY = b"k" * 32
GONE = "192.0.2.77"
"""Who wants to be forgotten; the edge of no range."""
BACKWARDS = ".".join(reversed(GONE.split(".")))
NEIGHBOUR = "192.0.2.9"
OTHER = "198.51.100.5"


def token(ip: str, probe: Probe = Probe.SMTP_RELAY, kind: TokenKind = TokenKind.RECIPIENT) -> str:
    """A token of the run for an address."""
    variant = "V1" if probe.is_relay else "echo"
    return make_token(
        KEY,
        Claims(run_tag(CAMPAIGN, RUN), parse_ip(ip), 25, probe, variant, 0, False, 0, kind),
    )


def observed(ip: str) -> tuple[Observation, ...]:
    """A relay that takes our letter, and a proxy."""
    packed = parse_ip(ip).to_bytes(4, "big")
    return (
        seen(
            ip,
            step=Step.SENT,
            token=token(ip),
            code=250,
            reply=f"250 ok {ip}".encode(),
            received=f"220 host-{ip.replace('.', '-')}.example ESMTP [{ip}]\r\n".encode(),
            sent=f"RCPT TO:<{token(ip)}@a.example>\r\n".encode(),
        ),
        seen(
            ip,
            Probe.SOCKS5,
            "echo",
            step=Step.ECHOED,
            token=token(ip, Probe.SOCKS5, TokenKind.TUNNEL),
            nonce="n" * 32,
            reply=b"\x05\x00\x00\x01" + packed + b"\x04\x38",
        ),
    )


def make_everything(folder: Path) -> MadeData:
    """The directory; the run is done and judged."""
    data = MadeData(folder)
    others = [*observed(NEIGHBOUR), *observed(OTHER)]
    packed = parse_ip(GONE).to_bytes(4, "big")
    others[0] = replace(others[0], reply=f"550 {GONE}, {BACKWARDS}.in-addr.arpa".encode())
    others[3] = replace(others[3], reply=b"\x05\x00\x00\x01" + packed + b"\x04\x38")
    data.scan([*observed(GONE), *others])
    data.arrive(
        [
            arrived(ArrivalKind.MESSAGE, token(GONE), peer=mapped(GONE), helo=GONE.encode()),
            arrived(ArrivalKind.MESSAGE, token(NEIGHBOUR), peer=mapped(GONE)),
            arrived(
                ArrivalKind.MESSAGE,
                token(OTHER),
                peer=mapped(OTHER),
                sender=f"bounce+{GONE.replace('.', '_')}@example.org".encode(),
                headers=b"Via: 1.1 c000024d",
            ),
            arrived(ArrivalKind.CONNECTION, "", peer=mapped(GONE)),
        ]
    )
    _outside(data, folder)
    _follow(data)
    judge(data.settings, CAMPAIGN, RUN)
    _written(data)
    return data


def copied(made: MadeData, folder: Path) -> MadeData:
    """A copy of a directory; the opt-out log stays where the plan says."""
    another = copy.copy(made)
    shutil.copytree(made.layout.root, folder / "data")
    another.layout = Layout(folder / "data")
    another.settings = replace(made.settings, data=folder / "data")
    return another


def _outside(data: MadeData, folder: Path) -> None:
    contacts = folder / "contacts.csv"
    contacts.write_text(
        f"{GONE},{GONE},gone@example.org,Gone,en\n"
        "192.0.2.128,192.0.2.255,abuse@example.net,Example,es\n"
    )
    import_snapshot(data.layout, SnapshotKind.CONTACT, contacts, retrieved_at=MORNING)
    listed = folder / "listed.txt"
    listed.write_text(f"{GONE}\n192.0.2.9\n")
    import_snapshot(
        data.layout,
        SnapshotKind.LISTING,
        listed,
        source="list",
        retrieved_at=MORNING,
        written_as=Format.PLAIN,
    )
    zone = "dnsbl.example"
    checks = {
        parse_ip(ip): Check(
            zone,
            parse_ip(ip),
            Listed.LISTED,
            "127.0.0.2",
            f"see http://x.example/{ip}",
            MORNING,
            MORNING,
            MORNING,
            MORNING,
        )
        for ip in (GONE, NEIGHBOUR)
    }
    write_checks(data.layout, zone, checks)
    answers = ContactAnswers(data.layout)
    for ip in (GONE, NEIGHBOUR):
        answers.add(
            Answer(
                ContactSource.REVERSE_NAME,
                alone(parse_ip(ip)),
                AnswerState.FOUND,
                (Mailbox("abuse@example.net"),),
                f"host-{ip.replace('.', '-')}.example.net",
                f"it was asked about {GONE}",
                MORNING,
                MORNING,
            )
        )
    answers.save()


def _follow(data: MadeData) -> None:
    paths = data.layout.run(CAMPAIGN, RUN)
    plan = data.plan()
    ips = (parse_ip(GONE), parse_ip(NEIGHBOUR))
    wanted = [Wanted(ip, 25, Probe.SMTP_RELAY, Reason.WISH, (), MORNING) for ip in ips]
    queued = queue_followups(paths, wanted, MORNING)
    visits = tuple(
        Visit(
            one.number,
            one.wanted.ip,
            25,
            Probe.SMTP_RELAY,
            Reason.WISH,
            (),
            1,
            None,
            None,
            False,
            1,
        )
        for one in queued
    )
    one = Round(CAMPAIGN, RUN, 1, plan_hash(plan), MORNING, visits, (0, len(visits)))
    layout = write_round(paths, one)
    again = [replace(observed(format_ip(ip))[0], attempt=1) for ip in ips]
    receipt = replace(
        read_receipt(paths.shard(0)), plan_hash=round_hash(one), observations=len(again), round=1
    )
    receipt = write_shard(layout.shard(0), rows(RUN, 0, again, round_=1), receipt)
    write_manifest(layout, [receipt])
    layout.done.write_text("{}")
    for folder in (paths, layout):
        for ip in ips:
            note_message(folder.messages(0), ip)
    places = [locate(plan, ip) for ip in ips]
    indices = np.array([place[1] for place in places if place], dtype=np.uint32)
    write_found(paths.found, indices, np.array([25, 25], dtype=np.uint16))


def _written(data: MadeData) -> None:
    root = data.layout.root
    report = data.layout.report("es", RUN)
    report.mkdir(parents=True)
    (report / "hosts.csv").write_text(
        f"last_seen,ip,port,exit_ip\r\n-,{GONE},25,\r\n-,{NEIGHBOUR},25,{GONE}\r\n"
    )
    (report / "report.html").write_text("<p>two servers</p>")
    (report / "manifest.json").write_text('{"files": []}\n')
    (report / "outgoing").mkdir()
    (report / "outgoing" / "named.html").write_text(f"<p>{GONE}</p>")
    other = data.layout.report("fr", RUN)
    other.mkdir(parents=True)
    (other / "hosts.csv").write_text("last_seen,ip,port,exit_ip\r\n")
    (other / "report.html").write_text("<p>no server</p>")
    (other / "manifest.json").write_text('{"files": []}\n')
    letters = data.layout.letters(CAMPAIGN)
    letters.mkdir(parents=True)
    message = EmailMessage()
    message["Subject"] = "Your server"
    message.set_content(f"Your server {GONE} is opén.", cte="base64")
    (letters / f"{RUN}-{GONE}-25-smtp_relay.en.eml").write_bytes(message.as_bytes())
    (letters / "another.en.eml").write_bytes(message.as_bytes())
    mail = data.layout.arrivals / "postmaster"
    mail.mkdir()
    (mail / "20261123T090000.000000Z-00000000.eml").write_bytes(message.as_bytes())
    (mail / "20261123T090001.000000Z-00000000.eml").write_bytes(b"Subject: hello\r\n\r\nhello\r\n")
    audit.record(data.layout, "sql", f"FROM findings WHERE address = '{GONE}'", who="somebody")
    audit.record(data.layout, "sql", f"FROM findings WHERE ip = {parse_ip(GONE)}", who="somebody")
    table = pa.table(
        {
            "ip": pa.array([parse_ip(GONE), parse_ip(OTHER)], pa.uint32()),
            "last_seen": pa.array([MORNING, MORNING], pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(table, root / "campaigns" / CAMPAIGN / "another.parquet")


def forms(ip: str) -> tuple[bytes, ...]:
    """An address as it may be written in any file of ours."""
    number = parse_ip(ip)
    quads = ip.split(".")
    texts = [sep.join(some) for sep in ".-_" for some in (quads, quads[::-1])]
    return (
        *(text.encode() for text in texts),
        str(number).encode(),
        b"%08x" % number,
        b"%08X" % number,
        *(token(ip, probe, kind).encode() for probe in Probe for kind in TokenKind),
        number.to_bytes(4, "big"),
        number.to_bytes(4, "little"),
    )


def found_in(root: Path, ip: str) -> set[str]:
    """Files below a folder that have an address, in any form; Parquet as it lies and read out."""
    wanted = forms(ip)
    number = parse_ip(ip)
    found = set()
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(root))
        if ip in name or any(form in data for data in _contents(path) for form in wanted):
            found.add(name)
        if path.suffix == ".parquet" and number in _numbers(path):
            found.add(name)
    return found


def _contents(path: Path) -> list[bytes]:
    """What a file holds: as it lies there, and decoded."""
    data = [path.read_bytes()]
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        data += [
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in row.values()
            if isinstance(value, bytes | str)
        ]
    if path.suffix == ".eml":
        for part in email.message_from_bytes(path.read_bytes()).walk():
            content = part.get_payload(decode=True)
            data += [content] if isinstance(content, bytes) else []
    return data


def _numbers(path: Path) -> set[object]:
    """Every number in the rows and in the statistics of a Parquet file."""
    numbers: set[object] = set()
    for row in pq.read_table(path).to_pylist():
        numbers.update(value for value in row.values() if isinstance(value, int))
    metadata = pq.read_metadata(path)
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            stats = metadata.row_group(group).column(column).statistics
            if stats is not None and stats.has_min_max:
                numbers.update((stats.min_raw, stats.max_raw))
                numbers.update(one for one in (stats.min, stats.max) if isinstance(one, int))
    return numbers
