"""How a run finds out which ports are open."""

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """Who sends the first packet to a target, if anybody does."""

    CONNECT = "connect"
    """The kernel, asked by ``connect()``; needs no privilege."""
    SYN = "syn"
    """We, as a raw packet; needs CAP_NET_RAW."""
    IMPORT = "import"
    """Nobody: another scanner did before."""


FIRST_PORT, LAST_PORT = 61_000, 65_535
"""What Linux gives to no connection unless it is told to."""


@dataclass(frozen=True, slots=True)
class DiscoveryPlan:
    """The method of a run, and what it needs.

    Attributes:
        method: Which.
        interface: ``syn``: the interface that SYNs leave by, or "" for the default route's.
        gateway: ``syn``: the next hop's address (number), or 0 for the default route's.
        source_ports: ``syn``: first and last source port; each slot has an equal part of them.
        found: ``import``: SHA-256 of the run's ``found.parquet``, hex, or "".
        imported: ``import``: targets of the plan that another scanner found open.
        not_planned: ``import``: what it found that is no target of the plan.
        repeated: ``import``: what it told more than once.
        not_open: ``import``: what it told of other than open TCP ports.
    """

    method: Method = Method.CONNECT
    interface: str = ""
    gateway: int = 0
    source_ports: tuple[int, int] = (FIRST_PORT, LAST_PORT)
    found: str = ""
    imported: int = 0
    not_planned: int = 0
    repeated: int = 0
    not_open: int = 0

    def slot_ports(self, slots: int, slot: int) -> tuple[int, int]:
        """First and last source port of one slot; no two slots share one."""
        first, last = self.source_ports
        count = last - first + 1
        assert 0 <= slot < slots <= count
        return first + slot * count // slots, first + (slot + 1) * count // slots - 1
