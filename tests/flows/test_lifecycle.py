"""From the shards of several runs to episodes, the way ``survey episodes`` does it."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from made_data import CAMPAIGN, MORNING, MadeData, arrived, seen

import survey
from survey.errors import ConfigError
from survey.flows.lifecycle import follow_letters, is_stale, trace
from survey.flows.watch import watch
from survey.model.address import parse_ip
from survey.model.agency import Jurisdiction
from survey.model.arrival import ArrivalKind
from survey.model.episode import ExposureKind, State, Told
from survey.model.failure import Failure
from survey.model.followup import Reason
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.storage.followups import read_queue

FLOWS = ("open_at_start", "new", "fixed", "open_at_end")


def week(number: int) -> datetime:
    """When a run begins."""
    return MORNING + timedelta(days=7 * number)


def open_socks(ip: str, number: int) -> tuple[object, object]:
    """A proxy that is proven in a run: what was observed, what arrived."""
    token = f"{ip}-{number}"
    return (
        seen(
            ip,
            Probe.SOCKS5,
            "echo",
            step=Step.ECHOED,
            token=token,
            nonce="n",
            started_at=week(number),
        ),
        arrived(ArrivalKind.TUNNEL, token, nonce="n"),
    )


def refused(ip: str, number: int, failure: Failure = Failure.REFUSED) -> object:
    """A port that nothing listens on any more, or that is silent."""
    return seen(
        ip, Probe.SOCKS5, "echo", step=Step.NOTHING, failure=failure, started_at=week(number)
    )


def told(rows: duckdb.DuckDBPyRelation) -> list[dict]:
    """A relation as rows."""
    return rows.to_arrow_table().to_pylist()


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """Three runs: one proxy that stays, one that is closed, one that goes silent, a late one."""
    data = MadeData(tmp_path)
    seen_in = [
        ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
        ["192.0.2.1"],
        ["192.0.2.1", "198.51.100.9"],
    ]
    others = [
        [],
        [refused("192.0.2.2", 1), refused("192.0.2.3", 1, Failure.CONNECT_TIMEOUT)],
        [refused("192.0.2.2", 2), refused("192.0.2.3", 2, Failure.CONNECT_TIMEOUT)],
    ]
    for number, ips in enumerate(seen_in):
        pairs = [open_socks(ip, number) for ip in ips]
        data.scan([*(row for row, _ in pairs), *others[number]], f"R{number}", week(number))
        data.arrive(row for _, row in pairs)
    return data


def test_runs_become_episodes(made: MadeData) -> None:
    """Each with where it was and what answered; silence is nothing."""
    summary = trace(made.settings, CAMPAIGN)
    assert (summary.runs, summary.judged) == (3, 3)
    assert summary.states[State.FIXED] == 1
    rows = pq.read_table(made.layout.episodes(CAMPAIGN)).to_pylist()
    assert {(row["ip"], row["state"]) for row in rows} == {
        (parse_ip("192.0.2.1"), "persistent"),
        (parse_ip("192.0.2.2"), "fixed"),
        (parse_ip("192.0.2.3"), "persistent"),
        (parse_ip("198.51.100.9"), "new"),
    }
    fixed = next(row for row in rows if row["state"] == "fixed")
    assert (fixed["country"], fixed["asn"], fixed["probes"]) == ("ES", 64496, ["socks5"])
    assert (fixed["last_open_at"], fixed["fixed_at"]) == (week(0), week(1))
    assert fixed["country_snapshot"] is not None


def test_only_what_changed_is_judged_anew(made: MadeData) -> None:
    """The newest run in any case, since mail comes late."""
    trace(made.settings, CAMPAIGN)
    assert not is_stale(made.layout.run(CAMPAIGN, "R0"))
    before = made.layout.episodes(CAMPAIGN).read_bytes()
    assert trace(made.settings, CAMPAIGN).judged == 1
    assert made.layout.episodes(CAMPAIGN).read_bytes() == before


def test_who_opts_out_has_no_episode(made: MadeData) -> None:
    """Not even one of before; nor one in a table that was made before."""
    trace(made.settings, CAMPAIGN)
    made.opt_out("192.0.2.1")
    with survey.open(made.layout.root) as opened:
        assert "192.0.2.1" not in {row[0] for row in opened.episodes().fetchall()}
    trace(made.settings, CAMPAIGN)
    ips = pq.read_table(made.layout.episodes(CAMPAIGN))["ip"].to_pylist()
    assert parse_ip("192.0.2.1") not in ips
    assert len(ips) == 3


def test_a_first_negative_check_is_confirmed_on_another_day(tmp_path: Path) -> None:
    """By the newest run, once, every test of the kind on that port."""
    data = MadeData(tmp_path)
    row, arrival = open_socks("192.0.2.2", 0)
    data.scan([row], "R0", week(0))
    data.arrive([arrival])
    data.scan([refused("192.0.2.2", 1)], "R1", week(1))
    assert trace(data.settings, CAMPAIGN).confirmations == 1
    assert trace(data.settings, CAMPAIGN).confirmations == 0
    (queued,) = read_queue(data.layout.run(CAMPAIGN, "R1")).waiting
    assert (queued.wanted.reason, queued.wanted.probe) == (Reason.LIFECYCLE, Probe.SOCKS5)
    assert queued.wanted.not_before == week(1) + timedelta(days=1)


def test_a_letter_is_followed_on_five_days(made: MadeData) -> None:
    """Queued once however often it is told; days count from the letter."""
    sent = MORNING + timedelta(days=2)
    told = [Told(parse_ip("192.0.2.1"), 1080, ExposureKind.PROXY, sent)]
    assert follow_letters(made.settings, CAMPAIGN, "R0", told) == 5
    assert follow_letters(made.settings, CAMPAIGN, "R0", told) == 0
    days = [
        (one.wanted.not_before - sent).days
        for one in read_queue(made.layout.run(CAMPAIGN, "R0")).waiting
    ]
    assert days == [1, 3, 7, 14, 30]


def test_cases_are_watched_and_what_is_not_planned_is_not(made: MadeData) -> None:
    """A letter's target is watched even before there are episodes."""
    sent = MORNING + timedelta(days=2)
    told = [
        Told(parse_ip("192.0.2.1"), 1080, ExposureKind.PROXY, sent),
        Told(parse_ip("203.0.113.1"), 1080, ExposureKind.PROXY, sent),
    ]
    follow_letters(made.settings, CAMPAIGN, "R0", told, sent)
    plan = made.plan("R3", week(3))
    assert watch(made.layout, plan) == 1
    (row,) = pq.read_table(made.layout.run(CAMPAIGN, "R3").watched).to_pylist()
    assert (row["ip"], row["port"], row["reason"]) == (parse_ip("192.0.2.1"), 1080, "case")
    trace(made.settings, CAMPAIGN)
    assert watch(made.layout, plan) == 4
    assert watch(made.layout, made.plan("R9", week(40))) == 3


