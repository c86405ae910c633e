"""A judged run whose findings may be told, and everything that its letters need."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from judged_run import BEGUN, IP, JudgedRun, make_judged_run
from made_contacts import made_contacts

from survey.flows.case_contacts import Contacts
from survey.flows.cases import CaseDesk, open_desk
from survey.flows.letter_approval import approve
from survey.flows.letter_checks import Way
from survey.flows.letter_content import Means
from survey.flows.letter_plan import LetterPlan, Lot, plan_letters
from survey.flows.letter_sending import Post, Sending, send_letters
from survey.mail.carrier import DoubtError, NotTakenError
from survey.mail.letter_post import LetterDoor
from survey.model.address import parse_ip
from survey.model.agency import Agency
from survey.model.case import Case, CaseState, OutboxLetter
from survey.model.contact import Contact, ContactSource
from survey.model.episode import ExposureKind, State
from survey.model.experiment import Draw
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind, LetterState
from survey.model.verdict import Rung
from survey.settings import Settings
from survey.storage.keys import LETTERS, make_key, read_key
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.schemas import CHECKS, EPISODES, FINDINGS
from survey.targets.plan import plan_to_json

NOW = BEGUN + timedelta(hours=20)
DAY = timedelta(days=1)
CERT = "incidents@cert.example"


class Reach(Contacts):
    """With a national CERT."""

    def authority(self, server: OpenServer) -> Contact | None:  # noqa: ARG002 - as the real one
        """Always the same."""
        return Contact(CERT, "CERT", "en", "", ContactSource.CERT, "test", NOW)


@dataclass
class Office:
    """Everything that cases and letters of the run ``2026-W48`` of campaign ``trial`` need."""

    judged: JudgedRun
    folder: Path
    contacts: Path
    key: bytes
    ledger: Ledger
    reach: Any = None
    """Who may be written to, if not as ``contacts.toml`` has it."""

    def desk(self) -> CaseDesk:
        """As a command opens it."""
        reach = self.reach or Reach(self.judged.settings, self.contacts)
        return open_desk(self.judged.settings, self.ledger, reach, "trial")

    @property
    def way(self) -> Way:
        """Without a signature, and no limit that a test meets by chance."""
        return Way(Means(self.key), "", 1000, 1000, None)

    def plan(self, now: datetime = NOW, lot: Lot | None = None) -> LetterPlan:
        """``survey notify plan``, without any lot if none is given."""
        return plan_letters(self.desk(), Means(self.key), lot or no_lot, now)

    def cases(self, state: CaseState | None = None) -> tuple[Case, ...]:
        """All of them, by number."""
        return tuple(one for one in self.desk().cases.all("trial") if state in {None, one.state})

    def case_of(self, name: str) -> Case:
        """The case that has an address now."""
        desk = self.desk()
        (number,) = {
            one.case
            for one in desk.cases.findings("trial")
            if one.ip == parse_ip(IP[name]) and one.left_at is None
        }
        return desk.cases.get(number)

    def letters(self) -> dict[tuple[str, LetterKind], OutboxLetter]:
        """All letters."""
        return {(one.case, one.kind): one for one in self.desk().outbox.letters("trial")}

    def approve_all(self, now: datetime = NOW) -> int:
        """What is planned; how many."""
        desk = self.desk()
        waiting = [one for one in desk.outbox.letters() if one.state is LetterState.PLANNED]
        for one in waiting:
            agency = desk.cases.get(one.case).key.agency
            approve(
                desk,
                one.case,
                one.sha256,
                agency=agency,
                by="A. Person",
                kind=one.kind,
                now=now,
            )
        return len(waiting)

    async def send(self, post: Post, now: datetime = NOW, **changes: Any) -> Sending:
        """``survey notify send --really``."""
        really = changes.pop("really", True)
        way = replace(self.way, **changes)
        return await send_letters(self.desk(), way, post, really=really, clock=lambda: now)

    def judge(self, findings: Iterable[dict[str, Any]]) -> None:
        """Replace the run's findings."""
        run = self.judged.layout.run("trial", "2026-W48")
        pq.write_table(pa.Table.from_pylist(list(findings), schema=FINDINGS), run.findings)

    def findings(self) -> list[dict[str, Any]]:
        """The run's findings."""
        return pq.read_table(self.judged.layout.run("trial", "2026-W48").findings).to_pylist()

    def prove(self, at: datetime, names: Sequence[str] = ("relay", "proxy", "both")) -> None:
        """These were reproduced, at that time."""
        chosen = {parse_ip(IP[name]) for name in names}
        self.judge(
            {**row, "rung": int(Rung.R7), "proven_at": at, "proven_by": "1"}
            if row["ip"] in chosen and row["verdict"] == "open"
            else row
            for row in self.findings()
        )

    def live(self, **states: dict[str, Any]) -> None:
        """Episodes of some addresses: ``name={"state": ..., "closing_at": ...}``."""
        rows = []
        for row in self.findings():
            name = next(key for key, ip in IP.items() if parse_ip(ip) == row["ip"])
            if row["verdict"] != "open" or name not in states:
                continue
            kind = ExposureKind.RELAY if row["probe"] == "smtp_relay" else ExposureKind.PROXY
            rows.append(made_episode(row["ip"], row["port"], kind, states[name]))
        path = self.judged.layout.episodes("trial")
        unique = {(row["ip"], row["port"], row["kind"]): row for row in rows}
        pq.write_table(pa.Table.from_pylist(list(unique.values()), schema=EPISODES), path)

    def look(self, name: str, at: datetime, state: str = "open", round_: int = 0) -> None:
        """One more look at every port of an address."""
        path = self.judged.layout.run("trial", "2026-W48").checks
        rows = pq.read_table(path).to_pylist() if path.is_file() else []
        for row in self.findings():
            if row["ip"] == parse_ip(IP[name]) and row["verdict"] == "open":
                kind = "relay" if row["probe"] == "smtp_relay" else "proxy"
                rows.append(
                    {
                        "campaign": "trial",
                        "run": "2026-W48",
                        "round": round_,
                        "ip": row["ip"],
                        "port": row["port"],
                        "kind": kind,
                        "at": at,
                        "state": state,
                        "rung": 7,
                        "open_probes": 1,
                        "closed_probes": 0,
                    }
                )
        pq.write_table(pa.Table.from_pylist(rows, schema=CHECKS), path)


