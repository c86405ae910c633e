"""Scans a made plan in a forked process that dies before or after a chosen step on the disk.

Each line on stdin is one scan, or with ``purge`` as argument one erasure: JSON of ``root``,
``step`` (or null: don't die) and ``after``.  Each line on stdout is its end: the exit status, and
the steps that it took.  It forks so that a scan starts at once; it has one thread, so that forking
is safe.
"""

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from everything import GONE

from survey.cluster.serial import SerialExecutor
from survey.errors import StoppedError, SurveyError
from survey.flows.purge import carry_out, plan_purge
from survey.flows.scan import scan
from survey.model.address import Range, parse_ip
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.targets.plan import load_plan, plan_hash
from survey.targets.ranges import RangeSet

STEPS = ("fsync", "link", "pwrite", "replace", "unlink", "write")
PASSED_OVER = re.compile(r"status\.json|proof\.|pipe:|socket:|anon_inode|/dev/|steps-")
RANDOM = re.compile(r"\.[0-9a-f]{12}\.part$")


def watch(note: Callable[[str], None], step: int | None, *, after: bool) -> None:
    """Note each step on the disk; die at one of them."""
    count = 0

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            what = arguments[-1] if name in {"link", "replace"} else arguments[0]
            path = str(Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else what)
            if PASSED_OVER.search(path):
                return real(*arguments, **options)
            mine, count = count, count + 1
            note(f"{name} {RANDOM.sub('.part', Path(path).name)}")
            if mine == step and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*arguments, **options)
            finally:  # a part that was renamed is gone when it is unlinked
                if mine == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name in STEPS:
        setattr(os, name, watched(name, getattr(os, name)))


def work(root: Path) -> int:
    """Scan to the end; 3 if it was stopped, 1 for any other reason."""
    settings = Settings(root / "data", root / "keys", root / "agencies")
    (path,) = Layout(settings.data).campaign("made").glob("*/plan.json")
    plan = load_plan(path)
    try:
        scan(plan, plan_hash(plan), settings, SerialExecutor(), lambda _: None, grace=0.1)
    except StoppedError:
        return 3
    except SurveyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def purge(root: Path) -> int:
    """Erase the address that everything.py puts everywhere."""
    settings = Settings(root / "data", root / "keys", root / "agencies")
    ip = parse_ip(GONE)
    forget = RangeSet.of([Range(ip, ip)])
    carry_out(settings, partial(plan_purge, settings, forget=forget), lambda _: None)
    return 0


def main() -> None:
    """Until stdin ends."""
    do = purge if sys.argv[1:] == ["purge"] else work
    for line in sys.stdin:
        wish = json.loads(line)
        with tempfile.NamedTemporaryFile(prefix="steps-", mode="r") as notes:
            child = os.fork()
            if not child:
                with Path(notes.name).open("w") as file:

                    def note(text: str, file: Any = file) -> None:
                        file.write(text + "\n")
                        file.flush()

                    watch(note, wish["step"], after=wish["after"])
                    os._exit(do(Path(wish["root"])))
            _, status = os.waitpid(child, 0)
            steps = notes.read().splitlines()
        sys.stdout.write(json.dumps({"status": status, "steps": steps}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
