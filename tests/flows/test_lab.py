"""``survey lab up`` writes what a survey starts from, and runs until it is told to stop."""

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.flows.lab import LAB_CANARY, write_lab_files
from survey.lab.world import World
from survey.model.address import Range, parse_ip
from survey.model.plan import Kind
from survey.model.probe import Probe
from survey.targets.campaign import read_campaign
from survey.targets.optouts import read_log

RANGES = (Range(parse_ip("127.83.0.0"), parse_ip("127.83.9.255")),)

SCRIPT = """
import sys
from pathlib import Path
from survey.flows.lab import LAB_CANARY, lab_up
from survey.lab.world import World
from survey.model.address import Range
first, last, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
lab_up(
    World("up", (Range(first, last),), 30),
    LAB_CANARY,
    lambda line: print(line, flush=True),
    folder=folder,
    truth=folder / "truth.parquet",
)
"""


def test_the_campaign_covers_the_lab_and_can_be_read(tmp_path: Path) -> None:
    """Every probe on the ports that it is for; names and opt-outs beside it."""
    world = World("up", RANGES, 30)

    files = write_lab_files(world, LAB_CANARY, tmp_path)

    campaign = read_campaign(files.campaign)
    assert campaign.kind is Kind.LAB
    assert sum(map(len, campaign.targets.ranges)) == len(RANGES[0])
    assert [probe for probe, _ in campaign.probes.chosen] == list(Probe)
    assert campaign.canary.echo == LAB_CANARY.echo
    assert campaign.names.hosts == files.registries.hosts
    assert campaign.optouts.path == files.optouts
    assert read_log(files.optouts).version == 0


def test_an_opt_out_log_that_is_there_is_kept(tmp_path: Path) -> None:
    """Writing the files again never forgets a wish."""
    world = World("up", RANGES, 30)
    files = write_lab_files(world, LAB_CANARY, tmp_path)
    before = files.optouts.stat().st_ino

    write_lab_files(world, LAB_CANARY, tmp_path)

    assert files.optouts.stat().st_ino == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_that_it_is_up_and_stops_when_told(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C is no error."""
    lab = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(RANGES[0].start), str(RANGES[0].end), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert lab.stdout is not None
    lines = [lab.stdout.readline() for _ in range(3)]
    lab.send_signal(number)
    last, _ = lab.communicate()

    assert "campaign.toml" in lines[0]
    assert "truth.parquet" in lines[1]
    assert "of 2,560 addresses answer" in lines[2]
    assert last == "lab stopped\n"
    assert lab.returncode == 0
    assert pq.read_metadata(tmp_path / "truth.parquet").num_rows > 0