def made_episode(ip: int, port: int, kind: ExposureKind, said: dict[str, Any]) -> dict[str, Any]:
    """One row of ``episodes``, persistent unless said otherwise."""
    row: dict[str, Any] = {field.name: None for field in EPISODES}
    row |= {
        "campaign": "trial",
        "ip": ip,
        "port": port,
        "kind": kind.value,
        "number": 1,
        "state": State.PERSISTENT.value,
        "opened_as": "new",
        "opened_at": BEGUN,
        "opened_run": "2026-W48",
        "last_open_at": BEGUN,
        "last_open_run": "2026-W48",
        "checked_at": BEGUN,
        "open_checks": 1,
        "closed_checks": 0,
        "unknown_checks": 0,
        "rung": 7,
        "probes": ["smtp_relay" if kind is ExposureKind.RELAY else "socks5"],
        "as_of": BEGUN,
    }
    return row | said


def no_lot(agency: Agency, campaign: str, number: str, now: datetime) -> Draw:  # noqa: ARG001 - as the real one
    """Nothing is drawn by lot."""
    return Draw("", now)


@cache
def _template() -> tuple[JudgedRun, "tempfile.TemporaryDirectory[str]"]:
    """A run with three tellable addresses, made once for all tests of a process."""
    folder = tempfile.TemporaryDirectory()
    judged = make_judged_run(Path(folder.name))
    made_contacts(Path(folder.name) / "post")
    make_key(judged.settings.keys, LETTERS)
    return judged, folder


def made_ledger(layout: Layout) -> Ledger:
    """The ledger beside the data, which does not wait for the disk: no test cuts the power."""
    ledger = Ledger.open(f"sqlite:///{layout.ledger}", layout.ledger.with_name("deliver.lock"))
    sa.event.listen(ledger.engine, "connect", _not_on_disk)
    ledger.close()
    return ledger


def _not_on_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")


def make_office(folder: Path) -> Office:
    """A run with three tellable addresses: a relay, a proxy, and one that is both."""
    made, template = _template()
    shutil.copytree(template.name, folder, dirs_exist_ok=True)
    settings = Settings(folder / "data", folder / "keys", folder / "agencies")
    layout, optouts = Layout(settings.data), folder / "optouts.log"
    plan = replace(made.plan, optouts=str(optouts))
    layout.run(plan.campaign, plan.run).plan.write_bytes(plan_to_json(plan))
    judged = JudgedRun(settings, layout, plan, optouts)
    ledger = made_ledger(layout)
    key = read_key(settings.keys, LETTERS)
    office = Office(judged, folder, folder / "post" / "contacts.toml", key, ledger)
    office.prove(NOW - timedelta(hours=2))
    return office


@dataclass
class MadePost:
    """A way out that takes everything, or says what it is told to say.

    Attributes:
        taken: Envelope sender, recipient and message of each that it took.
        naming: What is raised when a recipient is named, once each.
        handing: What is raised when a message is handed over, once each.
        before_data: Called between both.
    """

    taken: list[tuple[str, str, bytes]]
    naming: list[NotTakenError]
    handing: list[NotTakenError | DoubtError]
    door: LetterDoor
    before_data: Any = None
    named: tuple[str, str] = ("", "")

    async def name(self, sender: str, recipient: str, size: int) -> None:
        """One recipient."""
        assert size > 0
        if self.naming:
            raise self.naming.pop(0)
        self.named = sender, recipient
        if self.before_data is not None:
            self.before_data()

    async def hand(self, data: bytes) -> str:
        """One message."""
        if self.handing:
            raise self.handing.pop(0)
        self.taken.append((*self.named, data))
        return f"250 2.0.0 taken as {len(self.taken)}"

    async def close(self) -> None:
        """Nothing is open."""


def made_post(folder: Path, host: str = "smtp.survey.example", *only: str) -> MadePost:
    """One that takes everything."""
    return MadePost([], [], [], LetterDoor(folder / "outgoing.toml", host, frozenset(only)))
