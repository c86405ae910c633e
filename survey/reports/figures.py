"""Everything that one agency's report says, as one frozen record; the flow fills it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from survey.model.agency import Agency
from survey.model.exposure import NetworkExposure, ProbeExposure
from survey.model.miss_rate import MissRate
from survey.model.period import Period

CLOSED_WITHIN = (7, 14, 30, 90)
"""Days after which the share of closed exposures is given."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the run did, from its receipts.  Counts are targets (address, port) of the whole run.

    ``planned == sent + excluded + opted_out`` and
    ``sent == accepted + refused + silent + unreachable``.

    Attributes:
        shards: Shards of the plan.
        committed: Shards that are done; fewer than ``shards`` while the run is unfinished.
        planned: Targets of the committed shards.
        sent: Targets that were dialled.
        excluded: Kept back by the gate.
        opted_out: Kept back by an opt-out.
        accepted: Accepted the connection.
        refused: Answered with a reset.
        silent: Did not answer in time.
        unreachable: Reported unreachable.
        excluded_addresses: Addresses taken out already at planning.
        started_at: Start of the first committed shard, UTC; None if there is none.
        finished_at: End of the last committed shard, UTC; None if there is none.
        again: What a second look at a few of the targets says about the first.
    """

    shards: int
    committed: int
    planned: int
    sent: int
    excluded: int
    opted_out: int
    accepted: int
    refused: int
    silent: int
    unreachable: int
    excluded_addresses: int
    started_at: datetime | None
    finished_at: datetime | None
    again: MissRate


@dataclass(frozen=True, slots=True)
class Source:
    """A registry snapshot that the figures rest on.

    Attributes:
        kind: ``country``, ``network``, ``listing`` ...
        snapshot: Its id.
        origin: Who made it and under which terms, one line; "" if nobody wrote it down.
        attribution: The line that its terms ask for, or "".
    """

    kind: str
    snapshot: str
    origin: str
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What one run found open in the jurisdiction.  Counts are servers, as in ``Figures``.

    Attributes:
        run: Run id.
        at: End of the run, UTC.
        open: Servers with an open finding.
        relays: Servers that are open mail relays.
        proxies: Servers that are open proxies.
    """

    run: str
    at: datetime
    open: int
    relays: int
    proxies: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One network in two runs.

    Attributes:
        asn: Autonomous system number, or None.
        name: Its name, a stranger's words, or "".
        before: Open servers in the run that is compared with.
        now: Open servers in this run.
    """

    asn: int | None
    name: str
    before: int
    now: int

    @property
    def change(self) -> int:
        """How many more are open now; below zero it got better."""
        return self.now - self.before


@dataclass(frozen=True, slots=True)
class Flow:
    """What became of exposures since another run.

    An exposure is one server, port and kind (relay or proxy) from its proof to its closure.
    ``before + new + regressed - fixed - lost == now``.

    Attributes:
        since: Run that is compared with.
        before: Open at its end.
        new: Opened since, for the first time or more than 90 days after their last fix.
        regressed: Opened again since, within 90 days of a fix.
        fixed: Closed since, by two refusals on two days, dated at the first.
        lost: Not seen for so long that nobody knows.
        now: Open at the end of this run.
        persistent: Open now and already before.
    """

    since: str
    before: int
    new: int
    regressed: int
    fixed: int
    lost: int
    now: int
    persistent: int


@dataclass(frozen=True, slots=True)
class Closure:
    """How long exposures of one group stayed open (Kaplan-Meier).

    Attributes:
        told: Whether their operators were written to, or drawn by lot to wait; None for all.
        exposures: How many there were.
        closed: How many of them were seen to be closed.
        median: Days until half of them were seen to be closed; None if less than half were.
        median_least: The same by the last proof before; the truth lies between them.
        shares: Share closed after each of ``CLOSED_WITHIN`` days; None where nobody was watched
            for so long.
        month: 95 % interval of the share closed within 30 days; None where nobody was watched for
            so long, and where none or all were closed by then.
        curve: (days, share still open), falling, from (0, 1).
    """

    told: bool | None
    exposures: int
    closed: int
    median: float | None
    median_least: float | None
    shares: tuple[float | None, ...]
    month: tuple[float, float] | None
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """What became of the cases on one side of a comparison.

    Attributes:
        name: ``told``, ``held_out``; a medium, a wording, a language (BCP 47) or ``operator``.
        drawn: Cases that the lot put there.
        delivered: Of these, those whose letter was taken and did not come back.
        bounced: Of these, those whose letter came back.
        cases: Of these, those that can be compared: open at the lot, and not opted out.
        shares: Share closed after each of ``CLOSED_WITHIN`` days; None where nobody was watched
            for so long.
        gains: Difference to what it is compared with, and its 95 % interval, after each of these
            days, or None; empty for that itself.
    """

    name: str
    drawn: int
    delivered: int
    bounced: int
    cases: int
    shares: tuple[float | None, ...]
    gains: tuple[tuple[float, float, float] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """Sides of one question, drawn by lot; what the others are compared with is the last.

    Attributes:
        compared: ``letter``, ``medium``, ``wording`` or ``language``.
        arms: Two or more.
        chance: How often chance alone would part them so much while one side has had its letter
            and the other none (log-rank test), or None.
    """

    compared: str
    arms: tuple[Arm, ...]
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Did the letters help?  By cases, as drawn, from the lot on (docs/experiments.md).

    Attributes:
        waits: Days that those held out waited at most; 0 if nobody did.
        trials: What was compared.
    """

    waits: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """How many servers run one program.

    Attributes:
        software: Which (``model.software``), or "" if nobody could tell.
        open: Open servers.
    """

    software: str
    open: int


