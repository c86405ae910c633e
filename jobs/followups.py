"""One campaign's follow-ups: judge its newest run again, and make what is due.

For a timer, every few minutes: ``python jobs/followups.py CAMPAIGN.toml``, with SURVEY_DATA and
SURVEY_KEYS set, and SURVEY_SCHEDULER if a cluster tests instead of this machine.  While a scan has
the data directory there is nothing to do, and that is no error.
"""

import logging
import os
import sys
from pathlib import Path

from survey.cluster.dask import DaskExecutor
from survey.errors import BusyError, ConfigError, StoppedError, SurveyError
from survey.flows.retest import retest_due
from survey.flows.runs import newest_run
from survey.settings import read_settings
from survey.targets.campaign import read_campaign

log = logging.getLogger("followups")


def follow_up(campaign: Path) -> None:
    """All of it, counts only."""
    settings = read_settings()
    plan = newest_run(settings, read_campaign(campaign).id)
    executor = DaskExecutor(plan.slots, os.environ.get("SURVEY_SCHEDULER"), settings.keys)
    done = retest_due(settings, plan, executor, lambda _: None)
    made = ", ".join(f"{count} {reason}" for reason, count in done.visits.items()) or "nothing due"
    log.info("%s %s: %s, %d wait", plan.campaign, plan.run, made, done.waiting)


def main(arguments: list[str]) -> int:
    """Exit code as of ``survey``: 0 done, 1 failed, 2 wrong campaign, 3 stopped early."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if len(arguments) != 1:
        log.critical("usage: followups.py CAMPAIGN.toml")
        return 2
    try:
        follow_up(Path(arguments[0]))
    except BusyError as error:
        log.info("%s", error)
    except SurveyError as error:
        log.critical("%s", error)
        return {ConfigError: 2, StoppedError: 3}.get(type(error), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
