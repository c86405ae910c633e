"""The cap as a counter outside sees it, while everything happens to a scan over several hosts."""

from pathlib import Path

import pytest
from churn import Churn, Sizes, churn, committed_shards
from law6 import whole
from outside import outside

from survey.storage.handouts import read_handouts


@pytest.mark.long
@pytest.mark.timeout(300)
def test_caps_hold_and_no_target_is_lost_while_hosts_come_and_go(tmp_path: Path) -> None:
    """Per second, per /24 and per host; every event once, then the scan is whole (laws 5 and 6)."""
    sizes = Sizes()
    with churn(tmp_path, sizes, hosts=2) as scan:
        scan.start()
        scan.until(lambda: committed_shards(scan.made) >= 2)
        for event in (Churn.freeze_for_long, Churn.cut_off, Churn.kill_coordinator):
            scan.happen(event)
            before = committed_shards(scan.made)
            scan.until(lambda before=before: committed_shards(scan.made) > before or scan.done)
        scan.until(lambda: scan.done, 200)
        seen = outside(scan.net.internet.tap)

    receipts, _ = whole(scan.made)
    assert seen.missed == 0
    assert seen.fullest_second <= sizes.rate.packets_per_second
    assert seen.fullest_24 <= sizes.rate.per_24_per_second
    assert seen.fullest_host <= sizes.rate.per_host_connections
    assert len({receipt.epoch for receipt in receipts}) > 1
    assert len(read_handouts(scan.made.run)) > scan.made.plan.shards
    assert seen.packets >= scan.made.plan.targets
