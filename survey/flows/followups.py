"""How a run's follow-ups stand."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from survey.flows.control import status_of
from survey.flows.standing import ScanStatus
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.followups import read_queue
from survey.storage.layout import Layout
from survey.storage.rounds import rounds_of


@dataclass(frozen=True, slots=True)
class FollowUpStatus:
    """Counts only, nothing about a host.

    Attributes:
        waiting: Follow-ups that were queued, and neither made nor dropped.
        due: Of those, may be made now.
        next_at: When the next of the others may be made, UTC; None if there is none.
        reasons: Those that wait, by reason.
        rounds: Rounds that are done.
        dropped: Follow-ups that will not be made.
        unfinished: How a round that is under way or was stopped stands, or None.
    """

    waiting: int
    due: int
    next_at: datetime | None
    reasons: dict[str, int]
    rounds: int
    dropped: int
    unfinished: ScanStatus | None


def followups_of(settings: Settings, plan: Plan, now: datetime) -> FollowUpStatus:
    """How the follow-ups of a run stand.

    Raises:
        StorageError: The queue or a round can't be read.
    """
    run = Layout(settings.data).run(plan.campaign, plan.run)
    queue = read_queue(run)
    rounds = rounds_of(run)
    begun = [paths for paths in rounds if not paths.done.exists()]
    later = [one.wanted.not_before for one in queue.waiting if one.wanted.not_before > now]
    return FollowUpStatus(
        waiting=len(queue.waiting),
        due=len(queue.due(now)),
        next_at=min(later, default=None),
        reasons=dict(Counter(str(one.wanted.reason) for one in queue.waiting)),
        rounds=len(rounds) - len(begun),
        dropped=len(queue.dropped),
        unfinished=status_of(begun[0]) if begun else None,
    )
