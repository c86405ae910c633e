"""What belongs to letters in the other tables: tests before and after them, and who was told.

All of it is made from the ledger, so what a crash left undone the next call does.
"""

from collections.abc import Collection
from datetime import datetime

from survey.flows.cases import CaseDesk
from survey.flows.lifecycle import follow_letters
from survey.flows.reverification import reverify
from survey.flows.told import watched_from, write_told
from survey.model.case import CaseFinding
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


def prove_again(desk: CaseDesk, findings: Collection[CaseFinding], now: datetime) -> int:
    """Queue a test of each finding whose last proof is too old for a letter; how many wait now.

    Each is tested in the run that has it, whose gate and limits count.
    """
    queued = 0
    for plan in desk.plans:
        tests = {one.test for one in findings if one.run == plan.run}
        if tests and desk.layout.run(plan.campaign, plan.run).findings.is_file():
            queued += len(reverify(desk.settings, plan, tests, now).queued)
    return queued
