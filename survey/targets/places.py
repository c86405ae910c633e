"""The targets of one shard as numbers: a target's place is host's rank x ports + port's rank.

Places are what a back end keeps its books by.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from survey.model.plan import Plan
from survey.targets.ranges import Ips
from survey.targets.shards import recheck_order, shard_addresses, shard_bounds, shard_order

PlaceNumbers = NDArray[np.int64]
Ports = NDArray[np.uint16]


class Places:
    """Where each target of a shard stands in its books.

    Attributes:
        ips: The shard's addresses, by rank.
        ports: The plan's ports, by rank.
    """

    def __init__(self, plan: Plan, shard: int) -> None:
        self._plan, self._shard = plan, shard
        self._first, _ = shard_bounds(plan, shard)
        self.ips: Ips = shard_addresses(plan, shard)
        self.ports: Ports = np.array(plan.ports, dtype=np.uint16)
        self._rank = np.full(1 << 16, -1, dtype=np.int16)
        self._rank[self.ports] = np.arange(len(self.ports))

    def __len__(self) -> int:
        return len(self.ips) * len(self.ports)

    def order(self, batch: int) -> Iterator[PlaceNumbers]:
        """All places in the shard's own keyed order, ``batch`` or fewer a time."""
        for places in shard_order(self._plan, self._shard, batch):
            yield places.astype(np.int64)

    def rechecked(self) -> PlaceNumbers:
        """Places of the targets that are dialled a second time."""
        return recheck_order(self._plan, self._shard).astype(np.int64)

    def hosts(self, places: PlaceNumbers) -> PlaceNumbers:
        """The rank of each one's address."""
        return places // len(self.ports)

    def targets(self, places: PlaceNumbers) -> tuple[Ips, Ports]:
        """Address and port of each."""
        hosts = self.hosts(places)
        return self.ips[hosts], self.ports[places - hosts * len(self.ports)]

    def at(self, indices: NDArray[np.uint32], ports: Ports) -> PlaceNumbers:
        """The place of each target by the plan index of its address; all are of this shard."""
        hosts = indices.astype(np.int64) - self._first
        return hosts * len(self.ports) + self._rank[ports]

    def are(self, places: PlaceNumbers, ips: Ips, ports: Ports) -> NDArray[np.bool_]:
        """Whether each number is the place of that target; any number may be asked about."""
        inside = (places >= 0) & (places < len(self))
        known_ips, known_ports = self.targets(np.where(inside, places, 0))
        result: NDArray[np.bool_] = inside & (known_ips == ips) & (known_ports == ports)
        return result
