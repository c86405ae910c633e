"""What a coordinator has to get done: a run's scan, or one round of its follow-ups."""

from dataclasses import dataclass

from survey.model.followup import Round
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.layout import Layout, RunLayout
from survey.storage.rounds import round_hash


@dataclass(frozen=True, slots=True)
class Undertaking:
    """Shards that belong together, and where they lie.

    Attributes:
        plan: The run's; its rate, gate and canary count.
        hash: SHA-256 of what is carried out, the plan or the round, hex.
        paths: Where it lies.
        round: 0 for the scan, else the round's number.
        shards: How many shards.
        places: How many plan indices or visits the shards hold together.
        targets: (address, port) pairs.
        again: The command that resumes it.
    """

    plan: Plan
    hash: str
    paths: RunLayout
    round: int
    shards: int
    places: int
    targets: int
    again: str


def scan_of(plan: Plan, plan_hash: str, settings: Settings) -> Undertaking:
    """The scan of a run."""
    return Undertaking(
        plan=plan,
        hash=plan_hash,
        paths=Layout(settings.data).run(plan.campaign, plan.run),
        round=0,
        shards=plan.shards,
        places=plan.addresses,
        targets=plan.targets,
        again="survey scan",
    )


def round_of(plan: Plan, one: Round, settings: Settings) -> Undertaking:
    """One round of a run's follow-ups."""
    return Undertaking(
        plan=plan,
        hash=round_hash(one),
        paths=Layout(settings.data).run(plan.campaign, plan.run).round(one.number),
        round=one.number,
        shards=one.shards,
        places=len(one.visits),
        targets=one.targets,
        again="survey retest",
    )
