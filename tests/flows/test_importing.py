"""Planning an import: what was found is frozen beside the plan; a mistake leaves nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.flows.plan import plan_run
from survey.model.address import parse_ip
from survey.model.discovery import Method
from survey.settings import Settings
from survey.storage.found import read_found
from survey.storage.layout import RunLayout
from survey.targets.optouts import init_log
from survey.targets.places import Places
from survey.targets.plan import load_plan
from survey.targets.shards import shard_bounds

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

CAMPAIGN = """\
[campaign]
id = "lab"
purpose = "Try everything out"
kind = "lab"
[targets]
ranges = ["127.16.0.0/24"]
exclude = ["127.16.0.0/30"]
[discovery]
method = "import"
files = ["found.csv", "more.json"]
[probes.socks5]
ports = [1080, 1081]
[rate]
packets_per_second = 50
[canary]
domains = ["canary.lab.example", "other.lab.example"]
smtp = "127.0.0.53:2525"
echo = "127.0.0.53:2526"
[optouts]
path = "optouts.jsonl"
[cluster]
shard_seconds = 1
"""

FOUND = """\
saddr,sport,classification
127.16.0.9,1080,synack
127.16.0.9,1081,synack
127.16.0.2,1080,synack
127.16.0.200,1080,rst
127.16.0.200,25,synack
127.17.0.1,1080,synack
"""
MORE = """\
{"ip":"127.16.0.9","port":1080,"proto":"tcp","rec_type":"status","data":{"status":"open"}}
{"ip":"127.16.0.255","port":1081,"proto":"tcp","rec_type":"status","data":{"status":"open"}}
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """A campaign and what it imports."""
    path = tmp_path / "campaign.toml"
    path.write_text(CAMPAIGN)
    (tmp_path / "found.csv").write_text(FOUND)
    (tmp_path / "more.json").write_text(MORE)
    init_log(tmp_path / "optouts.jsonl")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return Settings(tmp_path / "data", tmp_path / "keys", tmp_path / "agencies")


def test_what_was_found_is_counted_and_frozen(campaign: Path, settings: Settings) -> None:
    """Each shard finds its own; excluded addresses and other ports are none of the plan's."""
    planned = plan_run(campaign, settings, now=NOW)

    plan, run = load_plan(planned.path), RunLayout(planned.path.parent)
    discovery = plan.discovery
    assert discovery.method is Method.IMPORT
    assert (discovery.imported, discovery.not_planned) == (3, 3)
    assert (discovery.repeated, discovery.not_open) == (1, 1)
    assert planned.summary.discovery == discovery
    assert planned.summary.seconds == 0
    found = set()
    for shard in range(plan.shards):
        places = Places(plan, shard)
        indices, ports = read_found(run.found, discovery.found, *shard_bounds(plan, shard))
        ips, theirs = places.targets(places.at(indices, ports))
        found |= set(zip(ips.tolist(), theirs.tolist(), strict=True))
    host = parse_ip("127.16.0.9")
    assert found == {(host, 1080), (host, 1081), (parse_ip("127.16.0.255"), 1081)}


def test_run_goes_on_with_what_was_frozen(campaign: Path, settings: Settings) -> None:
    """The files are not read again, but they may not change under an unfinished run."""
    first = plan_run(campaign, settings, now=NOW)
    again = plan_run(campaign, settings, now=NOW)
    assert again.resumed
    assert again.plan == first.plan

    (campaign.parent / "more.json").write_text(MORE.replace("255", "254"))
    with pytest.raises(ConfigError, match=r"changed under run 2026-W48: discovery\.files .*more"):
        plan_run(campaign, settings, now=NOW)


def test_bad_line_leaves_nothing_behind(campaign: Path, settings: Settings) -> None:
    """File, line, what is wrong, what would be right."""
    (campaign.parent / "found.csv").write_text(FOUND + "127.16.0.300,1080,synack\n")

    with pytest.raises(ConfigError) as caught:
        plan_run(campaign, settings, now=NOW)

    path = campaign.parent / "found.csv"
    assert str(caught.value).startswith(f"{path}: line 8: '127.16.0.300' is no IPv4 address; ")
    assert not settings.data.exists()
