"""What is made is what is checked, and a survey that can't be looked up sends nothing."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_identity import CONTACT, HELO, PAGE, SOURCES, MadeIdentity, identity_served
from made_scan import MadeScan, make_scan

from survey.cli.main import main
from survey.cluster.serial import SerialExecutor
from survey.errors import LocalError
from survey.flows import identity as identity_module
from survey.flows.identity import make_identity, unseen_of_plan
from survey.flows.scan import scan
from survey.identity.door import IdentityDoor
from survey.identity.probing import PATH
from survey.model.address import parse_ip
from survey.model.plan import Identity, Kind
from survey.storage.handouts import read_handouts
from survey.targets.campaign import read_campaign
from survey.targets.plan import plan_to_json

CAMPAIGN = f"""\
[campaign]
id = "lab"
purpose = "Try everything out"
kind = "lab"
[identity]
operator = "Lab"
contact = "{CONTACT}"
page = "{PAGE}"
helo = "{HELO}"
source_addresses = ["{SOURCES[0]}", "{SOURCES[1]}"]
[targets]
ranges = ["127.16.0.0/24"]
[probes.socks5]
ports = [1080]
[rate]
packets_per_second = 1000
[canary]
domains = ["canary.lab.example", "other.lab.example"]
smtp = "127.0.0.53:2525"
echo = "127.0.0.53:2526"
[optouts]
path = "optouts.jsonl"
[names]
resolver = "127.0.0.1:PORT"
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MadeIdentity]:
    """Names in order, no pages."""
    with identity_served(tmp_path) as served:
        monkeypatch.setenv("SSL_CERT_FILE", str(served.authority))
        door = partial(IdentityDoor, port=served.web)
        monkeypatch.setattr(identity_module, "IdentityDoor", door)
        yield served


@pytest.fixture
def campaign(tmp_path: Path, made: MadeIdentity) -> Path:
    """Of a lab with names and pages of its own."""
    path = tmp_path / "lab.toml"
    path.write_text(CAMPAIGN.replace("PORT", str(made.resolver)))
    return path


def test_what_was_made_is_in_order_once_it_is_served(
    tmp_path: Path, made: MadeIdentity, campaign: Path
) -> None:
    """The two commands of a person who sets a survey up."""
    folder = tmp_path / "www"
    cli = CliRunner()
    before = cli.invoke(main, ["identity", "check", str(campaign)])
    assert cli.invoke(main, ["identity", "make", str(campaign), str(folder)]).exit_code == 0
    made.pages[HELO, PATH] = (200, (folder / PATH.lstrip("/")).read_bytes().decode())
    made.pages["www.survey.example", "/about"] = (200, (folder / "index.html").read_text())
    after = cli.invoke(main, ["identity", "check", str(campaign)])

    assert (before.exit_code, after.exit_code) == (1, 0), before.output + after.output
    assert before.stderr.count("missing: ") == 2
    assert "in order" in after.stderr
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o644}


def test_made_again_it_replaces_what_was_there(tmp_path: Path, campaign: Path) -> None:
    """A web server may serve the folder as it stands."""
    read = read_campaign(campaign)
    first = make_identity(read, tmp_path / "www")
    second = make_identity(read, tmp_path / "www")

    assert first == second
    assert {path.name for path in (tmp_path / "www").rglob("*") if path.is_file()} == {
        "index.html",
        "probing.txt",
        "records.zone",
    }


def test_lab_without_a_resolver_asks_nobody(made: MadeIdentity, campaign: Path) -> None:
    """Least of all the system's."""
    text = campaign.read_text().partition("[names]")[0]
    campaign.write_text(text)
    result = CliRunner().invoke(main, ["identity", "check", str(campaign)])

    assert (result.exit_code, made.asked) == (1, [])
    assert "names.resolver" in result.stderr


def survey_of(tmp_path: Path, made: MadeIdentity) -> MadeScan:
    """A plan that says it is a survey; its pages are in no space that a survey reaches."""
    there = make_scan(tmp_path / "scan")
    sources = tuple(map(parse_ip, SOURCES))
    plan = replace(
        there.plan,
        kind=Kind.SURVEY,
        identity=Identity("A survey", CONTACT, PAGE, HELO, sources),
        names=f"dns:127.0.0.1:{made.resolver}",
    )
    there.run.plan.write_bytes(plan_to_json(plan))
    return MadeScan(there.settings, plan)


def test_survey_that_can_not_be_looked_up_sends_nothing(tmp_path: Path, made: MadeIdentity) -> None:
    """No shard is handed out; what is wrong is said in one line."""
    survey = survey_of(tmp_path, made)

    with pytest.raises(LocalError, match=r"^identity: .*and 1 more.*survey identity check") as told:
        scan(survey.plan, survey.hash, survey.settings, SerialExecutor(), lambda _: None)

    assert "\n" not in str(told.value)
    assert read_handouts(survey.run) == ()


def test_plan_of_a_survey_is_told_what_is_missing(tmp_path: Path, made: MadeIdentity) -> None:
    """And a lab's is asked nothing."""
    survey = survey_of(tmp_path, made)

    assert len(unseen_of_plan(survey.plan)) == 2
    made.asked.clear()
    assert unseen_of_plan(replace(survey.plan, kind=Kind.LAB)) == ()
    assert made.asked == []
