"""How many SYNs each host has in the air, under the same limit as its connections.

A column, since nearly all hosts stay silent.  A host that accepted once may be in conversation from
then on; its SYNs are counted where its connections are (``engine.hosts``).
"""

import numpy as np
from numpy.typing import NDArray

from survey.engine.hosts import Hosts
from survey.targets.places import PlaceNumbers
from survey.targets.ranges import Ips


class Air:
    """SYNs in the air to each address of a shard.

    Args:
        ips: The addresses; one is known by its rank.
        hosts: Connections of all addresses.
        limit: SYNs and connections to one address at the same time.
        ports: Targets of each address; where it has one, nothing needs to be counted.
    """

    def __init__(self, ips: Ips, hosts: Hosts, limit: int, ports: int) -> None:
        self._ips, self._hosts, self._limit, self._alone = ips, hosts, limit, ports == 1
        self._count = np.zeros(len(ips), dtype=np.uint8)
        self._open = np.zeros(len(ips), dtype=bool)
        self._last = np.zeros(len(ips), dtype=np.int32)

    def enter(self, ranks: PlaceNumbers) -> NDArray[np.bool_]:
        """Take a connection to each of these addresses; which of them had one free.

        An address that stands there twice gets one of them at most; the other has to ask again.
        """
        if self._alone:
            return np.ones(len(ranks), dtype=bool)
        rows = np.arange(len(ranks), dtype=np.int32)
        self._last[ranks] = rows
        admitted: NDArray[np.bool_] = self._count[ranks] < self._limit
        admitted &= self._last[ranks] == rows
        known = self._open[ranks]
        if known.any():
            for row in np.flatnonzero(known).tolist():
                admitted[row] = self._hosts.enter(int(self._ips[ranks[row]]))
        self._count[ranks[admitted & ~known]] += 1
        return admitted

    def leave(self, ranks: PlaceNumbers) -> None:
        """Give a connection to each of these addresses back."""
        if self._alone:
            return
        known = self._open[ranks]
        if known.any():
            for ip in self._ips[ranks[known]].tolist():
                self._hosts.leave(ip)
            ranks = ranks[~known]
        np.subtract.at(self._count, ranks, 1)

    def accepted(self, ranks: PlaceNumbers) -> None:
        """These addresses have accepted a connection: from now on they may be in conversation."""
        if self._alone:
            return
        in_air = ranks[self._count[ranks] > 0]
        self._open[ranks] = True
        for rank in np.unique(in_air).tolist():
            for _ in range(int(self._count[rank])):
                free = self._hosts.enter(int(self._ips[rank]))
                assert free, "a host in conversation that never accepted"
            self._count[rank] = 0
