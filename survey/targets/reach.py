"""Where each kind of campaign may send at all, whatever its file says (laws 1 and 7)."""

from pathlib import Path

from survey.model.address import MAX_IP, Range
from survey.model.plan import Kind
from survey.targets.ranges import RangeSet, parse_cidr
from survey.targets.special import special_purpose

LOOPBACK = parse_cidr("127.0.0.0/8")
TEST_NET = parse_cidr("198.18.0.0/15")
"""Benchmarking space (RFC 2544): for a lab of many hosts inside a network namespace."""

ROUTES = Path("/proc/net/route")


def reach(kind: Kind, routes: Path = ROUTES) -> RangeSet:
    """All addresses that a campaign of this kind may send to.

    A survey never reaches special-purpose space.  A lab reaches loopback, and test space only
    where no packet to it could leave: ``routes`` is the kernel's table of this namespace.
    """
    if kind is Kind.SURVEY:
        return ~special_purpose()
    return RangeSet.of([LOOPBACK, TEST_NET] if _is_sealed(routes) else [LOOPBACK])


def _is_sealed(routes: Path) -> bool:
    """Whether no default route and no gateway leads out of the test space; no table, no answer.

    Columns: Iface Destination Gateway Flags RefCnt Use Metric Mask ..., addresses as hex of their
    little-endian number.  It is the main table, and knows no IPv6 next hops (decision 0154).
    """
    try:
        lines = routes.read_text(encoding="ascii").splitlines()[1:]
        table = [line.split() for line in lines]
        for _, destination, gateway, _, _, _, _, mask, *_ in table:
            start, width = _number(destination), _number(mask) ^ 0xFFFFFFFF
            route = Range(start, start | width)
            meets = route.start <= TEST_NET.end and TEST_NET.start <= route.end
            if len(route) > MAX_IP or (meets and _number(gateway)):
                return False
    except (OSError, ValueError):
        return False
    return True


def _number(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")
