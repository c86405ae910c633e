"""Law 6, checked from what lies on disk: every plan index once, and no observation twice."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
from made_scan import MadeScan

from survey.model.assignment import Receipt
from survey.storage.manifest import read_manifest
from survey.storage.shard_file import KEY, read_receipt
from survey.targets.shards import shard_addresses


def whole(made: MadeScan) -> tuple[tuple[Receipt, ...], pa.Table]:
    """The receipts and observations of a run that is said to be whole; fails if it is not."""
    manifest = read_manifest(made.run)
    receipts = manifest.receipts()
    indices = Counter(
        index
        for receipt in receipts
        for index in range(receipt.first_index, receipt.first_index + receipt.addresses)
    )
    assert indices == Counter(range(made.plan.addresses))
    for receipt in receipts:
        assert receipt.planned == receipt.sent + receipt.excluded + receipt.opted_out
        answered = receipt.open + receipt.refused + receipt.silent + receipt.unreachable
        assert receipt.sent == answered
    assert sum(receipt.planned for receipt in receipts) == made.plan.targets
    assert receipts == tuple(read_receipt(path) for path in manifest.files())

    table = pa.concat_tables(pq.read_table(path) for path in manifest.files())
    keys = Counter(tuple(row[name] for name in KEY) for row in table.to_pylist())
    assert set(keys.values()) <= {1}
    assert table.num_rows == sum(receipt.observations for receipt in receipts)
    for receipt in receipts:
        own = set(shard_addresses(made.plan, receipt.shard).tolist())
        rows = table.filter(pa.compute.equal(table["shard"], receipt.shard))
        assert set(rows["ip"].to_pylist()) <= own
    return receipts, table
