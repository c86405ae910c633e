"""The scripts that timers start: their exit codes, and whose workers they use."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from survey.errors import BusyError, ConfigError, StoppedError, StorageError, SurveyError

JOBS = Path(__file__).parents[2] / "jobs"


def job(name: str) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(f"job_{name}", JOBS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "step"), [("weekly", "week"), ("followups", "follow_up")])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BusyError("a scan is at work"), 0),
        (ConfigError("campaign.toml", "rate", "is missing", "write it"), 2),
        (StoppedError("stopped"), 3),
        (StorageError("no room"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_code_says_what_a_timer_must_know(
    name: str, step: str, error: SurveyError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever scans meanwhile is no failure; the next turn goes on."""
    module = job(name)

    def failing(_: Path) -> None:
        raise error

    monkeypatch.setattr(module, step, failing)
    assert module.main(["campaign.toml"]) == code


@pytest.mark.parametrize("scheduler", [None, "tls://192.0.2.10:8786"])
def test_cluster_is_used_where_there_is_one(
    scheduler: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the units' environment says, with the coordinator's keys; else workers of our own."""
    if scheduler:
        monkeypatch.setenv("SURVEY_SCHEDULER", scheduler)
    else:
        monkeypatch.delenv("SURVEY_SCHEDULER", raising=False)
    monkeypatch.setenv("SURVEY_KEYS", str(tmp_path / "keys"))
    plan = SimpleNamespace(campaign="night", run="2026-W48", slots=3, targets=9)
    made: list[tuple[object, ...]] = []

    class Stop(Exception):  # noqa: N818 - the scan is not what is tested
        pass

    def executor(*given: object) -> None:
        made.append(given)
        raise Stop

    followups, weekly = job("followups"), job("weekly")
    for module in (followups, weekly):
        monkeypatch.setattr(module, "DaskExecutor", executor)
        monkeypatch.setattr(module, "read_campaign", lambda _: SimpleNamespace(id="night"))
    monkeypatch.setattr(followups, "newest_run", lambda *_: plan)
    monkeypatch.setattr(weekly, "plan_run", lambda *_: SimpleNamespace(plan=plan))
    monkeypatch.setattr(weekly, "report_what_is_due", lambda *_: weekly.Weekly())
    for step in (followups.follow_up, weekly.week):
        with pytest.raises(Stop):
            step(tmp_path / "night.toml")
    assert made == [(3, scheduler, tmp_path / "keys")] * 2
