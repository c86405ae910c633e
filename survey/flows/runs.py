"""Which runs there are, for the commands that look at one."""

from survey.errors import ConfigError
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.targets.plan import load_plan


def all_runs(settings: Settings) -> tuple[Plan, ...]:
    """Every planned run of every campaign, oldest first."""
    paths = Layout(settings.data).campaigns.glob("*/*/plan.json")
    plans = (load_plan(path) for path in paths)
    return tuple(sorted(plans, key=lambda plan: (plan.created_at, plan.campaign, plan.run)))


def newest_run(settings: Settings, campaign: str, run: str | None = None) -> Plan:
    """The newest run of a campaign, or the named one.

    Raises:
        ConfigError: There is none.
    """
    runs = [plan for plan in all_runs(settings) if plan.campaign == campaign]
    fitting = [plan for plan in runs if run in {None, plan.run}]
    if not fitting:
        known = ", ".join(plan.run for plan in runs) or "none, begin with `survey plan`"
        raise ConfigError(
            settings.data,
            "",
            f"campaign {campaign!r} has no run{f' {run!r}' if run else ''}",
            f"its runs: {known}",
        )
    return fitting[-1]
