"""One history as it grows from week to week; see ``flows.history``."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from survey.flows.history_letters import Letters
from survey.flows.lifecycle import follow_letters
from survey.flows.rounds import plan_round
from survey.lab.history import truth
from survey.lab.history.crowd import make_crowd
from survey.lab.history.looks import Looks, Said, look
from survey.lab.history.rows import Rows, Scribe, day_of, joined, microseconds, rows_of
from survey.lab.history.scale import FIRST_ADDRESS, START, Scale
from survey.lab.history.servers import NEVER, PORTS, PROBES, Flags, Numbers, Stands
from survey.lab.history.shards import Again, Slice, Work, write_slices
from survey.lab.history.territory import Territory
from survey.model.address import Range
from survey.model.assignment import Receipt
from survey.model.episode import LETTER_DAYS
from survey.model.followup import Key, Reason, Round, Wanted
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.settings import Settings
from survey.storage.agencies import read_agencies
from survey.storage.files import private_folder, replacing
from survey.storage.followups import queue_followups, read_queue
from survey.storage.layout import Layout, RunLayout
from survey.storage.rounds import round_hash, write_round
from survey.storage.schemas import ARRIVALS, UTC
from survey.storage.told import NAME
from survey.targets.campaign import read_campaign
from survey.targets.optouts import add, read_log
from survey.targets.plan import freeze, plan_hash, plan_to_json
from survey.targets.ranges import RangeSet
from survey.targets.shards import address_order, recheck_targets

SHARDS = 4
"""Shards of a run."""

HOURS = 8
"""How long a scan takes."""

WATCHED_DAYS = 140
"""Days since the last proof during which a target gets a row whatever it says."""

OPINION = 10 / 24
LETTER = 2.0
"""Days from a run's beginning to its second opinions, and to its letters."""


