"""The balance: what was open, what came, what went; and networks that come and go by themselves."""

import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from made_checks import CAMPAIGN, Check, Run, walk, weeks, write_checks
from made_episodes import database, day, episode

from survey.analysis.balance import BEGINNING, balance, spans
from survey.analysis.churn import churn
from survey.model.episode import Part, Span

FLOWS = ("open_at_start", "new", "regressed", "fixed", "lost", "persistent", "open_at_end")


def test_a_week_is_told_by_hand() -> None:
    """One of each: who stayed, came, came back, was fixed, was lost."""
    rows = [
        episode(1, 0),
        episode(2, 0, fixed_at=day(8), confirmed_at=day(15)),
        episode(2, 9, number=2, opened_as="regressed"),
        episode(3, 0, lost_at=day(10)),
        episode(4, 9),
        episode(5, 9, fixed_at=day(10), confirmed_at=day(11)),
    ]
    with database(rows) as connection:
        (row,) = balance(connection, [("W2", day(7), day(14))], Part.ALL, known=False).to_pylist()
        (known,) = balance(connection, [("W2", day(7), day(14))], Part.ALL, known=True).to_pylist()
    assert [row[name] for name in FLOWS] == [3, 2, 1, 2, 1, 1, 3]
    assert [known[name] for name in FLOWS] == [3, 2, 1, 1, 1, 2, 4]


def test_one_that_two_probes_proved_is_in_both_parts() -> None:
    """Parts of a probe may add up to more than all."""
    rows = [episode(1, 1, probes=["socks4", "socks5"]), episode(2, 1)]
    with database(rows) as connection:
        told = balance(connection, [("W", day(0), day(7))], Part.PROBE, known=False).to_pylist()
    assert {row["part"]: row["new"] for row in told} == {"socks5": 2, "socks4": 1}


def test_periods_follow_the_runs_and_then_the_day() -> None:
    """What follow-ups have shown since the last run is a period of its own."""
    ends = [("R1", day(0)), ("R2", day(7))]
    assert list(spans(Span.RUN, ends, day(9))) == [
        ("R1", BEGINNING, day(0)),
        ("R2", day(0), day(7)),
        ("since R2", day(7), day(9)),
    ]
    months = list(spans(Span.MONTH, ends, day(40)))
    assert [name for name, _, _ in months] == ["2026-01", "2026-02"]
    assert months[-1][2] == day(40)
    assert not list(spans(Span.RUN, [], None))


@settings(max_examples=15)
@given(weeks())
def test_the_balance_holds_in_any_history(made: tuple[list[Run], list[list[Check]]]) -> None:
    """For each part, by either date; the stock is what a walk along each target says."""
    runs, histories = made
    with tempfile.TemporaryDirectory() as folder:
        layout, lives = write_checks(Path(folder), histories, runs)
        rows = pq.read_table(layout.episodes(CAMPAIGN)).to_pylist()
    for row in rows:
        row |= {"country": ("ES", "MX", None)[row["ip"] % 3], "asn": 64496 + row["ip"] % 2}
    ends = [(run.name, run.ended_at) for run in runs if run.ended_at]
    stretches = list(spans(Span.RUN, ends, lives.as_of))
    walked = [one for history in histories for one in walk(history, runs)]
    with database(rows) as connection:
        for part in Part:
            for known in (False, True):
                told = balance(connection, stretches, part, known=known).to_pylist()
                for row in told:
                    came = row["new"] + row["regressed"]
                    gone = row["fixed"] + row["lost"]
                    assert row["open_at_end"] == row["open_at_start"] + came - gone
                if part is Part.ALL:
                    stock = Counter({row["until"]: row["open_at_end"] for row in told})
                    assert stock == Counter(
                        {
                            until: sum(is_open(one, until, known=known) for one in walked)
                            for _, _, until in stretches
                            if walked
                        }
                    )


def is_open(one: object, moment: datetime, *, known: bool) -> bool:
    """Whether a walked episode lasts at a moment."""
    ended = (one.confirmed_at if known else one.fixed_at) or one.lost_at
    return one.opened_at <= moment and (ended is None or ended > moment)


def pool(asn: int, weeks: int, **known: object) -> list[dict]:
    """Servers that are each seen once, others every week."""
    return [
        episode(1000 * asn + 10 * week + host, 7 * week, asn=asn, network=f"N{asn}", **known)
        for week in range(weeks)
        for host in range(3)
    ]


@pytest.mark.parametrize(("weeks", "flagged"), [(6, True), (2, False)])
def test_a_pool_of_changing_addresses_is_flagged(weeks: int, flagged: bool) -> None:  # noqa: FBT001
    """Once there is enough of it to say so."""
    with database(pool(64496, weeks, lost_at=day(200))) as connection:
        (row,) = churn(connection).to_pylist()
    assert row["churn_dominated"] is flagged


def test_an_operator_who_closes_everything_is_no_pool() -> None:
    """All were short, and nothing came in their place."""
    rows = [
        episode(ip, 0, asn=64496, last_open_at=day(1), fixed_at=day(3), confirmed_at=day(4))
        for ip in range(30)
    ]
    stable = [episode(ip + 100, 0, asn=64497, last_open_at=day(300)) for ip in range(30)]
    with database([*rows, *stable]) as connection:
        told = churn(connection).to_pylist()
    assert {row["asn"]: row["churn_dominated"] for row in told} == {64496: False, 64497: False}
    assert {row["asn"]: row["short"] for row in told} == {64496: 30, 64497: 0}


def test_what_began_lately_is_not_short_yet() -> None:
    """Nobody can know how long it will last."""
    late = timedelta(days=395) + day(0)
    rows = [episode(ip, 395, asn=64496, as_of=day(400)) for ip in range(20)]
    assert rows[0]["opened_at"] == late
    with database(rows) as connection:
        (row,) = churn(connection).to_pylist()
    assert (row["short"], row["churn_dominated"]) == (0, False)
