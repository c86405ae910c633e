"""A scan whose shards lie at a URL: the same receipts and rows, and analysts read them there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from everything import GONE, found_in, make_everything
from law6 import whole
from made_data import CAMPAIGN, MORNING, RUN
from made_scan import FIRST, MadeScan, make_scan, open_socks5, world
from object_store import new_bucket, object_store

import survey
from survey.cli.main import main
from survey.cluster.serial import SerialExecutor
from survey.errors import BusyError
from survey.flows.judge import judge
from survey.flows.purge import carry_out, plan_purge
from survey.flows.scan import scan
from survey.flows.sharing import exchange, open_office, put
from survey.model.address import Range, parse_ip
from survey.model.retention import Retention
from survey.settings import copy_folder, read_settings
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.storage.remote import Remote
from survey.storage.retention import note_retention
from survey.targets.ranges import RangeSet


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on loopback; this machine's copies are the test's."""
    with object_store() as endpoint:
        monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "copies"))
        yield new_bucket(endpoint)


def test_scan_at_a_url_is_whole_and_read_by_another_machine(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 6, from what lies there alone; findings too, and the same rows as they were seen."""
    with world(tmp_path, {FIRST + 5: open_socks5}) as there:
        made = make_scan(tmp_path, canary=there.canary)
        copy = copy_folder(url)
        copy.parent.mkdir(parents=True)
        copy.symlink_to(made.settings.data)  # the canary's log is there
        made = MadeScan(replace(made.settings, data=copy, url=url), made.plan)
        scan(made.plan, made.hash, made.settings, SerialExecutor(), lambda _: None)
    judged = judge(made.settings, made.plan.campaign, made.plan.run)
    names = Remote(url).names()
    assert {name.rpartition("/")[2] for name in names} >= {
        "plan.json", "done.json", "shard-000000.parquet", "shard-000001.parquet",
        "observations.parquet", "findings.parquet", "hosts.parquet",
    }  # fmt: skip
    assert not any("lock" in name or "handouts" in name for name in names)

    monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "an-analyst"))
    with survey.open(url) as s:
        counts = s.sql("SELECT sum(sent), sum(open) FROM receipts").fetchall()
        assert counts == [(64, sum(one.open for one in read_manifest(made.run).receipts()))]
        assert s.sql("SELECT count(*) FROM findings").fetchall() == [
            (sum(judged.findings.values()),)
        ]
    whole(MadeScan(read_settings(url, str(made.settings.keys)), made.plan))


def test_commands_read_what_another_machine_made(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that never saw it, as a person types them; in a notebook, too."""
    data = make_everything(tmp_path)
    put(replace(data.settings, url=url))
    monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "another-machine"))
    question = "SELECT count(*) AS n FROM findings"
    told = CliRunner().invoke(main, ["--data", url, "sql", question, "--json"])

    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)[0]["n"] == 6
    assert CliRunner().invoke(main, ["--data", url, "sync"]).exit_code == 0
    folder = tmp_path / "another-machine"
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))


def test_another_machine_may_not_coordinate_meanwhile(url: str, tmp_path: Path) -> None:
    """Locks are of one machine; at a URL a conditional put says who is in office."""
    made = make_scan(tmp_path)
    here = replace(made.settings, url=url)
    there = replace(here, data=tmp_path / "elsewhere")
    put(here)
    exchange(there)
    office = open_office(here)
    office.take(office.last + 1)

    with pytest.raises(BusyError, match="another machine"):
        open_office(there)
    assert open_office(here).last == 1  # it died here: our lock says so
    office.leave(1)
    assert open_office(there).last == 1


def test_two_that_begin_at_once_get_different_answers(url: str, tmp_path: Path) -> None:
    """Both saw that nobody is in office."""
    made = make_scan(tmp_path)
    settings = [replace(made.settings, url=url, data=tmp_path / name) for name in ("a", "b")]
    offices = [open_office(one) for one in settings]
    offices[0].take(1)

    with pytest.raises(BusyError, match="began at this moment"):
        offices[1].take(1)


def test_nothing_secret_is_written(url: str, tmp_path: Path) -> None:
    """Credentials come from the environment, and stay there."""
    made = make_scan(tmp_path)
    settings = replace(made.settings, url=url)
    put(settings)

    for path in settings.data.rglob("*"):
        if path.is_file():
            assert b"made-secret-of-tests" not in path.read_bytes()


def test_erasure_reaches_the_url_and_the_copies_of_others(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that lies there names the address, nor what another machine fetched before."""
    data = make_everything(tmp_path)
    here = replace(data.settings, url=url)
    there = replace(here, data=tmp_path / "another")
    put(here)
    exchange(there)
    assert len(found_in(there.data, GONE)) > 8
    ip = parse_ip(GONE)
    plan = partial(plan_purge, here, forget=RangeSet.of([Range(ip, ip)]), only_erasure=True)
    carry_out(here, plan, lambda _: None)

    exchange(there)
    assert found_in(there.data, GONE) == set()
    monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "copies"))
    fresh = replace(here, data=tmp_path / "fresh")
    exchange(fresh)
    assert found_in(fresh.data, GONE) == set()


def test_what_was_purged_does_not_come_back(url: str, tmp_path: Path) -> None:
    """Neither to the machine that purged it, nor to others."""
    data = make_everything(tmp_path)
    note_retention(data.layout, CAMPAIGN, Retention())
    here = replace(data.settings, url=url)
    there = replace(here, data=tmp_path / "another")
    put(here)
    exchange(there)
    plan = partial(plan_purge, here, now=MORNING + timedelta(days=400))
    carry_out(here, plan, lambda _: None)
    exchange(here)
    exchange(there)

    assert plan().removals == ()
    left = [path for path in there.data.rglob("*/messages/*") if path.is_file()]
    assert left == []
    run = Layout(there.data).run(CAMPAIGN, RUN)
    assert all(one.kept == 0 for one in read_manifest(run).receipts())
