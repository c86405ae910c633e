"""Follow-ups made for tests; as a program, one that queues them until it is killed.

python made_followups.py ROOT
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from survey.model.followup import Reason, Round, Visit, Wanted
from survey.model.probe import Probe
from survey.storage.followups import queue_followups
from survey.storage.layout import RunLayout

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IP = 0xC0000207


def wanted(**known: object) -> Wanted:
    """A second opinion on a SOCKS5 proxy, due at noon."""
    blank = Wanted(IP, 1080, Probe.SOCKS5, Reason.SECOND_OPINION, (), NOON)
    return replace(blank, **known)


def visit(**known: object) -> Visit:
    """The first visit of a round."""
    blank = Visit(
        number=1,
        ip=IP,
        port=1080,
        probe=Probe.SOCKS5,
        reason=Reason.SECOND_OPINION,
        variants=(),
        attempt=1,
        token_attempt=None,
        source=None,
        independent=True,
        messages=0,
    )
    return replace(blank, **known)


def made_round(*visits: Visit, **known: object) -> Round:
    """The first round of a run, in one shard."""
    blank = Round("made", "2026-W48", 1, "ab" * 32, NOON, visits, (0, len(visits)))
    return replace(blank, **known)


def main(root: Path) -> None:
    """Queue one after the other, and tell each number once it is durable."""
    run = RunLayout(root)
    for ip in range(IP, IP + 100_000):
        (added,) = queue_followups(run, [wanted(ip=ip)], NOON + timedelta(seconds=1))
        sys.stdout.write(f"{added.number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
