"""What follows letters: the tests of days 1, 3, 7, 14 and 30, and who was told, for the analysis.

All of it is made from the ledger, so what a crash left undone the next call does.
"""

from datetime import datetime

from survey.flows.cases import CaseDesk
from survey.flows.lifecycle import follow_letters
from survey.flows.told import watched_from, write_told
from survey.model.episode import Told


def follow(desk: CaseDesk, now: datetime) -> int:
    """Queue the tests that are not queued yet, and write who was told; how many were queued."""
    campaign = desk.plan.campaign
    starts = watched_from(desk.cases, desk.outbox, campaign, now)
    kinds = {one.number: one.key.kind for one in desk.cases.all(campaign)}
    by_run: dict[str, list[Told]] = {}
    for finding in desk.cases.findings(campaign):
        if finding.case in starts and finding.left_at is None:
            told = Told(finding.ip, finding.port, kinds[finding.case], starts[finding.case])
            by_run.setdefault(finding.run, []).append(told)
    there = {plan.run for plan in desk.plans}
    queued = sum(
        follow_letters(desk.settings, campaign, run, told, now)
        for run, told in by_run.items()
        if run in there
    )
    write_told(desk.layout, desk.cases, desk.outbox, campaign)
    return queued
