"""One campaign's week: scan (or resume), judge, and a report for every agency.

For a scheduler: ``python jobs/weekly.py CAMPAIGN.toml``, with SURVEY_DATA, SURVEY_KEYS and
SURVEY_AGENCIES set.  Each step can be repeated; run it again after a crash.
"""

import logging
import sys
from pathlib import Path

from survey.cluster.dask import DaskExecutor
from survey.errors import ConfigError, StoppedError, SurveyError
from survey.flows.judge import judge
from survey.flows.plan import plan_run
from survey.flows.report import make_report
from survey.flows.scan import scan
from survey.settings import read_settings
from survey.storage.agencies import read_agencies
from survey.targets.plan import plan_hash

log = logging.getLogger("weekly")


def week(campaign: Path) -> None:
    """All steps, one log line each; counts only."""
    settings = read_settings()
    plan = plan_run(campaign, settings).plan
    log.info("%s %s: %d targets", plan.campaign, plan.run, plan.targets)
    summary = scan(plan, plan_hash(plan), settings, DaskExecutor(plan.slots), lambda _: None)
    log.info("scanned: %d sent, %d open ports", summary.sent, summary.open)
    judged = judge(settings, plan.campaign, plan.run)
    log.info("judged: %d observations", judged.observations)
    for agency in read_agencies(settings.agencies):
        report = make_report(settings, agency.id, plan.run, campaign=plan.campaign)
        log.info("report for %s: %s", agency.id, report.page)


def main(arguments: list[str]) -> int:
    """Exit code as of ``survey``: 0 done, 1 failed, 2 wrong campaign, 3 stopped early."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if len(arguments) != 1:
        log.critical("usage: weekly.py CAMPAIGN.toml")
        return 2
    try:
        week(Path(arguments[0]))
    except SurveyError as error:
        log.critical("%s", error)
        return {ConfigError: 2, StoppedError: 3}.get(type(error), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
