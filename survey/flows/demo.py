"""``survey demo``: the whole loop on the lab, and how well it did against the lab's truth.

Lab and canary run in processes of their own; the scan runs on a Dask cluster of two workers; what
follows is what a person would type one after another.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from survey.analysis.notebook import open as open_survey
from survey.cluster.dask import DaskExecutor
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.flows.canary import serve_canary, serve_controls
from survey.flows.coordinator import OnProgress
from survey.flows.demo_letters import Letters, furnish, write_letters
from survey.flows.judge import judge
from survey.flows.lab import LabFiles, write_lab_files
from survey.flows.plan import plan_run
from survey.flows.report import make_report
from survey.flows.retest import retest_due
from survey.flows.scan import scan
from survey.lab.child import child
from survey.lab.process import lab_process
from survey.lab.score import Opened, Score, score
from survey.lab.world import Ports, World
from survey.model.address import Range, parse_ip
from survey.model.followup import Reason
from survey.model.plan import Canary, Endpoint, Plan
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.certificates import make_certificates
from survey.storage.files import private_folder, replace_text
from survey.storage.followups import read_queue
from survey.storage.keys import TOKEN, make_key
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.targets.plan import plan_hash

SPACE = Range(parse_ip("127.16.0.0"), parse_ip("127.16.255.255"))
ANSWERING = 2600
PORTS = Ports(smtp=(12525,), http=(13128, 18080), socks=(11080,), https=(18443,), telnet=(12323,))
"""Unlike the well-known ones, hardly ever taken on a machine where somebody works."""
CANARY = Canary(
    domains=("canary.example", "canary.test"),
    smtp=Endpoint(parse_ip("127.0.0.2"), 12526),
    echo=Endpoint(parse_ip("127.0.0.2"), 12527),
    web=Endpoint(parse_ip("127.0.0.2"), 12528),
)
AGENCIES = ("es-ejemplar", "jp-kakuu", "eg-khayali")
"""Whose reports are made: in Spanish, Japanese and Arabic."""
CONTROLS = """
[controls]
open = ["smtp_relay 127.0.0.3:12531", "socks5 127.0.0.3:12532"]
closed = ["smtp_relay 127.0.0.3:12533", "socks5 127.0.0.3:12534"]
nonexistent = ["127.0.0.3:12535"]
"""
WORKERS = 2
OPINIONS = 2
LATE_SECONDS = 15.0
"""How long letters that the lab's servers deliver late are waited for."""

MARK = ".survey-demo"
"""Lies in the demo's folder; only a folder with it is ever cleared."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo came to.

    Attributes:
        coverage: Share of the plan's targets that lie in exactly one receipt as sent, excluded or
            opted out; 1.0 is exactly the plan.
        precision: Share of what was called open that is.
        recall: Share of what is open that was called so.
        targets: Targets of the plan.
        open: (address, port, probe) called open.
        reproduced: Of those, found open again by a second opinion (R7).
        seconds: Whole demo, start of the lab included.
        scan_seconds: The scan alone.
        packets: Packets that the scan was charged.
        run: Run id.
        report: The first agency's page.
        reports: Every agency's files for people: pages and PDFs.
        letters: What came of the letters to operators.
        folder: Where everything lies; try the other commands with its data, keys and agencies.
    """

    coverage: float
    precision: float
    recall: float
    targets: int
    open: int
    reproduced: int
    seconds: float
    scan_seconds: float
    packets: int
    run: str
    report: Path
    reports: tuple[Path, ...]
    letters: Letters
    folder: Path


