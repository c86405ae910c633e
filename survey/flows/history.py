"""``survey lab history``: many weeks of a campaign, written as if they had been, truth included.

Nothing is sent.  Every table is the survey's own, in its own place, so every command works on it;
only tokens are marks without a signature, since nobody has to find them in a letter.
"""

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np

from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.flows.history_letters import key_of_lots, signed
from survey.flows.history_weeks import Weeks
from survey.flows.lab import write_agencies
from survey.lab.history.scale import FIRST_ADDRESS, START, Scale
from survey.lab.history.servers import Stands, make_stands
from survey.lab.history.territory import Territory, make_territory
from survey.lab.registries import RegistryFiles, write_geography
from survey.model.address import Range
from survey.settings import Settings
from survey.storage.files import private_folder, replace_text
from survey.storage.keys import EXPERIMENT
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.targets.optouts import init_log
from survey.targets.ranges import RangeSet

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HistoryFiles:
    """What was made.

    Attributes:
        settings: Where its data are.
        campaign: The campaign file.
        truth: Folder with ``exposures.parquet`` (every time that a server stood open),
            ``letters.parquet`` (who was told and who was held out), ``looks.parquet`` (what each
            look was told), ``answers/`` (what every service came to, run by run),
            ``ranges.parquet`` (whose addresses) and ``runs.parquet`` (what became of targets);
            schemas in ``lab.history.truth``.
        runs: Runs.
        observations: Rows of observations.
    """

    settings: Settings
    campaign: Path
    truth: Path
    runs: int
    observations: int


def make_history(folder: Path, scale: Scale, say: Say = lambda _: None) -> HistoryFiles:
    """Make a history in an empty folder.

    Raises:
        ConfigError: The folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(folder, "", "is not empty", "choose another --folder")
    private_folder(folder)
    settings = Settings(folder / "data", folder / "keys", folder / "agencies")
    territory = make_territory(scale)
    stands = make_stands(scale, territory)
    init_log(folder / "optouts.jsonl")
    write_agencies(settings.agencies)
    for path in sorted(settings.agencies.glob("*.toml")):
        replace_text(path, path.read_text(encoding="utf-8") + signed(scale))
    replace_text(
        private_folder(settings.keys) / f"{EXPERIMENT}.key", key_of_lots(scale).hex() + "\n"
    )
    _import(Layout(settings.data), _registries(folder, territory, stands))
    campaign = _write_campaign(folder, scale)
    weeks = Weeks(settings, campaign, scale, territory, stands, truth_folder=folder / "truth")
    for week in range(scale.weeks):
        if week not in scale.missed:
            weeks.run(week)
            say(f"week {week + 1} of {scale.weeks}: {weeks.observations:,} observations so far")
    weeks.finish()
    return HistoryFiles(settings, campaign, folder / "truth", weeks.runs, weeks.observations)


def _write_campaign(folder: Path, scale: Scale) -> Path:
    path = folder / "campaign.toml"
    last = FIRST_ADDRESS + scale.addresses - 1
    text = (files("survey.lab.history") / "campaign.toml").read_text(encoding="utf-8")
    ranges = RangeSet.of((Range(FIRST_ADDRESS, last),)).ranges
    replace_text(path, text.replace("RANGES", json.dumps(_cidrs(ranges))))
    return path


def _cidrs(ranges: tuple[Range, ...]) -> list[str]:
    return [
        str(network)
        for part in ranges
        for network in ipaddress.summarize_address_range(
            ipaddress.IPv4Address(part.start), ipaddress.IPv4Address(part.end)
        )
    ]


def _registries(folder: Path, territory: Territory, stands: Stands) -> RegistryFiles:
    """The registry files, and a listing of a third of what was open before the first run."""
    made = write_geography(territory.geography(), private_folder(folder / "registries"))
    listed = np.flatnonzero((stands.opens < 0) & (stands.server % 3 == 0))
    lines = sorted(
        f"{ip},{ip},open.list.example,{START + timedelta(days=day):%Y-%m-%d}\n"
        for ip, day in zip(stands.ip[listed].tolist(), stands.opens[listed].tolist(), strict=True)
    )
    replace_text(made.listings, "".join(lines))
    return made


def _import(layout: Layout, made: RegistryFiles) -> None:
    """Import them as of the day before the first run."""
    for kind, path in (
        (SnapshotKind.COUNTRY, made.countries),
        (SnapshotKind.NETWORK, made.networks),
        (SnapshotKind.REGISTRATION, made.registrations),
        (SnapshotKind.ORGANISATION, made.organisations),
        (SnapshotKind.CONTACT, made.contacts),
        (SnapshotKind.LISTING, made.listings),
    ):
        import_snapshot(
            layout,
            kind,
            path,
            source="the lab's invention",
            licence="Apache-2.0",
            retrieved_at=START - timedelta(days=1),
        )