@dataclass(frozen=True, slots=True)
class Place:
    """One country's part of a jurisdiction.

    Attributes:
        country: ISO 3166-1 alpha-2, or "" where no registry knows it.
        open: Open servers.
        tested: Addresses of the plan.
    """

    country: str
    open: int
    tested: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One agency's view of one run: its own jurisdiction, nothing else (law 8).

    Servers are distinct addresses.  A server that is both relay and proxy counts once in ``open``.

    Attributes:
        agency: Whose report it is.
        campaign: Campaign id.
        run: Run id.
        period: What the report covers.
        zone: Where the agency's days begin.
        operator: Who runs the survey, one line.
        contact: The operation's staffed mailbox.
        page: The operation's page.
        open: Servers with an open finding.
        relays: Servers that are open mail relays.
        proxies: Servers that are open proxies.
        suspected: Servers with a suspected finding and no open one.
        answering: Servers that accepted a connection on a tested port.
        tested: Addresses of the plan inside the jurisdiction.
        networks: Per network, most open first; the sum over ``tested`` is the jurisdiction's.
        probes: Per probe, in the plan's order.
        rungs: How many (server, port, probe) ended at R0 to R7; eight numbers.
        trend: What the runs of the last twelve months found, oldest first; this one is the last.
        compared: The run before the period, one of ``trend``; None if there was none.
        movements: Networks whose number of open servers is another than then, by change.
        flow: What became of exposures since then; None without a run to compare with.
        closures: Time to closure of all, of those told and of those not told; empty if nothing was
            open long enough to say.
        effect: Whether the letters helped; None without an experiment.
        programs: Programs on open servers, the most frequent first.
        places: Countries of the jurisdiction, the most open first.
        coverage: What the run did.
        sources: The registries that say where addresses are and whose.
        plan_hash: SHA-256 of the plan, hex.
        hosts_file: Name of the list beside the page.
        version: Version of this package.
        generated_at: UTC.
    """

    agency: Agency
    campaign: str
    run: str
    period: Period
    zone: ZoneInfo
    operator: str
    contact: str
    page: str
    open: int
    relays: int
    proxies: int
    suspected: int
    answering: int
    tested: int
    networks: tuple[NetworkExposure, ...]
    probes: tuple[ProbeExposure, ...]
    rungs: tuple[int, ...]
    trend: tuple[Standing, ...]
    compared: Standing | None
    movements: tuple[Movement, ...]
    flow: Flow | None
    closures: tuple[Closure, ...]
    programs: tuple[Program, ...]
    places: tuple[Place, ...]
    coverage: Coverage
    sources: tuple[Source, ...]
    plan_hash: str
    hosts_file: str
    version: str
    generated_at: datetime
    effect: Effect | None = None

    @property
    def affected(self) -> tuple[NetworkExposure, ...]:
        """Networks with an open or suspected server, in their order."""
        return tuple(line for line in self.networks if line.open or line.suspected)

    @property
    def change(self) -> int | None:
        """How many more servers are open than in the run it is compared with."""
        return None if self.compared is None else self.open - self.compared.open

    @property
    def better(self) -> tuple[Movement, ...]:
        """Networks with fewer open servers than then, most improved first."""
        return tuple(line for line in self.movements if line.change < 0)

    @property
    def worse(self) -> tuple[Movement, ...]:
        """Networks with more open servers than then, most worsened first."""
        return tuple(line for line in reversed(self.movements) if line.change > 0)

    @property
    def holding(self) -> int:
        """How many networks hold the open servers."""
        return sum(1 for line in self.networks if line.open)

    @property
    def half(self) -> int:
        """How few networks hold at least half of the open servers; 0 if there are none."""
        total = held = 0
        for line in self.networks:
            if 2 * held >= self.open:
                break
            held += line.open
            total += 1
        return total


def pooled(lines: Sequence[NetworkExposure], name: str) -> NetworkExposure:
    """Several networks as one line."""
    return NetworkExposure(
        asn=None,
        name=name,
        open=sum(line.open for line in lines),
        relays=sum(line.relays for line in lines),
        proxies=sum(line.proxies for line in lines),
        suspected=sum(line.suspected for line in lines),
        answering=sum(line.answering for line in lines),
        tested=sum(line.tested for line in lines),
    )
