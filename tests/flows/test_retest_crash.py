"""Kill a retest at any moment, run it again: every follow-up is made, and made once."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from made_scan import FIRST, PORT, MadeScan, make_scan, open_socks5, world

from survey.cluster.serial import SerialExecutor
from survey.flows.judge import judge
from survey.flows.scan import scan
from survey.model.plan import Rate, Waits
from survey.storage.followups import read_queue
from survey.storage.manifest import read_manifest
from survey.storage.rounds import load_round, round_hash, rounds_of
from survey.storage.shard_file import KEY
from survey.targets.plan import plan_to_json

SCRIPT = Path(__file__).parents[1] / "made" / "made_retest.py"
DOORS = {FIRST + place: open_socks5 for place in range(12)}


def retest(root: Path, seconds: float | None) -> dict[str, object] | None:
    """Run it, to its end or until it is killed; its summary if it came to one."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root)], stdout=subprocess.PIPE, text=True
    )
    try:
        out, _ = process.communicate(timeout=60 if seconds is None else seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        return None
    assert process.returncode == 0
    summary: dict[str, object] = json.loads(out.splitlines()[-1])
    return summary


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_retest_killed_again_and_again_makes_every_visit_once(tmp_path: Path) -> None:
    """In the judgement, the planning, the middle of a round, or its end (law 6)."""
    draw = Random(6)
    with world(tmp_path, DOORS) as there:
        made = make_scan(
            tmp_path,
            addresses=16,
            shard_addresses=16,
            canary=there.canary,
            rate=Rate(150, 150.0, 2),
            lease_seconds=1.0,
        )
        plan = replace(made.plan, waits=Waits(0.001, 0.001, 0.001))
        made.run.plan.write_bytes(plan_to_json(plan))
        made = MadeScan(made.settings, plan)
        scan(plan, made.hash, made.settings, SerialExecutor(), lambda _: None)
        judge(made.settings, plan.campaign, plan.run)
        assert len(read_queue(made.run).waiting) == len(DOORS)
        kills = 0
        while retest(tmp_path, draw.uniform(0.6, 6.0)) is None and kills < 12:
            kills += 1
        while retest(tmp_path, None) is None:
            time.sleep(0.1)
    assert kills > 0
    check(made)


def check(made: MadeScan) -> None:
    """Each follow-up is in one round, each round whole, no observation key twice."""
    queue = read_queue(made.run)
    assert queue.waiting == ()
    numbers: Counter[int] = Counter()
    rows = pq.read_table(read_manifest(made.run).files()[0]).to_pylist()
    for paths in rounds_of(made.run):
        one = load_round(paths.plan)
        numbers.update(visit.number for visit in one.visits)
        receipts = read_manifest(paths).receipts()
        assert paths.done.exists()
        assert [receipt.first_index for receipt in receipts] == list(one.bounds[:-1])
        assert {receipt.plan_hash for receipt in receipts} == {round_hash(one)}
        assert sum(receipt.addresses for receipt in receipts) == len(one.visits)
        assert sum(receipt.planned for receipt in receipts) == one.targets
        for receipt in receipts:
            assert receipt.planned == receipt.sent + receipt.excluded + receipt.opted_out
        for path in read_manifest(paths).files():
            rows += pq.read_table(path).to_pylist()
    assert numbers == Counter(one.number for one in queue.entries if one.number in queue.planned)
    keys = Counter(tuple(row[name] for name in KEY) for row in rows)
    assert set(keys.values()) == {1}
    tested = {(row["ip"], row["port"]) for row in rows if row["attempt"] > 0}
    assert tested == {(ip, PORT) for ip in DOORS}
