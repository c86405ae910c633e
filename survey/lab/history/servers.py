"""The open servers of a history: where each stands, from when until when it is open, and why.

A stand is one server at one address.  One that moves has a stand for each address; one that opens
again after a fix has one stand that is open twice.  Days are counted from the first run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.lab.history.scale import FIRST_ADDRESS, Scale
from survey.lab.history.territory import Territory

Days = NDArray[np.float64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEVER = np.inf

PROBES = ("smtp_relay", "socks5", "http_connect", "http_connect", "socks4")
"""What may stand open, with its port in PORTS."""

PORTS = (25, 1080, 3128, 8080, 4145)
_SHARES = (0.4, 0.25, 0.15, 0.1, 0.1)

FIXED, GONE, MOVED = 1, 2, 3
"""Why a server is no longer open where it was."""

REGRESSING = 0.12
"""Share of fixes that do not last."""

POOLED = 0.8
"""Share of a pool network's servers that are at lent addresses."""

EARLY = 0.5
"""Share of servers that were open before the first run."""

MOVING = 0.05
"""Share of the others that move once."""

SILENCED = 0.06
"""Share of stands that do not answer for some weeks."""

EVEN = 0.5
"""Share of stands where either of two things is as likely."""

TAKEN = -2
"""In place of an owner: the address has its server."""

LENT_DAYS = 4.0
"""Mean of the days for which a pool lends an address."""


@dataclass(slots=True, eq=False)
class Stands:
    """All stands, as columns.

    Attributes:
        server: Which server it is.
        ip: Its address; no two stands share one.
        service: What stands open, as a place in PROBES.
        opens: Day from which it is open.
        closes: Day from which it is not; NEVER if it stays open.
        why: How it ends: FIXED, GONE or MOVED; 0 if it does not.
        reopens: Day from which it is open again; NEVER if the fix lasts.
        closed_before: Whether somebody answers there, closed, before it opens.
        refuses: Once it is fixed: its port is shut, else it answers and says no.
        taken: Once it is gone: somebody else has its address, and that port is shut.
        silent_from: Day from which it does not answer for a while.
        silent_until: Day from which it does again.
        told_at: Day of the letter; NEVER if there was none.
        reacts_at: Day on which the letter makes it close; NEVER if it does not.
        chained: Whether its server has another stand.
    """

    server: Numbers
    ip: Numbers
    service: Numbers
    opens: Days
    closes: Days
    why: Numbers
    reopens: Days
    closed_before: Flags
    refuses: Flags
    taken: Flags
    silent_from: Days
    silent_until: Days
    told_at: Days
    reacts_at: Days
    chained: Flags

    def __len__(self) -> int:
        return len(self.ip)

    @property
    def port(self) -> Numbers:
        """Port of each."""
        return np.array(PORTS)[self.service]

    def open_at(self, days: Days) -> Flags:
        """Whether each is open at its moment."""
        first: Flags = (self.opens <= days) & (days < self.closes)
        return first | (self.reopens <= days)

    def tell(self, which: Numbers, day: float, reacts_at: Days) -> None:
        """Write to the operators of some stands, who will close them then, or never."""
        self.told_at[which] = day
        earlier = reacts_at < self.closes[which]
        hit = which[earlier & ~self.chained[which]]
        self.reacts_at[hit] = reacts_at[earlier & ~self.chained[which]]
        lasted = self.reopens[hit] - self.closes[hit]
        self.closes[hit] = self.reacts_at[hit]
        self.why[hit] = FIXED
        again = np.isfinite(self.reopens[hit])
        self.reopens[hit] = np.where(again, self.closes[hit] + lasted, NEVER)


