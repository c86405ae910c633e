"""A scheduler that is given has the settings of our own, from a file that says why."""

from pathlib import Path
from typing import Any

import yaml

from survey.cluster.dask import SETTINGS

FILE = Path(__file__).parents[2] / "infra" / "cluster" / "dask.yaml"

OWN = {
    # What only makes sense for workers on other machines.
    "distributed.comm.require-encryption": True,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}


def flat(content: Any, name: str = "") -> dict[str, Any]:
    """Dotted names and values."""
    if not isinstance(content, dict):
        return {name: content}
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= flat(value, f"{name}.{key}" if name else key)
    return found


def test_both_have_the_same_settings() -> None:
    """One list in code, one in the file."""
    assert flat(yaml.safe_load(FILE.read_text())) == SETTINGS | OWN


def test_every_setting_has_its_reason() -> None:
    """A remark stands above each, or above the group that it is in."""
    lines = FILE.read_text().splitlines()
    for number, line in enumerate(lines):
        value = line.partition(": ")[2]
        if value and not line.lstrip().startswith("#"):
            above = [text.strip() for text in lines[max(0, number - 6) : number]]
            assert any(text.startswith("#") for text in above), line
