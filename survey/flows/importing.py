"""What another scanner found, matched with a fresh plan and frozen beside it."""

from dataclasses import replace

from survey.model.plan import Plan
from survey.storage.found import write_found
from survey.storage.layout import RunLayout
from survey.targets.campaign import Campaign
from survey.targets.imported import match, read_found


def import_found(campaign: Campaign, plan: Plan, run: RunLayout) -> Plan:
    """Read the campaign's files, write the run's table of them, and let the plan know it.

    Raises:
        ConfigError: A line of a file can't be read; file and line are named.
    """
    found = read_found(campaign.discovery.files, plan.ports[0] if len(plan.ports) == 1 else None)
    matched = match(plan, found)
    discovery = replace(
        plan.discovery,
        found=write_found(run.found, matched.indices, matched.ports),
        imported=len(matched.indices),
        not_planned=matched.not_planned,
        repeated=matched.repeated,
        not_open=found.not_open,
    )
    return replace(plan, discovery=discovery)
