"""The units of ``infra/site``: systemd takes them, and their commands are ours."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from survey.cli.main import main

INFRA = Path(__file__).resolve().parents[2] / "infra" / "site"
UNITS = sorted([*INFRA.glob("*.service"), *INFRA.glob("*.timer")])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_is_one_that_systemd_takes(unit: Path, tmp_path: Path) -> None:
    """Known sections and settings, as systemd itself reads them."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    for one in {unit, unit.with_suffix(".service")}:
        text = one.read_text(encoding="utf-8").replace("/opt/survey/bin/survey", "/bin/true")
        (tmp_path / one.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert [line for line in ours if "not-found" not in line and "Failed to" not in line] == []


@pytest.mark.parametrize("unit", sorted(INFRA.glob("*.service")), ids=lambda unit: unit.name)
def test_command_is_one_of_ours(unit: Path) -> None:
    """Its options exist: the same words with ``--help`` behind them."""
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    words = shlex.split(line)[1:]
    options = [word for word in words if word.startswith("--")]
    told = CliRunner().invoke(
        main, [words[words.index("site")], words[words.index("site") + 1], "--help"]
    )
    told_first = CliRunner().invoke(main, ["--help"])
    assert told.exit_code == 0
    assert [one for one in options if one not in told.output + told_first.output] == []


@pytest.mark.parametrize("unit", sorted(INFRA.glob("*.service")), ids=lambda unit: unit.name)
def test_nothing_has_a_capability(unit: Path) -> None:
    """Unprivileged, and nothing writable but what it writes."""
    text = unit.read_text(encoding="utf-8")
    for line in ("CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert f"\n{line}\n" in text
    assert "\nUser=survey\n" in text
    assert "AmbientCapabilities" not in text
