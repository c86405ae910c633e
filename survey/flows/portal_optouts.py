"""Who in a jurisdiction is not tested any more, for its agency: counts, and whole networks."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from datetime import UTC

from survey.flows.portal_own import Own
from survey.model.address import Range
from survey.portal.desk import Month, OptOutSheet
from survey.targets.optouts import OptOuts
from survey.targets.ranges import RangeSet

_BLOCK = 24
_PREFIXES = 1000


def optout_sheet(own: Own, log: OptOuts) -> OptOutSheet:
    """Counts; a part as large as a whole /24 is named, since it is no single host."""
    out = own.territory & log.ranges
    prefixes = [one for part in out.ranges for one in _blocks(part)]
    wishes: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for entry in log.entries:
        size = (RangeSet.of(entry.ranges) & own.territory).size
        if size:
            month = f"{entry.added_at.astimezone(UTC):%Y-%m}"
            wishes[month] += 1
            addresses[month] += size
    return OptOutSheet(
        addresses=out.size,
        of_newest_run=own.of_run,
        prefixes=tuple(str(one) for one in prefixes[:_PREFIXES]),
        elsewhere=out.size - sum(one.num_addresses for one in prefixes[:_PREFIXES]),
        months=tuple(Month(one, wishes[one], addresses[one]) for one in sorted(wishes)),
    )


def _blocks(part: Range) -> Iterator[ipaddress.IPv4Network]:
    first, last = ipaddress.IPv4Address(part.start), ipaddress.IPv4Address(part.end)
    for network in ipaddress.summarize_address_range(first, last):
        if network.prefixlen <= _BLOCK:
            yield network
