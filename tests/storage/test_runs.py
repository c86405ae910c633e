"""A run is found by its name, or the cure says which there are."""

from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.storage.layout import Layout
from survey.storage.runs import find_run


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Two campaigns; both have a run of one name."""
    layout = Layout(tmp_path)
    for campaign, run in (("a", "2026-W47"), ("a", "2026-W48"), ("b", "2026-W48")):
        plan = layout.run(campaign, run).plan
        plan.parent.mkdir(parents=True)
        plan.touch()
    return layout


def test_name_that_is_there_once_is_enough(layout: Layout) -> None:
    """The campaign need not be named."""
    assert find_run(layout, "2026-W47") == "a"


def test_name_that_is_there_twice_needs_the_campaign(layout: Layout) -> None:
    """Both are named in the error; with the campaign it is found."""
    with pytest.raises(ConfigError, match="is in a, b; name the campaign too"):
        find_run(layout, "2026-W48")
    assert find_run(layout, "2026-W48", "b") == "b"


@pytest.mark.parametrize(("run", "campaign"), [("2026-W49", None), ("2026-W47", "b"), ("..", None)])
def test_unknown_run_is_refused_with_those_known(
    layout: Layout, run: str, campaign: str | None
) -> None:
    """A path is never a run."""
    with pytest.raises(ConfigError, match="runs there: a/2026-W47, a/2026-W48, b/2026-W48"):
        find_run(layout, run, campaign)
