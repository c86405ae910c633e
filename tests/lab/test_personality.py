"""What is open, and where it is written down."""

from pathlib import Path

import pytest

import survey
from survey.lab.mixture import MIXTURE
from survey.lab.personality import Personality, openness
from survey.model.probe import Probe

MANUAL = Path(survey.__file__).parents[1] / "docs" / "lab.md"


@pytest.mark.parametrize("personality", Personality)
def test_a_personality_is_in_the_mixture_and_in_the_manual(personality: Personality) -> None:
    """With what it is open to."""
    [row] = [
        line
        for line in MANUAL.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{personality}` |")
    ]
    what = openness(personality)

    assert any(personality is one for table in MIXTURE.values() for one, _ in table)
    assert {probe for probe in Probe if f"`{probe}`" in row} == what.probes
    assert row.endswith("| no |") == (not what.probes)
    assert ("not to the mail port" in row) == (bool(what.probes) and not what.mail)


def test_every_probe_finds_something() -> None:
    """At least two personalities are open to each."""
    for probe in Probe:
        assert sum(probe in openness(one).probes for one in Personality) > 1