def test_a_notebook_asks_for_the_lifecycle(made: MadeData) -> None:
    """Balance, closure, churn, for all or for one jurisdiction; and a bad choice is named."""
    trace(made.settings, CAMPAIGN)
    spain = Jurisdiction(frozenset({"ES"}), frozenset(), (), ())
    with survey.open(made.layout.root) as opened:
        (last,) = told(opened.balance().filter("period = 'R2'"))
        assert [last[name] for name in FLOWS] == [2, 1, 0, 3]
        (known,) = told(opened.balance(known=True).filter("period = 'R2'"))
        assert [known[name] for name in FLOWS] == [3, 1, 1, 3]
        assert all(row["part"] for row in told(opened.balance(by="network", jurisdiction=spain)))
        assert told(opened.closure())[0]["closed_7"] == pytest.approx(1 / 2)
        assert min(row["still_open"] for row in told(opened.closure_curve(by="country"))) < 1
        assert not any(row["churn_dominated"] for row in told(opened.churn()))
        with pytest.raises(ConfigError, match="one of all, kind"):
            opened.balance(by="moon")


def test_before_it_is_made_the_command_is_named(made: MadeData) -> None:
    """An empty answer would look like good news."""
    with survey.open(made.layout.root) as opened, pytest.raises(ConfigError, match="episodes"):
        opened.balance()


def test_a_campaign_without_a_run_is_an_error(made: MadeData) -> None:
    """With what to do about it."""
    with pytest.raises(ConfigError, match="survey plan"):
        trace(made.settings, "other")
