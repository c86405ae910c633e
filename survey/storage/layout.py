"""Where everything lies under one data directory; pure paths, nothing is read or written here.

::

    data/
      coordinator.lock, coordinator.json       one coordinator at a time (law 5)
      campaigns/<campaign>/retention.json      how long its rows are kept
      campaigns/<campaign>/<run>/plan.json     the frozen plan
      campaigns/<campaign>/<run>/found.parquet what another scanner found, if the plan imports it
      campaigns/<campaign>/<run>/wishes.json   what `survey stop|pause|rate` asked for
      campaigns/<campaign>/<run>/handouts.log  when each shard was handed out
      campaigns/<campaign>/<run>/shards/shard-000123.parquet
      campaigns/<campaign>/<run>/manifest.json what readers may read
      campaigns/<campaign>/<run>/done.json     the run is whole
      campaigns/<campaign>/<run>/observations.parquet   all shards, compacted
      campaigns/<campaign>/<run>/findings.parquet
      campaigns/<campaign>/<run>/hosts.parquet
      campaigns/<campaign>/<run>/counts.parquet         what remains when findings have gone
      campaigns/<campaign>/<run>/checks.parquet         what each look at a target said
      campaigns/<campaign>/<run>/watched.parquet        who gets a row whatever it says
      campaigns/<campaign>/episodes.parquet             exposures across runs
      campaigns/<campaign>/<run>/messages/shard-000123.log  who was sent a message, before it left
      campaigns/<campaign>/<run>/followups.log              the queue of later tests
      campaigns/<campaign>/<run>/rounds/001/round.json      follow-ups made together, frozen
      campaigns/<campaign>/<run>/rounds/001/shards/, ...    as of the run itself
      arrivals/<day>.log                       the canary's append-only log (JSON lines)
      arrivals/<day>.parquet                   rolled
      registries/<kind>/<snapshot>/            country, network, contact, listing
      listings/<zone>.parquet                  what a DNSBL answered over DNS
      contacts/answers.parquet                 what sources of contacts answered
      reports/<agency>/<period>/               report.html, ...
      letters/<campaign>/                      previews
      ledger.db                                what was delivered to whom, and how we know
      scratch/                                 queries that need more than the memory
      copy.json                                which objects of a URL this is a copy of
      audit.log                                who exported what (law 8)
"""

import re
from dataclasses import dataclass
from pathlib import Path

SHARD_NAME = re.compile(r"^shard-(\d{6})\.parquet$")
"""The only names that readers take for committed shards; temporary files end in ``.part``."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths under ``root``."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held (flock) by the one coordinator."""
        return self.root / "coordinator.lock"

    @property
    def term(self) -> Path:
        """The last coordinator, its number, and whether it ended cleanly."""
        return self.root / "coordinator.json"

    @property
    def audit(self) -> Path:
        """One JSON line per host-level export."""
        return self.root / "audit.log"

    @property
    def arrivals(self) -> Path:
        """The canary's logs and their rolled tables."""
        return self.root / "arrivals"

    @property
    def registries(self) -> Path:
        """Snapshots by kind."""
        return self.root / "registries"

    @property
    def listings(self) -> Path:
        """What public databases answered over DNS, one table per zone."""
        return self.root / "listings"

    @property
    def contact_answers(self) -> Path:
        """What sources of contacts answered."""
        return self.root / "contacts" / "answers.parquet"

    @property
    def scratch(self) -> Path:
        """Where a query may put what does not fit into memory; nothing in it outlives the query."""
        return self.root / "scratch"

    @property
    def campaigns(self) -> Path:
        """Folder of all campaigns."""
        return self.root / "campaigns"

    def campaign(self, campaign: str) -> Path:
        """Folder of a campaign's runs."""
        return self.campaigns / campaign

    def episodes(self, campaign: str) -> Path:
        """The campaign's exposures across its runs."""
        return self.campaign(campaign) / "episodes.parquet"

    def retention(self, campaign: str) -> Path:
        """How long rows of a campaign are kept."""
        return self.campaign(campaign) / "retention.json"

    def run(self, campaign: str, run: str) -> "RunLayout":
        """Paths of one run."""
        return RunLayout(self.campaign(campaign) / run)

    def report(self, agency: str, period: str) -> Path:
        """Folder of one agency's report for one period."""
        return self.root / "reports" / agency / period

    @property
    def ledger(self) -> Path:
        """What was delivered to whom, unless ``outgoing.toml`` names another database."""
        return self.root / "ledger.db"

    def letters(self, campaign: str) -> Path:
        """Folder of a campaign's letter previews."""
        return self.root / "letters" / campaign


@dataclass(frozen=True, slots=True)
class RunLayout:
    """Paths of one run under ``root``."""

    root: Path

    @property
    def plan(self) -> Path:
        """The frozen plan, canonical JSON."""
        return self.root / "plan.json"

    @property
    def found(self) -> Path:
        """What another scanner found open, if the plan imports it."""
        return self.root / "found.parquet"

    @property
    def wishes(self) -> Path:
        """What ``survey stop|pause|rate`` asked of the coordinator."""
        return self.root / "wishes.json"

    @property
    def status(self) -> Path:
        """How the scan stands, for ``survey status`` in another process."""
        return self.root / "status.json"

    @property
    def handouts(self) -> Path:
        """When each shard was handed out, one JSON line each."""
        return self.root / "handouts.log"

    @property
    def shards(self) -> Path:
        """Folder of committed shards."""
        return self.root / "shards"

    def shard(self, index: int) -> Path:
        """A committed shard's file."""
        return self.shards / f"shard-{index:06d}.parquet"

    @property
    def manifest(self) -> Path:
        """Which shards are committed, with their receipts."""
        return self.root / "manifest.json"

    @property
    def done(self) -> Path:
        """Exists once every shard is committed."""
        return self.root / "done.json"

    @property
    def observations(self) -> Path:
        """Every committed observation in one file, sorted by address (storage.compaction)."""
        return self.root / "observations.parquet"

    @property
    def findings(self) -> Path:
        """The verdicts."""
        return self.root / "findings.parquet"

    @property
    def hosts(self) -> Path:
        """The findings of each address taken together."""
        return self.root / "hosts.parquet"

    @property
    def checks(self) -> Path:
        """What each look at a target said, the scan's and each round's."""
        return self.root / "checks.parquet"

    @property
    def watched(self) -> Path:
        """Targets that get a row whatever they say, frozen with the plan."""
        return self.root / "watched.parquet"

    @property
    def counts(self) -> Path:
        """Counts of the findings, once they have gone."""
        return self.root / "counts.parquet"

    def messages(self, shard: int) -> Path:
        """Who was sent a message by any attempt at a shard."""
        return self.root / "messages" / f"shard-{shard:06d}.log"

    @property
    def followups(self) -> Path:
        """The queue of later tests, one JSON line each."""
        return self.root / "followups.log"

    @property
    def rounds(self) -> Path:
        """Folder of the rounds of follow-ups."""
        return self.root / "rounds"

    def round(self, number: int) -> "RoundLayout":
        """Paths of one round, counted from 1; 0 is the scan, which has no folder of its own."""
        assert number >= 1
        return RoundLayout(self.rounds / f"{number:03d}")


@dataclass(frozen=True, slots=True)
class RoundLayout(RunLayout):
    """Paths of one round of follow-ups; as those of a run, but whoever stops the run stops it."""

    @property
    def plan(self) -> Path:
        """The frozen list of visits, canonical JSON."""
        return self.root / "round.json"

    @property
    def wishes(self) -> Path:
        """The run's own."""
        return self.root.parent.parent / "wishes.json"
