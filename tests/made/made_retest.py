"""What is due of a made run, in a process of its own, to be killed: its state lines go to stdout.

python made_retest.py ROOT
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from made_coordinator import show

from survey.cluster.serial import SerialExecutor
from survey.flows.retest import retest_due
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.targets.plan import load_plan


def main(root: Path) -> None:
    """Make it to the end."""
    settings = Settings(root / "data", root / "keys", root / "agencies")
    plan = load_plan(Layout(settings.data).run("made", "2026-W48").plan)
    summary = retest_due(settings, plan, SerialExecutor(), show)
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