def make_stands(scale: Scale, territory: Territory) -> Stands:
    """Draw every server's life as it would be without any letter."""
    rng = np.random.default_rng([2, *scale.seed.encode()])
    end = 7.0 * scale.weeks
    count = scale.servers
    ranges = _ranges(rng, territory, count)
    pooled = territory.pools[territory.owners[ranges]] & (rng.random(count) < POOLED)
    service = rng.choice(len(PROBES), count, p=_SHARES)
    began = np.where(
        rng.random(count) < EARLY, -rng.random(count) * 60 - 1, rng.random(count) * end
    )
    life = rng.exponential(scale.natural_days, count)
    moving = ~pooled & (rng.random(count) < MOVING)
    # a pool's servers live on at another address every few days; others move once, if at all
    links = np.where(pooled, 4, np.where(moving, 2, 1))
    server = np.repeat(np.arange(count), links)
    link = np.arange(len(server)) - np.repeat(np.cumsum(links) - links, links)
    stay = np.where(
        pooled[server],
        1 + rng.exponential(LENT_DAYS, len(server)),
        20 + 60 * rng.random(len(server)),
    )
    last = link == links[server] - 1
    stay = np.where(last & ~pooled[server], life[server], stay)
    first = np.flatnonzero(link == 0)
    done = np.cumsum(stay)
    before = done - stay - np.repeat((done - stay)[first], links)
    # it is not there for some hours while it moves
    opens = began[server] + before + link * 0.3
    closes = opens + stay
    gone = last & (rng.random(len(server)) < np.where(pooled[server], 1.0, 0.2))
    why = np.where(last, np.where(gone, GONE, FIXED), MOVED)
    again = (why == FIXED) & (rng.random(len(server)) < REGRESSING)
    reopens = np.where(again, closes + 15 + rng.exponential(30, len(server)), NEVER)
    silenced = rng.random(len(server)) < SILENCED
    silent_from = np.where(silenced, rng.random(len(server)) * end, NEVER)
    return Stands(
        server=server,
        ip=_addresses(rng, territory, ranges[server], scale),
        service=service[server],
        opens=opens,
        closes=closes,
        why=why,
        reopens=reopens,
        closed_before=(link == 0) & (rng.random(len(server)) < EVEN),
        refuses=rng.random(len(server)) < EVEN,
        taken=rng.random(len(server)) < EVEN,
        silent_from=silent_from,
        silent_until=silent_from + 10 + rng.exponential(40, len(server)),
        told_at=np.full(len(server), NEVER),
        reacts_at=np.full(len(server), NEVER),
        chained=links[server] > 1,
    )


def _ranges(rng: np.random.Generator, territory: Territory, count: int) -> Numbers:
    """A range for each server, larger and more neglected networks first of all."""
    neglect = np.array([one.neglect for one in territory.networks])
    sizes = (territory.ends - territory.starts + 1).astype(np.float64)
    weights = np.where(territory.owners >= 0, neglect[territory.owners] * sizes, 0.0)
    chosen: Numbers = rng.choice(len(weights), count, p=weights / weights.sum())
    return chosen


def _addresses(
    rng: np.random.Generator, territory: Territory, ranges: Numbers, scale: Scale
) -> Numbers:
    """An address of its own for each stand, in its server's network if there is room."""
    sizes = territory.ends - territory.starts + 1
    wished = territory.starts[ranges] + (rng.random(len(ranges)) * sizes[ranges]).astype(np.int64)
    # the odd ones are the crowd's
    wished -= wished & 1
    wished = np.maximum(wished, FIRST_ADDRESS)
    _, kept = np.unique(wished, return_index=True)
    alike = np.ones(len(wished), dtype=bool)
    alike[kept] = False
    free = np.setdiff1d(
        FIRST_ADDRESS + 2 * np.arange(scale.addresses // 2, dtype=np.int64), wished[kept]
    )
    owner = territory.owners[territory.range_of(free)]
    mine = territory.owners[ranges]
    for network in np.unique(mine[alike]):
        places = np.flatnonzero(alike & (mine == network))
        room = np.flatnonzero(owner == network)
        chosen = rng.permutation(room)[: len(places)]
        wished[places[: len(chosen)]] = free[chosen]
        alike[places[: len(chosen)]] = False
        owner[chosen] = TAKEN
    left = np.flatnonzero(alike)
    wished[left] = free[rng.permutation(np.flatnonzero(owner != TAKEN))[: len(left)]]
    return wished
