"""``python -m tests.benchmarks [--docs] [--small] [NAME ...]``: one JSON line per figure.

A speed is only ever a ratio against a peer measured in the same run on the same machine.  Each
benchmark has a process of its own: what it leaves behind (memory, the core it was tied to) is no
part of the next one.  With ``--docs`` the figures are put into docs/performance.md.
"""

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from tests.benchmarks.load import Load
from tests.benchmarks.page import keep
from tests.benchmarks.result import Result

NAMES = (
    "syn",
    "connect",
    "socks5",
    "relay",
    "permutation",
    "plan",
    "window",
    "workers",
    "window",
    "exposure",
    "history",
    "reports",
    "site",
)


def main(arguments: Sequence[str]) -> int:
    """Run the named benchmarks, or all of them in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md")
    parser.add_argument("--small", action="store_true", help="tiny sizes: whether it runs at all")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(NAMES)):
        sys.stderr.write(f"no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}\n")
        return 2
    assert not (given.docs and given.small), "a tiny size is no measurement"
    return max(_alone(name, docs=given.docs, small=given.small) for name in given.names or NAMES)


def _alone(name: str, *, docs: bool, small: bool) -> int:
    """Run one in a process of its own; its exit code."""
    command = [
        sys.executable,
        "-c",
        f"from {__spec__.name} import measure; measure({name!r}, {small})",
    ]
    results = []
    with Load() as load, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            results.append(Result(**json.loads(line)))
    if docs and process.returncode == 0:
        keep(name, results, load.others)
    return process.returncode


def measure(name: str, small: bool) -> None:  # noqa: FBT001 - called by ``_alone`` only
    """Print what one benchmark yields."""
    for result in importlib.import_module(f"tests.benchmarks.{name}").run(small=small):
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
