"""What another process may ask of a running scan, and see of it."""

import json
from dataclasses import asdict, replace

from survey.errors import ConfigError, StorageError
from survey.flows.standing import ScanStatus, State
from survey.model.control import Wishes
from survey.model.plan import Plan
from survey.settings import Settings
from survey.storage.control import read_wishes, write_wishes
from survey.storage.files import replace_text
from survey.storage.layout import Layout, RunLayout


def ask_stop(settings: Settings, plan: Plan) -> None:
    """End the scan of this run within seconds; it can be resumed."""
    _ask(settings, plan, stop=True)


def ask_pause(settings: Settings, plan: Plan, *, paused: bool) -> None:
    """Send nothing new until it is asked to go on."""
    _ask(settings, plan, paused=paused)


def ask_rate(settings: Settings, plan: Plan, packets_per_second: int | None) -> None:
    """Go on, slower, or back up at the plan's cap (None); kept for the rest of the run.

    Raises:
        ConfigError: Above the plan's cap, or less than a packet a second for each slot.
    """
    cap = plan.rate.packets_per_second
    if packets_per_second is not None and not plan.slots <= packets_per_second <= cap:
        raise ConfigError(
            "rate",
            "",
            f"{packets_per_second} packets/s is out of bounds",
            f"give {plan.slots} to {cap}, or use `survey pause`",
        )
    _ask(settings, plan, rate=packets_per_second, paused=False)


def forget_wishes(run: RunLayout) -> None:
    """Begin anew: no stop and no pause of an earlier scan counts; a lower rate still does."""
    before = read_wishes(run)
    write_wishes(run, Wishes(rate=before.rate, asked=before.asked))


def write_status(run: RunLayout, status: ScanStatus) -> None:
    """Let other processes see how the scan stands."""
    replace_text(run.status, json.dumps(asdict(status)) + "\n")


def read_status(settings: Settings, plan: Plan) -> ScanStatus | None:
    """How the run's scan stood a moment ago, or when it ended; None if there never was one.

    Raises:
        StorageError: What it left can't be understood.
    """
    return status_of(Layout(settings.data).run(plan.campaign, plan.run))


def status_of(run: RunLayout) -> ScanStatus | None:
    """The same of a scan or a round of follow-ups, by where it lies.

    Raises:
        StorageError: What it left can't be understood.
    """
    path = run.status
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return ScanStatus(**content | {"state": State(content["state"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: can't be read: {error}; remove it") from error


def _ask(settings: Settings, plan: Plan, **changes: object) -> None:
    run = Layout(settings.data).run(plan.campaign, plan.run)
    before = read_wishes(run)
    write_wishes(run, replace(before, asked=before.asked + 1, **changes))  # type: ignore[arg-type]
