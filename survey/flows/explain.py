"""``survey explain``: what a run did to one address, and when (law 7).

No list of dialled addresses is kept.  The permutation is inverted instead: it names the shard, and
the shard's receipt, the hand-out log and the opt-out log tell the rest.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from survey.enrichment.lookup import listings_of
from survey.errors import ConfigError
from survey.model.assignment import Receipt
from survey.model.followup import Visit
from survey.model.listing import Listing
from survey.model.observation import Observation
from survey.settings import Settings
from survey.storage.handouts import Handout, read_handouts
from survey.storage.layout import Layout, RunLayout
from survey.storage.messages import all_messages
from survey.storage.rounds import load_round, rounds_of
from survey.storage.shard_file import read_address, read_receipt
from survey.targets.optouts import OptOut, read_log
from survey.targets.plan import load_plan
from survey.targets.ranges import read_range_file
from survey.targets.shards import locate

_OWN_NAME = re.compile(rb"(?:FROM|TO):<postmaster@([a-z0-9.-]+)>")


class Fate(StrEnum):
    """What became of an address."""

    NOT_PLANNED = "not_planned"
    """It is not in the plan, so nothing was sent to it."""
    PENDING = "pending"
    """Its shard was never handed out yet, so nothing was sent to it."""
    UNDER_WAY = "under_way"
    """Its shard was handed out and is not committed: it may have been tested."""
    TESTED = "tested"
    """Every planned port of it was dialled."""
    KEPT_BACK = "kept_back"
    """It had opted out before its shard began, so nothing was sent to it."""
    UNCERTAIN = "uncertain"
    """An opt-out or exclusion came around that time: some ports may have been dialled."""


@dataclass(frozen=True, slots=True)
class Revisited:
    """One follow-up of the address in a round.

    Attributes:
        round: The round's number.
        visit: What was to be done.
        receipt: What its shard did as a whole and from when to when, or None if it is not
            committed: then it may have been tested if it was handed out.
        handouts: When its shard was handed out; each but the committed one may have sent as well.
    """

    round: int
    visit: Visit
    receipt: Receipt | None
    handouts: tuple[Handout, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one run did to one address.

    Attributes:
        ip: The address, as a number.
        campaign: Campaign id.
        run: Run id.
        fate: What became of it.
        ports: Ports that the plan tests.
        shard: Shard that it lies in, or None.
        index: Its plan index, or None.
        receipt: What that shard did as a whole and from when to when, or None.
        handouts: When the shard was handed out; each but the committed one may have sent as well.
        optouts: Opt-outs that cover it.
        excluded: Whether an exclusion file of the plan has it now.
        listings: Public databases that name it, or its host, today.
        observations: What was seen there, in follow-ups too; a port that never answered the scan
            leaves no row.
        revisits: Its follow-ups.
        messages: Test messages that it was sent, by attempts that were lost as well.
    """

    ip: int
    campaign: str
    run: str
    fate: Fate
    ports: tuple[int, ...]
    shard: int | None
    index: int | None
    receipt: Receipt | None
    handouts: tuple[Handout, ...]
    optouts: tuple[OptOut, ...]
    excluded: bool
    listings: tuple[Listing, ...]
    observations: tuple[Observation, ...]
    revisits: tuple[Revisited, ...]
    messages: int

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        """From when to when packets may have been sent to it by the committed shard, UTC."""
        if self.receipt is None or self.fate is Fate.KEPT_BACK:
            return None
        return self.receipt.started_at, self.receipt.finished_at


def explain(settings: Settings, campaign: str, run: str, ip: int) -> Explanation:
    """What the run did to the address.

    Raises:
        ConfigError: There is no such run.
        GateClosedError: The opt-out log can't be read, so the answer would not be sure.
        StorageError: A table is damaged.
    """
    layout = Layout(settings.data).run(campaign, run)
    if not layout.plan.exists():
        raise ConfigError("--run", "", f"{campaign} has no run {run}", "see `survey status`")
    plan = load_plan(layout.plan)
    optouts = tuple(
        entry
        for entry in read_log(Path(plan.optouts)).entries
        if any(ip in part for part in entry.ranges)
    )
    excluded = any(ip in read_range_file(Path(path)) for path in plan.exclusions)
    place = locate(plan, ip)
    receipt: Receipt | None = None
    handouts: tuple[Handout, ...] = ()
    observations: tuple[Observation, ...] = ()
    if place is not None:
        handouts = tuple(one for one in read_handouts(layout) if one.shard == place[0])
        path = layout.shard(place[0])
        if path.exists():
            receipt = read_receipt(path)
            observations = read_address(path, ip)
    revisits = tuple(_revisits(layout, ip))
    for round_, shard in sorted(
        {(one.round, one.receipt.shard) for one in revisits if one.receipt}
    ):
        observations += read_address(layout.round(round_).shard(shard), ip)
    return Explanation(
        ip=ip,
        campaign=campaign,
        run=run,
        fate=_fate(place is not None, receipt, handouts, optouts, observations, excluded=excluded),
        ports=plan.ports,
        shard=place[0] if place else None,
        index=place[1] if place else None,
        receipt=receipt,
        handouts=handouts,
        optouts=optouts,
        excluded=excluded,
        listings=listings_of(
            Layout(settings.data), ip, datetime.now(UTC).date(), _proven_name(observations)
        ),
        observations=observations,
        revisits=revisits,
        messages=all_messages(layout)[ip],
    )


def _revisits(run: RunLayout, ip: int) -> Iterator[Revisited]:
    for paths in rounds_of(run):
        one = load_round(paths.plan)
        for shard in range(one.shards):
            for visit in one.shard(shard):
                if visit.ip != ip:
                    continue
                path = paths.shard(shard)
                handouts = (given for given in read_handouts(paths) if given.shard == shard)
                receipt = read_receipt(path) if path.exists() else None
                yield Revisited(one.number, visit, receipt, tuple(handouts))


def _proven_name(observations: Iterable[Observation]) -> str | None:
    """Its own name, where we addressed the postmaster there: only after it resolved to it."""
    found = (_OWN_NAME.search(one.sent) for one in observations)
    return next((match[1].decode("ascii") for match in found if match), None)


def _fate(
    planned: bool,  # noqa: FBT001 - one fact of several
    receipt: Receipt | None,
    handouts: tuple[Handout, ...],
    optouts: tuple[OptOut, ...],
    observations: tuple[Observation, ...],
    *,
    excluded: bool,
) -> Fate:
    if not planned:
        return Fate.NOT_PLANNED
    if receipt is None:
        return Fate.UNDER_WAY if handouts else Fate.PENDING
    if not (receipt.excluded or receipt.opted_out):
        return Fate.TESTED
    since = min((entry.added_at for entry in optouts), default=None)
    if since is not None and since < receipt.started_at and not observations:
        return Fate.KEPT_BACK
    in_time = since is not None and since <= receipt.finished_at
    return Fate.UNCERTAIN if in_time or (excluded and receipt.excluded) else Fate.TESTED