def demo(folder: Path, say: Callable[[str], None], on_progress: OnProgress) -> DemoResult:
    """Run the whole loop in ``folder``, which is emptied first if an earlier demo made it.

    Raises:
        ConfigError: The folder holds something else.
        SurveyError: A port is taken, e.g. by another demo.
    """
    began = time.monotonic()
    _make_room(folder)
    world = World("demo", (SPACE,), ANSWERING, PORTS)
    files = write_lab_files(world, CANARY, folder)
    replace_text(files.campaign, files.campaign.read_text(encoding="utf-8") + CONTROLS)
    settings = Settings(folder / "data", folder / "keys", files.agencies)
    make_key(settings.keys, TOKEN)
    make_certificates(settings.keys)
    _import_registries(settings, files)
    office = furnish(settings, folder, files.optouts, files.registries.hosts)
    with lab_process(world, CANARY, office.mailroom) as lab:
        say(
            f"lab: {len(world.machines):,} of {len(SPACE):,} addresses answer, "
            f"on {lab.doors:,} ports"
        )
        with (
            child("canary", serve_canary, settings, files.campaign) as canary,
            child("controls", serve_controls, files.campaign) as controls,
        ):
            say(str(canary.news))
            say(str(controls.news))
            planned = plan_run(files.campaign, settings)
            plan = planned.plan
            summary = scan(plan, plan_hash(plan), settings, DaskExecutor(WORKERS), on_progress)
            say("scan done; waiting for letters that are delivered late")
            reached = _judged(settings, plan, world)
            say(f"judged: {reached.right + reached.wrong:,} called open; second opinions follow")
            reproduced = _reproduced(settings, plan, on_progress)
            say(f"reproduced by others: {reproduced:,}")
            reports = [make_report(settings, agency, plan.run) for agency in AGENCIES]
            say(f"reports for {len(reports)} agencies: {', '.join(x.language for x in reports)}")
            letters = write_letters(office, plan, DaskExecutor(WORKERS), say, on_progress)
    done = summary.sent + summary.excluded + summary.opted_out
    return DemoResult(
        coverage=done / plan.targets,
        precision=reached.precision,
        recall=reached.recall,
        targets=plan.targets,
        open=reached.right + reached.wrong,
        reproduced=reproduced,
        seconds=round(time.monotonic() - began, 1),
        scan_seconds=round(summary.seconds, 1),
        packets=summary.packets,
        run=plan.run,
        report=reports[0].page,
        reports=tuple(path for one in reports for path in one.for_people),
        letters=letters,
        folder=folder,
    )


def _make_room(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise ConfigError(folder, "", "is not empty and no demo's", "choose another --folder")
        shutil.rmtree(folder)
    private_folder(folder)
    (folder / MARK).touch()


def _import_registries(settings: Settings, files: LabFiles) -> None:
    registries = files.registries
    for kind, path in (
        (SnapshotKind.COUNTRY, registries.countries),
        (SnapshotKind.NETWORK, registries.networks),
        (SnapshotKind.REGISTRATION, registries.registrations),
        (SnapshotKind.ORGANISATION, registries.organisations),
        (SnapshotKind.CONTACT, registries.contacts),
        (SnapshotKind.LISTING, registries.listings),
    ):
        import_snapshot(
            Layout(settings.data), kind, path, source="the lab's invention", licence="Apache-2.0"
        )


def _judged(settings: Settings, plan: Plan, world: World) -> Score:
    """The score once everything has arrived, or after LATE_SECONDS."""
    tested = {(part.probe, port) for part in plan.probes for port in part.every_port}
    truth = [one for one in world.truth() if (one.probe, one.port) in tested]
    until = time.monotonic() + LATE_SECONDS
    while True:
        judge(settings, plan.campaign, plan.run)
        reached = score(_called_open(settings, plan), truth)
        if reached.missed == 0 or time.monotonic() >= until:
            return reached
        time.sleep(1)


def _reproduced(settings: Settings, plan: Plan, on_progress: OnProgress) -> int:
    """Open findings that second opinions, at most two each, have made R7."""
    for _ in range(OPINIONS):
        time.sleep(plan.waits.second_opinion)
        retest_due(settings, plan, DaskExecutor(WORKERS), on_progress)
        until = time.monotonic() + LATE_SECONDS
        # letters come late, tunnels don't
        while Probe.SMTP_RELAY in (left := _doubted(settings, plan)) and time.monotonic() < until:
            time.sleep(1)
        if not left:
            break
    with open_survey(settings.data) as survey:
        rows = survey.findings(plan.campaign, plan.run).filter("rung = 7")
        return int(rows.aggregate("count(*)").fetchall()[0][0])


def _doubted(settings: Settings, plan: Plan) -> set[Probe]:
    """What another second opinion is wanted of, by a fresh judgement."""
    wanted = judge(settings, plan.campaign, plan.run).wanted
    run = Layout(settings.data).run(plan.campaign, plan.run)
    waiting = {one.wanted.key for one in read_queue(run).waiting}
    return {
        one.probe for one in wanted if one.reason is Reason.SECOND_OPINION and one.key in waiting
    }


def _called_open(settings: Settings, plan: Plan) -> set[Opened]:
    with open_survey(settings.data) as survey:
        rows = survey.findings(plan.campaign, plan.run).filter("verdict = 'open'")
        return {
            (ip, port, Probe(probe))
            for ip, port, probe in rows.project("ip, port, probe").fetchall()
        }
