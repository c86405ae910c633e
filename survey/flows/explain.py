"""``survey explain``: what a run did to one address, and when (law 7).

No list of dialled addresses is kept.  The permutation is inverted instead: it names the shard, and
the shard's receipt, the hand-out log and the opt-out log tell the rest.  Only files of that shard
are read, so that the answer takes no longer for the whole internet.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from survey.enrichment.lookup import listings_of
from survey.errors import ConfigError
from survey.flows.runs import all_runs
from survey.model.address import format_ip
from survey.model.assignment import Receipt
from survey.model.followup import Visit
from survey.model.listing import Listing
from survey.model.observation import Observation
from survey.model.plan import Identity, Plan
from survey.settings import Settings
from survey.storage.audit import record
from survey.storage.handouts import Handout, read_handouts
from survey.storage.layout import Layout, RunLayout
from survey.storage.messages import messages_to
from survey.storage.rounds import load_round, rounds_of
from survey.storage.shard_file import read_address, read_receipt
from survey.targets.optouts import OptOut, read_log
from survey.targets.plan import load_plan, plan_hash
from survey.targets.ranges import read_range_file
from survey.targets.shards import locate, recheck_targets

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
        shard: Its shard of the round.
        visit: What was to be done.
        receipt: What its shard did as a whole and from when to when, or None if it is not
            committed: then it may have been tested if it was handed out.
        handouts: When its shard was handed out; each but the committed one may have sent as well.
    """

    round: int
    shard: int
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
        asked_twice: Ports that the shard dialled a second time, to tell what one look misses.
        identity: Who asked.
        purpose: Why, one line.
        authority: Id of the agency on whose authority, or "".
        plan_hash: SHA-256 of the plan, hex.
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
    asked_twice: tuple[int, ...]
    identity: Identity
    purpose: str
    authority: str
    plan_hash: str

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        """From when to when packets may have been sent to it by the committed shard, UTC."""
        if self.receipt is None or self.fate is Fate.KEPT_BACK:
            return None
        return self.receipt.started_at, self.receipt.finished_at


def explain_everywhere(
    settings: Settings, ip: int, campaign: str | None = None, run: str | None = None
) -> tuple[Explanation, ...]:
    """What every run did to the address, oldest first; of one campaign or run if given.

    It names a host, so it leaves an audit line.

    Raises:
        GateClosedError: An opt-out log can't be read, so the answer would not be sure.
        StorageError: A table is damaged.
    """
    layout = Layout(settings.data)
    plans = [
        plan
        for plan in all_runs(settings)
        if campaign in {None, plan.campaign} and run in {None, plan.run}
    ]
    if plans:
        record(layout, "explain", f"ip={format_ip(ip)}")
    return tuple(_explain(layout, plan, ip) for plan in plans)


def explain(settings: Settings, campaign: str, run: str, ip: int) -> Explanation:
    """What the run did to the address.

    Raises:
        ConfigError: There is no such run.
        GateClosedError: The opt-out log can't be read, so the answer would not be sure.
        StorageError: A table is damaged.
    """
    layout = Layout(settings.data)
    path = layout.run(campaign, run).plan
    if not path.exists():
        raise ConfigError("--run", "", f"{campaign} has no run {run}", "see `survey status`")
    return _explain(layout, load_plan(path), ip)


def _explain(data: Layout, plan: Plan, ip: int) -> Explanation:
    layout = data.run(plan.campaign, plan.run)
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
    messages = messages_to(layout, ip, [place[0]] if place else [])
    revisits = tuple(_revisits(layout, ip))
    for round_, shard in sorted({(one.round, one.shard) for one in revisits}):
        paths = layout.round(round_)
        messages += messages_to(paths, ip, [shard])
        if paths.shard(shard).exists():
            observations += read_address(paths.shard(shard), ip)
    return Explanation(
        ip=ip,
        campaign=plan.campaign,
        run=plan.run,
        fate=_fate(place is not None, receipt, handouts, optouts, observations, excluded=excluded),
        ports=plan.ports,
        shard=place[0] if place else None,
        index=place[1] if place else None,
        receipt=receipt,
        handouts=handouts,
        optouts=optouts,
        excluded=excluded,
        listings=listings_of(data, ip, datetime.now(UTC).date(), _proven_name(observations)),
        observations=observations,
        revisits=revisits,
        messages=messages,
        asked_twice=_asked_twice(plan, place, ip) if receipt and receipt.rechecked else (),
        identity=plan.identity,
        purpose=plan.purpose,
        authority=plan.authority,
        plan_hash=plan_hash(plan),
    )


def _asked_twice(plan: Plan, place: tuple[int, int] | None, ip: int) -> tuple[int, ...]:
    if place is None:
        return ()
    sample = recheck_targets(plan, place[0])
    return tuple(sorted(sample.ports[sample.ips == ip].tolist()))


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
                yield Revisited(one.number, shard, visit, receipt, tuple(handouts))


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
