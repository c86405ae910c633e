"""A scan of a made plan in a process of its own, to be killed: its state lines go to stdout.

python made_coordinator.py ROOT serial|dask|tls://SCHEDULER [GRACE]
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from survey.cluster.dask import DaskExecutor
from survey.cluster.executor import Executor
from survey.cluster.serial import SerialExecutor
from survey.errors import StoppedError
from survey.flows.scan import scan
from survey.flows.standing import ScanStatus
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.targets.plan import load_plan, plan_hash

STOPPED = 3


def show(status: ScanStatus) -> None:
    """One line per report."""
    sys.stdout.write(json.dumps(asdict(status)) + "\n")
    sys.stdout.flush()


def chosen(executor: str, settings: Settings) -> Executor:
    """Who works."""
    match executor:
        case "serial":
            return SerialExecutor()
        case "dask":
            return DaskExecutor(workers=2)
        case scheduler:
            return DaskExecutor(scheduler=scheduler, keys=settings.keys)


def main(root: Path, executor: str, grace: float = 0.5) -> int:
    """Scan to the end, or until stopped."""
    settings = Settings(root / "data", root / "keys", root / "agencies")
    plan = load_plan(Layout(settings.data).run("made", "2026-W48").plan)
    try:
        summary = scan(
            plan, plan_hash(plan), settings, chosen(executor, settings), show, grace=grace
        )
    except StoppedError as error:
        sys.stderr.write(f"{error}\n")
        return STOPPED
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:])))