class Weeks:
    """One history as it grows from week to week."""

    def __init__(
        self,
        settings: Settings,
        campaign: Path,
        scale: Scale,
        territory: Territory,
        stands: Stands,
        *,
        truth_folder: Path,
    ) -> None:
        self._settings, self._scale, self._stands = settings, scale, stands
        self._truth, self._territory = truth_folder, territory
        self._layout = Layout(settings.data)
        self._campaign = read_campaign(campaign)
        self._optouts = self._campaign.optouts.path
        self._crowd = make_crowd(scale)
        self._scribe = Scribe(territory, stands)
        self._rng = np.random.default_rng([4, *scale.seed.encode()])
        self._leaving = self._leave()
        self._last_open = np.full(len(stands), -NEVER)
        self._chosen = np.zeros(len(stands), dtype=bool)
        self._place = {int(ip): place for place, ip in enumerate(stands.ip)}
        self._arrived: dict[str, list[pa.Table]] = defaultdict(list)
        self._letters = Letters(scale, territory, stands, read_agencies(settings.agencies))
        self._looks: list[pa.Table] = []
        self._answers: list[pa.Table] = []
        self._did: list[pa.Table] = []
        self.runs = 0
        self.observations = 0

    def run(self, week: int) -> None:
        """One week: opt-outs, the scan, second opinions, letters and what follows them."""
        began = START + timedelta(days=7 * week)
        self._opt_out(7.0 * week)
        plan = self._plan(week, began)
        paths = self._layout.run(plan.campaign, plan.run)
        torn = week in self._scale.torn
        self._scan(plan, paths, week, torn=torn)
        if not torn:
            proven = self._opinions(plan, paths, week)
            if week >= self._scale.letters_from:
                self._write_letters(plan, paths, week, proven)
        self._flush(f"{began + timedelta(days=7):%Y-%m-%d}")
        answered = pa.concat_tables(self._answers)
        truth.write(private_folder(self._truth / "answers") / f"{plan.run}.parquet", answered)
        self._answers.clear()
        self.runs += 1

    def finish(self) -> None:
        """Write what is left, and what is true."""
        self._flush("9999")
        tables = {
            "exposures": truth.exposures(self._stands, 7.0 * self._scale.weeks),
            "letters": self._letters.true(),
            "looks": pa.concat_tables([truth.LOOKS.empty_table(), *self._looks]),
            "ranges": truth.ranges(self._territory),
            "runs": pa.concat_tables([truth.RUNS.empty_table(), *self._did]),
        }
        for name, table in tables.items():
            truth.write(self._truth / f"{name}.parquet", table)
        told = self._letters.told()
        if told.num_rows:
            truth.write(self._layout.campaign(self._campaign.id) / NAME, told)

    def _leave(self) -> dict[int, float]:
        """Which servers opt out, and when."""
        count = round(self._scale.opting_out * len(self._stands))
        places = self._rng.choice(len(self._stands), count, replace=False)
        days = self._rng.random(count) * 7 * self._scale.weeks
        return dict(zip(places.tolist(), days.tolist(), strict=True))

    def _opt_out(self, day: float) -> None:
        """Those who left since the week before, in one entry."""
        moment = START + timedelta(days=day)
        gone = [place for place, left in self._leaving.items() if left <= day]
        for place in gone:
            del self._leaving[place]
        ips = sorted(int(self._stands.ip[place]) for place in gone)
        if ips:
            ranges = tuple(Range(ip, ip) for ip in ips)
            add(self._optouts, ranges, "their operators", "by mail", moment, moment)

    def _plan(self, week: int, began: datetime) -> Plan:
        """Freeze the plan of a week."""
        campaign = self._campaign
        space = RangeSet.of(campaign.targets.ranges)
        size = self._scale.addresses
        if week in self._scale.narrow:
            part = Range(FIRST_ADDRESS + size // 2, FIRST_ADDRESS + size // 2 + size // 16 - 1)
            space -= RangeSet.of((part,))
        year, number, _ = began.isocalendar()
        plan = freeze(
            campaign,
            space,
            run=f"{year}-W{number:02d}",
            now=began,
            optouts_version=read_log(self._optouts).version,
            stated=campaign.stated(),
            seed=f"{week + 1:032x}",
        )
        plan = replace(plan, shard_addresses=-(-space.size // SHARDS))
        with replacing(self._layout.run(plan.campaign, plan.run).plan) as part_file:
            part_file.write_bytes(plan_to_json(plan))
        return plan

    def _scan(self, plan: Plan, paths: RunLayout, week: int, *, torn: bool) -> None:
        rng, stands = self._rng, self._stands
        days = 7.0 * week + rng.random(len(stands)) * HOURS / 24
        looks = look(rng, stands, np.arange(len(stands)), days, flapping=week)
        watched = self._last_open > days - WATCHED_DAYS
        answered = (looks.said == Said.OPEN) | (looks.said == Said.DENIED)
        looks = looks.where((answered | watched) & self._allowed(plan, stands.ip))
        space, order = RangeSet.of(plan.ranges), address_order(plan)

        def shard_of(ips: Numbers) -> Numbers:
            positions = space.position_of(ips.astype(np.uint32)).astype(np.uint64)
            indices = order.inverse(positions).astype(np.int64)
            return np.asarray(indices // plan.shard_addresses)

        if torn:
            looks = looks.where(shard_of(stands.ip[looks.stand]) != plan.shards - 1)
        crowd = self._crowd.seen(rng, 7.0 * week)
        crowd = crowd.take(self._allowed(plan, crowd.ip))
        rows = joined([rows_of(stands, looks), crowd])
        again = self._second_looks(plan, week, looks, crowd)
        shards = shard_of(rows.ip)
        gone = read_log(self._optouts).ranges & space
        gone_in = shard_of(gone.ip_at(np.arange(gone.size, dtype=np.uint64)).astype(np.int64))
        slices = []
        for shard in range(plan.shards):
            first = shard * plan.shard_addresses
            places = min(plan.shard_addresses, plan.addresses - first)
            left = int(np.count_nonzero(gone_in == shard)) * len(plan.ports)
            planned = places * len(plan.ports)
            mine = rows.take(shards == shard)
            slices.append(Slice(shard, first, places, planned, left, mine, again(shard)))
        if torn:
            rows = rows.take(shards != plan.shards - 1)
        began = START + timedelta(days=7 * week)
        work = Work(
            plan.run, 0, plan_hash(plan), plan.version, began, began + timedelta(hours=HOURS)
        )
        receipts = self._commit(paths, work, slices, "", torn=torn)
        self._did.append(truth.run_row(plan.run, receipts))
        self._keep(plan.run, 0, looks, rows)

    def _second_looks(
        self, plan: Plan, week: int, looks: Looks, crowd: Rows
    ) -> Callable[[int], Again]:
        """What a second look at the plan's sample finds, shard by shard, hours after the first."""
        rng, stands = np.random.default_rng([5, week, *self._scale.seed.encode()]), self._stands
        everybody = np.arange(len(stands))
        later = look(rng, stands, everybody, np.full(len(stands), 7.0 * week + HOURS / 24))
        doors = stands.ip << 16 | stands.port
        accepted = np.concatenate([doors[_accepts(later)], crowd.ip << 16 | crowd.port])
        before = np.concatenate([doors[looks.stand[_accepts(looks)]], crowd.ip << 16 | crowd.port])

        def again(shard: int) -> Again:
            sample = recheck_targets(plan, shard)
            kept = self._allowed(plan, sample.ips.astype(np.int64))
            asked = (sample.ips[kept].astype(np.int64) << 16) | sample.ports[kept]
            opened = asked[np.isin(asked, accepted)]
            return Again(len(asked), len(opened), int(np.count_nonzero(~np.isin(opened, before))))

        return again

    def _opinions(self, plan: Plan, paths: RunLayout, week: int) -> Numbers:
        """Second opinions of what this run proved; places of the stands that they confirm."""
        day = 7.0 * week + OPINION
        fresh = np.flatnonzero(self._last_open >= 7.0 * week)
        fresh = fresh[self._allowed(plan, self._stands.ip[fresh])]
        chosen = np.sort(self._rng.permutation(fresh)[: self._scale.opinions])
        moment = START + timedelta(days=day)
        wanted = [
            Wanted(
                int(self._stands.ip[place]),
                PORTS[service],
                Probe(PROBES[service]),
                Reason.SECOND_OPINION,
                ("V1",) if service == 0 else (),
                moment,
            )
            for place, service in zip(
                chosen.tolist(), self._stands.service[chosen].tolist(), strict=True
            )
        ]
        queue_followups(paths, wanted, moment)
        looks = self._round(plan, paths, day + 0.001, frozenset(one.key for one in wanted))
        confirmed: Numbers = looks.stand[looks.said == Said.OPEN]
        return confirmed

    def _write_letters(self, plan: Plan, paths: RunLayout, week: int, proven: Numbers) -> None:
        """Draw lots for cases, tell those that needn't wait, and test all of them again."""
        stands, day = self._stands, 7.0 * week + LETTER
        free = proven[~np.isfinite(stands.told_at[proven]) & ~self._chosen[proven]]
        drawn = self._letters.write(plan, free, day)
        self._chosen[[self._place[one.ip] for one in drawn]] = True
        moment = START + timedelta(days=day)
        follow_letters(self._settings, plan.campaign, plan.run, drawn, moment)
        for after in LETTER_DAYS:
            if day + after < 7.0 * self._scale.weeks:
                self._round(plan, paths, day + after + 0.1, frozenset())

    def _round(self, plan: Plan, paths: RunLayout, day: float, asked: Collection[Key]) -> Looks:
        """Plan a round of what is due then, as ``survey retest`` does, and write what was seen."""
        now = START + timedelta(days=day)
        due = read_queue(paths).due(now)
        one = plan_round(plan, plan_hash(plan), paths, due, asked, now).round
        if one is None:
            return Looks(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
        folder = write_round(paths, one)
        which = np.array([self._place[visit.ip] for visit in one.visits])
        days = np.full(len(which), day) + np.arange(len(which)) / 86_400
        looks = look(self._rng, self._stands, which, days)
        allowed = self._allowed(plan, self._stands.ip[which])
        attempts = np.array([visit.attempt for visit in one.visits])[allowed]
        rows = rows_of(self._stands, looks.where(allowed), attempts)
        work = Work(
            plan.run, one.number, round_hash(one), plan.version, now, now + timedelta(hours=1)
        )
        slices = list(self._slices_of(one, rows, allowed))
        self._commit(folder, work, slices, str(one.visits[0].reason), torn=False)
        self._keep(plan.run, one.number, looks.where(allowed), rows, one.visits[0].reason)
        return looks.where(allowed)

    def _slices_of(self, one: Round, rows: Rows, allowed: Flags) -> Iterator[Slice]:
        """A round's shards: each holds its own visits."""
        for shard in range(one.shards):
            first, stop = one.bounds[shard : shard + 2]
            mine = np.array([visit.ip for visit in one.visits[first:stop]])
            kept_back = int(np.count_nonzero(~allowed[first:stop]))
            some = rows.take(np.isin(rows.ip, mine))
            yield Slice(shard, first, stop - first, stop - first, kept_back, some)

    def _commit(
        self, paths: RunLayout, work: Work, slices: list[Slice], reason: str, *, torn: bool
    ) -> list[Receipt]:
        def table(rows: Rows, shard: int) -> pa.Table:
            return self._scribe.observations(rows, work.run, work.round, shard, reason)

        return write_slices(paths, work, slices, table, torn=torn)

    def _allowed(self, plan: Plan, ips: Numbers) -> Flags:
        """Whether each address is planned and has not opted out."""
        space = RangeSet.of(plan.ranges) - read_log(self._optouts).ranges
        return space.contains(ips.astype(np.uint32))

    def _keep(self, run: str, round_: int, looks: Looks, rows: Rows, reason: str = "") -> None:
        """Note what was seen for what comes later: arrivals, who is watched, the truth."""
        self.observations += len(rows)
        opened = looks.said == Said.OPEN
        self._last_open[looks.stand[opened]] = looks.days[opened]
        arrivals = self._scribe.arrivals(rows, run, round_)
        days = np.array([day_of(int(at)) for at in arrivals["at"].cast(pa.int64()).to_numpy()])
        for day in np.unique(days).tolist():
            self._arrived[day].append(arrivals.filter(pa.array(days == day)))
        self._looks.append(self._look_rows(run, round_, looks, reason))
        self._answers.append(truth.answers(run, round_, rows))

    def _look_rows(self, run: str, round_: int, looks: Looks, reason: str) -> pa.Table:
        stands, count = self._stands, len(looks.stand)
        states = ["unknown", "open", "closed", "closed"]
        if reason == Reason.SECOND_OPINION:  # it asks for a part only
            states = ["unknown", "open", "unknown", "unknown"]
        opened = looks.said == Said.OPEN
        # a proxy is asked for the mail port two seconds later
        last = looks.days + np.where(opened & (stands.service[looks.stand] > 0), 2 / 86_400, 0)
        kinds = [truth.kind_of(service) for service in range(len(PROBES))]
        return pa.table(
            [
                pa.array([run] * count, pa.string()),
                pa.array(np.full(count, round_, dtype=np.uint16)),
                pa.array(stands.ip[looks.stand].astype(np.uint32)),
                pa.array(stands.port[looks.stand].astype(np.uint16)),
                pa.array(kinds).take(pa.array(stands.service[looks.stand])),
                pa.array(microseconds(last)).cast(UTC),
                pa.array(states).take(pa.array(looks.said)),
            ],
            schema=truth.LOOKS,
        )

    def _flush(self, until: str) -> None:
        """Write the arrivals of days that are over."""
        for day in [day for day in sorted(self._arrived) if day < until]:
            path = private_folder(self._layout.arrivals) / f"{day}.parquet"
            table = pa.concat_tables(self._arrived.pop(day)).sort_by(
                [(name, "ascending") for name in ("at", "token", "nonce")]
            )
            with replacing(path) as part:
                pq.write_table(table.cast(ARRIVALS), part, compression="zstd")


def _accepts(looks: Looks) -> Flags:
    """Who accepted a connection."""
    accepted: Flags = (looks.said == Said.OPEN) | (looks.said == Said.DENIED)
    return accepted
