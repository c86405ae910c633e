"""The main job, as a person runs it: the whole loop on the lab."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.flows.demo import ANSWERING, PORTS, SPACE
from survey.lab.software import tells
from survey.lab.world import World
from survey.model.address import format_ip

DEMO = "from survey.cli.main import main; main()"


@pytest.mark.timeout(600)
def test_the_demo_finds_what_is_there_and_accuses_nobody(tmp_path: Path) -> None:
    """Coverage is the plan, precision 1.000, recall at least 0.99; then reports, and the letters.

    They go to a real mail server; some come back, some operators close their servers, and a new
    test says so.
    """
    done = subprocess.run(
        [sys.executable, "-c", DEMO, "demo", "--json", "--folder", str(tmp_path / "demo")],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stderr.decode()

    result = json.loads(done.stdout)
    assert result["coverage"] == 1.0
    assert result["precision"] == 1.0
    assert result["recall"] >= 0.99
    assert result["reproduced"] >= result["open"] * 0.9  # three messages a host may be too few
    assert result["targets"] >= 65_536 * 4
    assert b"Nimbora Hosting" in Path(result["report"]).read_bytes()
    letters = result["letters"]
    assert letters["sent"] == letters["cases"] >= 60
    assert letters["languages"] >= 6
    assert letters["bounced"] >= 5
    assert letters["answered"] >= letters["closed"] >= 15
    assert letters["thanked"] == letters["closed"]
    for shown in letters["shown"]:
        assert "OSYS-" in Path(shown).read_text(encoding="utf-8")
    assert wrongly_told(tmp_path / "demo") == []
    private = [path for path in (tmp_path / "demo").rglob("*") if path.stat().st_mode & 0o077]
    assert [path for path in private if "data" in path.parts or "keys" in path.parts] == []


def wrongly_told(folder: Path) -> list[str]:
    """Doors whose software the findings name otherwise than the lab has it, or miss."""
    world = World("demo", (SPACE,), ANSWERING, PORTS)
    doors = {(machine.ip, door.port): door for machine, door in world.doors()}
    (path,) = folder.glob("data/campaigns/*/*/findings.parquet")
    columns = ("ip", "port", "rung", "software")
    wrong = []
    for ip, port, rung, told in zip(
        *(pq.read_table(path)[name].to_pylist() for name in columns), strict=True
    ):
        door = doors.get((ip, port))
        told_of = door.software if door else None
        must = door is not None and rung and tells(door.role, door.personality, door.software)
        if told != told_of and (told or must):
            wrong.append(f"{format_ip(ip)}:{port} {door and door.personality}: {told}")
    return wrong


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    """The demo clears only what a demo made."""
    (tmp_path / "thesis.txt").write_text("years of work")

    done = subprocess.run(
        [sys.executable, "-c", DEMO, "demo", "--folder", str(tmp_path)],
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 2
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
