"""Whose the addresses of a history are: as many ranges as real registries have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.lab.draws import draws_of
from survey.lab.geography import (
    COUNTRIES,
    Country,
    Geography,
    Holding,
    Network,
    Trade,
    make_geography,
)
from survey.lab.history.scale import FIRST_ADDRESS, Scale
from survey.model.address import Range

ABROAD = 0.06
"""Share of ranges that stand in another country than their network."""

UNHELD = 0.03
"""Share of ranges that no registry knows."""

CHURNING = frozenset({Trade.MOBILE, Trade.BROADBAND})
"""Trades whose addresses are lent out for days."""


@dataclass(frozen=True, slots=True, eq=False)
class Territory:
    """Ranges with their networks, sorted, disjoint, without gaps.

    Attributes:
        networks: All of them.
        starts: First address of each range.
        ends: Last address.
        owners: Which network holds it; -1 for nobody.
        countries: Where it stands, as a place in COUNTRIES; -1 for nobody knows.
    """

    networks: tuple[Network, ...]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    owners: NDArray[np.int64]
    countries: NDArray[np.int64]

    @property
    def pools(self) -> NDArray[np.bool_]:
        """Of each network: whether its addresses are lent out for days."""
        return np.array([one.trade in CHURNING and one.asn % 3 == 0 for one in self.networks])

    def geography(self) -> Geography:
        """The ranges as the lab's registry files want them."""
        holdings = [
            Holding(
                Range(start, end),
                self.networks[owner] if owner >= 0 else None,
                COUNTRIES[country] if country >= 0 else None,
            )
            for start, end, owner, country in zip(
                *(part.tolist() for part in (self.starts, self.ends, self.owners, self.countries)),
                strict=True,
            )
        ]
        return Geography(self.networks, tuple(holdings))

    def range_of(self, ips: NDArray[np.int64]) -> NDArray[np.int64]:
        """The range that holds each address."""
        found: NDArray[np.int64] = np.searchsorted(self.starts, ips, side="right") - 1
        return found


def make_territory(scale: Scale) -> Territory:
    """Deal the addresses of a history out to its networks."""
    rng = np.random.default_rng([1, *scale.seed.encode()])
    whole = Range(FIRST_ADDRESS, FIRST_ADDRESS + scale.addresses - 1)
    networks = make_geography(draws_of(scale.seed), (whole,), scale.networks).networks
    count = min(scale.ranges, scale.addresses // 2)
    cuts = rng.choice(scale.addresses - 1, count - 1, replace=False) + 1
    starts = FIRST_ADDRESS + np.concatenate([[0], np.sort(cuts)]).astype(np.int64)
    ends = np.append(starts[1:] - 1, whole.end)
    weights = 1 / np.arange(1, len(networks) + 1) ** 0.8
    owners = rng.choice(len(networks), count, p=weights / weights.sum())
    owners[rng.random(count) < UNHELD] = -1
    home = np.array([_place(one.country) for one in networks])
    countries = np.where(owners >= 0, home[owners], -1)
    abroad = (rng.random(count) < ABROAD) & (owners >= 0)
    countries[abroad] = rng.integers(0, len(COUNTRIES), int(abroad.sum()))
    return Territory(networks, starts, ends, owners, countries)


def _place(country: Country) -> int:
    return COUNTRIES.index(country)
