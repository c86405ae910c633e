"""Whom the letters of a week go to, and what their operators make of them.

What an operator would do without a letter, with a mail, and with the pages attached is drawn before
the lot falls, so that the truth knows what a letter changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from survey.lab.history.scale import Scale
from survey.lab.history.servers import FIXED, NEVER, Days, Flags, Numbers, Stands
from survey.model.experiment import Draw, Group, Medium


@dataclass(frozen=True, slots=True, eq=False)
class Mailing:
    """The servers of the cases that are drawn in a week.

    Attributes:
        stand: Which stand each is, by case.
        case: Which case it is in, counted from 0.
        alone: Day on which it closes without any letter; NEVER if it stays open.
        seen: Whether something answers there afterwards, and says no: else it is only gone.
        after: Days that its operator takes to react to a letter.
        to_text: Whether the operator reacts to a mail, and the server can be closed for it.
        to_pdf: The same for a mail with the pages attached.
        bounces: Whether a letter to the operator comes back.
    """

    stand: Numbers
    case: Numbers
    alone: Days
    seen: Flags
    after: Days
    to_text: Flags
    to_pdf: Flags
    bounces: Flags

    @property
    def cases(self) -> int:
        """How many cases."""
        return int(self.case.max(initial=-1)) + 1

    def deliver(self, stands: Stands, draws: Sequence[Draw], day: float) -> Flags:
        """Tell each operator when the lot says so; which servers close because of it.

        Args:
            stands: Whose closing days change.
            draws: What the lot said for each case.
            day: When it was drawn.
        """
        reacts = self.reacting([one.medium for one in draws])
        closing = np.zeros(len(self.stand), dtype=bool)
        for number, one in enumerate(draws):
            mine = np.flatnonzero(self.case == number)
            arrives = day_of_letter(one, day)
            if not np.isfinite(arrives) or self.bounces[mine].all():
                continue
            when = np.where(reacts[mine], arrives + self.after[mine], NEVER)
            closing[mine] = when < self.alone[mine]
            stands.tell(self.stand[mine], arrives, when)
        return closing

    def reacting(self, media: Sequence[Medium]) -> Flags:
        """Whether each operator reacts to a letter of its case's medium."""
        pdf = np.array([one is Medium.PDF for one in media], dtype=bool)[self.case]
        found: Flags = np.where(pdf, self.to_pdf, self.to_text)
        return found


def day_of_letter(draw: Draw, day: float) -> float:
    """When a case that was drawn on some day gets its letter; NEVER if it gets none."""
    if draw.group is Group.TOLD:
        return day
    if draw.until is None:
        return NEVER
    return day + (draw.until - draw.drawn_at).days


def choose(  # noqa: PLR0917 - what chance, lives and sizes they need
    rng: np.random.Generator,
    stands: Stands,
    free: Numbers,
    networks: Numbers,
    day: float,
    scale: Scale,
) -> Mailing:
    """Put servers that are free to be written about into cases, and choose some of these.

    Args:
        rng: Where chance comes from.
        stands: All of them.
        free: Places of those that may be written about.
        networks: The network of each of these.
        day: When their lots are drawn.
        scale: How many cases, how large, and how many operators react.
    """
    free, networks = _shuffled(rng, free, networks)
    relay = stands.service[free] == 0
    order = np.lexsort((relay, networks))
    free, group = free[order], networks[order] * 2 + relay[order]
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    within = np.arange(len(free)) - np.repeat(begins, np.diff(begins, append=len(free)))
    case = np.cumsum(within % scale.per_case == 0) - 1
    count = int(case.max(initial=-1)) + 1
    chosen = np.sort(rng.permutation(count)[: scale.letters])
    kept = np.isin(case, chosen)
    free, case = free[kept], np.searchsorted(chosen, case[kept])
    will = rng.random(len(chosen))[case]
    can = (day < stands.closes[free]) & ~stands.chained[free]
    return Mailing(
        stand=free,
        case=case,
        alone=np.where(day < stands.closes[free], stands.closes[free], NEVER),
        seen=(stands.why[free] == FIXED) | stands.taken[free],
        after=rng.exponential(scale.reaction_days, len(chosen))[case],
        to_text=can & (will < scale.reacting),
        to_pdf=can & (will < scale.reacting + scale.paper),
        bounces=(rng.random(len(chosen)) < scale.bouncing)[case],
    )


def _shuffled(
    rng: np.random.Generator, free: Numbers, networks: Numbers
) -> tuple[Numbers, Numbers]:
    order = rng.permutation(len(free))
    return free[order], networks[order]
