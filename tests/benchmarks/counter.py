"""``python -m tests.benchmarks.counter INTERFACE``: when its packets came, until the input ends.

Prints the moments, in seconds, of the first packet and of the one with which nearly all were there;
a few stragglers would say nothing about a speed.
"""

import select
import sys
import time
from pathlib import Path

EVERY = 0.002
NEARLY = 0.999


def received(interface: str) -> int:
    """Packets that the interface has got so far."""
    for line in Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines():
        name, colon, counts = line.partition(":")
        if colon and name.strip() == interface:
            return int(counts.split()[1])
    raise ValueError(interface)


def main(interface: str) -> None:
    """Look again and again."""
    before = received(interface)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    looks: list[tuple[float, int]] = []
    going_on = True
    while going_on:  # and one look after the end
        going_on = not select.select([sys.stdin], [], [], EVERY)[0]
        count = received(interface) - before
        if count and (not looks or looks[-1][1] != count):
            looks.append((time.monotonic(), count))
    total = looks[-1][1]
    last = next(at for at, count in looks if count >= NEARLY * total)
    sys.stdout.write(f"{looks[0][0]} {last}\n")


if __name__ == "__main__":
    main(sys.argv[1])
