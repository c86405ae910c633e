"""``python -m tests.benchmarks [NAME]``: run the benchmarks, one JSON line each.

A speed is only ever a ratio against a peer measured in the same run on the same machine.
"""

import importlib
import json
import sys
from dataclasses import asdict

NAMES = ("permutation", "connect", "syn", "socks5", "exposure")


def main() -> int:
    """Run the named benchmark, or all of them in turn."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}\n")
        return 2
    for name in wanted:
        for result in importlib.import_module(f"tests.benchmarks.{name}").run():
            sys.stdout.write(json.dumps(asdict(result)) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
