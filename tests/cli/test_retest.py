"""``survey retest``: what a person may ask for, and what is said when there is nothing to do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from judged_run import IP
from made_cases import make_office
from made_data import CAMPAIGN, MORNING, RUN, MadeData, seen

from survey.cli.main import main
from survey.cli.retest import parse_target, targets_of_case
from survey.errors import ConfigError
from survey.flows.retest import Target
from survey.model.address import parse_ip
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.targets.plan import load_plan, plan_to_json


def run(made: MadeData, *arguments: str) -> Result:
    """The command over a made data directory."""
    return CliRunner().invoke(main, ["--data", str(made.settings.data), "retest", *arguments])


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """A run whose one finding is closed, so nothing is to be followed up."""
    data = MadeData(tmp_path)
    data.scan([seen("192.0.2.1", step=Step.SPOKE, refused_at="RCPT", code=554, reply=b"554 no")])
    return data


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("192.0.2.7", Target(parse_ip("192.0.2.7"))),
        ("192.0.2.7:25", Target(parse_ip("192.0.2.7"), 25)),
        ("192.0.2.7/socks5", Target(parse_ip("192.0.2.7"), None, Probe.SOCKS5)),
        ("192.0.2.7:1080/socks5", Target(parse_ip("192.0.2.7"), 1080, Probe.SOCKS5)),
    ],
)
def test_a_target_is_an_address_a_port_and_a_probe(text: str, target: Target) -> None:
    """The last two may be left out."""
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text", ["192.0.2", "192.0.2.7:", "192.0.2.700", "a.example", "192.0.2.7/x"]
)
def test_anything_else_is_wrong_usage(text: str) -> None:
    """With one line that shows how."""
    with pytest.raises(ConfigError, match=r"192\.0\.2\.7:1080/socks5"):
        parse_target(text)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["192.0.2.7", "--due"],
        ["192.0.2.7", "--case", "OSYS-2026-000001"],
        ["--case", "OSYS-2026-000001", "--due"],
    ],
)
def test_one_thing_must_be_asked_for(made: MadeData, arguments: list[str]) -> None:
    """What is due, a run, or a target."""
    done = run(made, *arguments)
    assert done.exit_code == 2
    assert "--due" in done.output


def test_a_target_of_no_plan_is_wrong_usage(made: MadeData) -> None:
    """Only what a plan has may be tested at all."""
    for target in ("203.0.113.9", "192.0.2.1:9"):
        done = run(made, target)
        assert done.exit_code == 2
        assert "no plan" in done.output


def test_case_is_its_targets_by_the_newest_run_that_has_them(tmp_path: Path) -> None:
    """Two ports of one proxy, once each; an audit line without an address."""
    office = make_office(tmp_path)
    office.plan()
    settings, plans = office.judged.settings, [office.judged.plan]
    found = targets_of_case(settings, tmp_path / "none.toml", plans, "OSYS-2026-000002")
    ip = parse_ip(IP["proxy"])
    assert found == [(office.judged.plan, [Target(ip, 1080), Target(ip, 1081)])]
    assert "case=OSYS-2026-000002" in office.judged.layout.audit.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no case"):
        targets_of_case(settings, tmp_path / "none.toml", plans, "OSYS-2026-000099")
    office.ledger.close()


def test_case_without_a_ledger_is_one_line(made: MadeData) -> None:
    """With the cure."""
    done = run(made, "--case", "OSYS-2026-000001")
    assert done.exit_code == 2
    assert "begin with `survey notify plan`" in done.output


def test_nothing_due_is_said_and_nothing_is_begun(made: MadeData) -> None:
    """The newest run is judged; then there is nothing to do."""
    done = run(made, "--due", "--serial", "--json")
    assert done.exit_code == 0, done.output
    (summary,) = json.loads(done.stdout)
    assert (summary["rounds"], summary["waiting"], summary["visits"]) == (0, 0, {})
    assert run(made, "--due", "--campaign", "another").exit_code == 0


def test_a_run_whose_authority_has_ended_is_passed_over(made: MadeData) -> None:
    """The gate would refuse it, and other runs must not wait for that."""
    path = made.layout.run(CAMPAIGN, RUN).plan
    ended = replace(load_plan(path), valid_until=MORNING)
    path.write_bytes(plan_to_json(ended))
    done = run(made, "--due", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == []
    assert "authority has ended" in done.stderr
