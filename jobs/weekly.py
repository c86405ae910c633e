"""One campaign's week: reports that are due, scan or resume, compact, judge, trace, reports again.

For a scheduler: ``python jobs/weekly.py CAMPAIGN.toml``, with SURVEY_DATA, SURVEY_KEYS and
SURVEY_AGENCIES set, SURVEY_OUTGOING if reports are delivered, and SURVEY_SCHEDULER if a cluster
scans instead of this machine; once a day does no harm.  While another scan has the data directory
only reports can be made, and that is no error.  Each step knows what is done already: run it again
after a crash, and it goes on where it was.  An agency gets its report once its own week or month is
over, by its own calendar.
"""

import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from survey.cluster.dask import DaskExecutor
from survey.errors import BusyError, ConfigError, StoppedError, SurveyError
from survey.flows.lifecycle import trace
from survey.flows.plan import plan_run
from survey.flows.scan import scan
from survey.flows.weekly import Weekly, report_what_is_due
from survey.settings import Settings, read_settings
from survey.targets.campaign import read_campaign
from survey.targets.plan import plan_hash

log = logging.getLogger("weekly")


def week(campaign: Path) -> None:
    """All steps, a log line each; counts only."""
    settings = read_settings()
    name = read_campaign(campaign).id
    outgoing = Path(os.environ["SURVEY_OUTGOING"]) if "SURVEY_OUTGOING" in os.environ else None
    before = report_what_is_due(settings, name, datetime.now(UTC), log.info, outgoing)
    _scan_and_judge(campaign, settings)
    after = report_what_is_due(settings, name, datetime.now(UTC), log.info, outgoing)
    _sum_up(before + after)


def _scan_and_judge(campaign: Path, settings: Settings) -> None:
    plan = plan_run(campaign, settings).plan
    log.info("%s %s: %d targets", plan.campaign, plan.run, plan.targets)
    scheduler = os.environ.get("SURVEY_SCHEDULER")
    executor = DaskExecutor(plan.slots, scheduler, settings.keys)
    summary = scan(plan, plan_hash(plan), settings, executor, lambda _: None)
    log.info("scanned: %d sent, %d open ports", summary.sent, summary.open)
    traced = trace(settings, plan.campaign)
    states = ", ".join(f"{count} {state}" for state, count in traced.states.items() if count)
    log.info("judged: %d of %d runs; exposures: %s", traced.judged, traced.runs, states or "none")


def _sum_up(done: Weekly) -> None:
    log.info(
        "done: %d reports made, %d delivered, %d without a run, %d failed",
        done.made,
        done.delivered,
        done.without_run,
        len(done.failed),
    )
    if done.failed:
        raise SurveyError(f"no report for {', '.join(done.failed)}; the reasons are above")


def main(arguments: list[str]) -> int:
    """Exit code as of ``survey``: 0 done, 1 failed, 2 wrong campaign, 3 stopped early."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if len(arguments) != 1:
        log.critical("usage: weekly.py CAMPAIGN.toml")
        return 2
    try:
        week(Path(arguments[0]))
    except BusyError as error:
        log.info("%s", error)
    except SurveyError as error:
        log.critical("%s", error)
        return {ConfigError: 2, StoppedError: 3}.get(type(error), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
