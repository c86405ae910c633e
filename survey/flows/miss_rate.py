"""What one look of a run misses, estimated from its receipts or from how its scan stands."""

from collections.abc import Iterable
from typing import Protocol

from survey.model.miss_rate import MissRate
from survey.model.plan import Plan
from survey.reports.interval import wilson
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest


class Rechecked(Protocol):
    """Counts of a second look: a receipt, a summary or a status."""

    @property
    def rechecked(self) -> int:
        """Targets that were dialled a second time."""

    @property
    def reopened(self) -> int:
        """Of those, accepted the second connection."""

    @property
    def missed(self) -> int:
        """Of those again, had not accepted the first."""


def miss_rate(counts: Iterable[Rechecked]) -> MissRate:
    """The estimate of all of them together."""
    every = list(counts)
    missed, reopened = sum(one.missed for one in every), sum(one.reopened for one in every)
    low, high = wilson(missed, reopened)
    return MissRate(sum(one.rechecked for one in every), reopened, missed, low, high)


def run_miss_rate(settings: Settings, plan: Plan) -> MissRate:
    """The estimate for what is committed of a run.

    Raises:
        StorageError: Its manifest is damaged.
    """
    run = Layout(settings.data).run(plan.campaign, plan.run)
    return miss_rate(read_manifest(run).receipts())
