"""Is it still so?  What is asked once more before a letter about it goes out."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from survey.errors import StorageError
from survey.model.followup import Reason, Wanted
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.model.verdict import Rung, Verdict
from survey.probes.messages import MOST_MESSAGES
from survey.settings import Settings
from survey.storage.followups import queue_followups
from survey.storage.layout import Layout
from survey.storage.messages import all_messages

RECENT = timedelta(hours=24)
"""Age of the last proof at most, when a letter leaves."""

Test = tuple[int, int, Probe]
"""Address, port, probe."""


@dataclass(frozen=True, slots=True)
class Reverification:
    """What has to happen before letters about some findings may leave.

    Attributes:
        recent: Proven within ``RECENT``: nothing has to happen.
        queued: Waits for `survey retest --due`, since now or already.
        spent: Mail relays that can't be asked again in this run: their messages are used up.
        unfit: Of no matter for a letter: not R7 (any more), or not in the findings.
    """

    recent: tuple[Test, ...]
    queued: tuple[Test, ...]
    spent: tuple[Test, ...]
    unfit: tuple[Test, ...]


def reverify(
    settings: Settings, plan: Plan, tests: Collection[Test], now: datetime | None = None
) -> Reverification:
    """Queue a test of each finding whose last proof is too old for a letter.

    A relay is asked with the form of envelope that went through, a proxy in its normal course, each
    at once.  After `survey retest --due` ask again: then it is ``recent``, or ``unfit`` because it
    is closed.

    Args:
        settings: Where things are.
        plan: The run whose findings they are.
        tests: Which findings.
        now: UTC; this moment if not given.

    Raises:
        StorageError: The run was not judged, or its queue can't be written.
    """
    now = now or datetime.now(UTC)
    run = Layout(settings.data).run(plan.campaign, plan.run)
    if not run.findings.is_file():
        raise StorageError(f"{run.findings}: not there; judge the run with `survey findings` first")
    reproduced = _reproduced(run.findings, tests)
    messages = all_messages(run)
    sorted_ = {test: _fate(test, reproduced.get(test), messages, now) for test in tests}
    wanted = [
        Wanted(*test, Reason.REVERIFICATION, _variants(test, reproduced[test]), now)
        for test, fate in sorted_.items()
        if fate == "queued"
    ]
    if wanted:
        queue_followups(run, wanted, now)

    def of(fate: str) -> tuple[Test, ...]:
        return tuple(test for test, its in sorted_.items() if its == fate)

    return Reverification(of("recent"), of("queued"), of("spent"), of("unfit"))


def _fate(
    test: Test, finding: Mapping[str, Any] | None, messages: Counter[int], now: datetime
) -> str:
    if finding is None:
        return "unfit"
    if now - finding["proven_at"] <= RECENT:
        return "recent"
    ip, _, probe = test
    return "spent" if probe.is_relay and messages[ip] >= MOST_MESSAGES else "queued"


def _variants(test: Test, finding: Mapping[str, Any]) -> tuple[str, ...]:
    return (finding["variant"],) if test[2].is_relay else ()


def _reproduced(findings: Path, tests: Collection[Test]) -> dict[Test, dict[str, Any]]:
    """The findings of these tests that are R7."""
    rows = pq.read_table(
        findings,
        columns=["ip", "port", "probe", "variant", "proven_at"],
        filters=(pc.field("ip").isin([ip for ip, _, _ in tests]))
        & (pc.field("verdict") == str(Verdict.OPEN))
        & (pc.field("rung") >= int(Rung.R7)),
    ).to_pylist()
    return {(row["ip"], row["port"], Probe(row["probe"])): row for row in rows}
