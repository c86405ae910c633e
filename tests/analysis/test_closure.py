"""Time to closure: the same figures as lifelines, honest about what nobody saw."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from made_episodes import database, day, episode

from survey.analysis.closure import STARTS, closure
from survey.model.episode import Part

SAMPLES = json.loads((Path(__file__).parent / "lifelines.json").read_text())["samples"]
"""Random samples with what lifelines says of them; ``make_lifelines.py`` made it."""


def told(sample: dict) -> list[dict]:
    """The sample as episodes whose last proof and first negative check are one moment."""
    return [
        episode(ip, 0, last_open_at=day(days), fixed_at=day(days) if closed else None)
        for ip, (days, closed) in enumerate(zip(sample["days"], sample["closed"], strict=True))
    ]


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_curve_and_its_band_are_those_of_lifelines(sample: dict) -> None:
    """At every day on which something closed."""
    with database(told(sample)) as connection:
        rows = closure(connection, Part.ALL).curve.to_pylist()[1:]
    assert len(rows) == len(sample["curve"])
    for row, (days, at_risk, closed, share, low, high) in zip(rows, sample["curve"], strict=True):
        assert (row["days"], row["at_risk"], row["closed"]) == (days, at_risk, closed)
        assert row["still_open"] == pytest.approx(share)
        assert row["still_open_earliest"] == pytest.approx(share)
        if 0 < share < 1:
            assert (row["low"], row["high"]) == pytest.approx((low, high))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_shares_closed_by_a_day_are_those_of_lifelines(sample: dict) -> None:
    """And the median; a day to which nobody was followed has no share."""
    with database(told(sample)) as connection:
        (row,) = closure(connection, Part.ALL).shares.to_pylist()
    assert row["median_days"] == pytest.approx(sample["median"])
    for days in (7, 14, 30, 90):
        share = sample["at"].get(str(days))
        assert row[f"closed_{days}"] == (None if share is None else pytest.approx(1 - share))


def test_a_closing_between_two_checks_is_told_as_two_bounds() -> None:
    """Last open on day 6, found closed on day 13: by day 7 it may have been closed, or not."""
    rows = [episode(ip, 0, last_open_at=day(6), fixed_at=day(13)) for ip in range(4)]
    rows.append(episode(9, 0, last_open_at=day(20)))
    with database(rows) as connection:
        (row,) = closure(connection, Part.ALL).shares.to_pylist()
    assert (row["closed_7"], row["closed_7_most"]) == pytest.approx((0.0, 0.8))
    assert (row["closed_14"], row["closed_14_most"]) == pytest.approx((0.8, 0.8))
    assert (row["median_days_least"], row["median_days"]) == (6, 13)


def test_lost_and_unconfirmed_are_followed_to_their_last_proof() -> None:
    """Neither is a closure, and neither is known to be open later."""
    rows = [
        episode(1, 0, last_open_at=day(7), lost_at=day(40)),
        episode(2, 0, last_open_at=day(7), closing_at=day(14)),
        episode(3, 0, last_open_at=day(14), fixed_at=day(21)),
    ]
    with database(rows) as connection:
        found = closure(connection, Part.ALL)
    assert [(row["days"], row["at_risk"]) for row in found.curve.to_pylist()] == [(0, 3), (21, 1)]
    assert found.shares.to_pylist()[0]["fixed"] == 1


def test_a_clock_may_start_with_a_letter() -> None:
    """Only who was open then counts, from then on, by the label of the letter."""
    rows = [
        episode(1, 0, last_open_at=day(7), fixed_at=day(14)),
        episode(2, 0, last_open_at=day(7), fixed_at=day(14)),
        episode(3, 0, last_open_at=day(1), fixed_at=day(2)),
    ]
    starts = pa.Table.from_pylist(
        [
            {
                "campaign": "made",
                "ip": ip,
                "port": 1080,
                "kind": "proxy",
                "started_at": day(5) + timedelta(hours=after),
                "label": label,
            }
            for ip, label, after in (
                *((1, "told", 0), (1, "told", 24), (2, "held out", 0)),
                *((3, "told", 0), (4, "told", 0)),
            )
        ],
        STARTS,
    )
    with database(rows) as connection:
        shares = closure(connection, Part.ALL, starts).shares.to_pylist()
    assert {(row["part"], row["episodes"], row["median_days"]) for row in shares} == {
        ("told", 1, 9.0),
        ("held out", 1, 9.0),
    }


def test_parts_are_told_apart_and_networks_have_their_names() -> None:
    """Among them the part of which no registry knows the network."""
    rows = [
        episode(1, 0, asn=64496, network="A", fixed_at=day(7)),
        episode(2, 0, asn=64497, network="B", last_open_at=day(7)),
        episode(3, 0),
    ]
    with database(rows) as connection:
        shares = closure(connection, Part.NETWORK).shares.to_pylist()
    assert {(row["part"], row["network"], row["fixed"]) for row in shares} == {
        ("64496", "A", 1),
        ("64497", "B", 0),
        (None, None, 0),
    }


def test_of_nobody_there_is_nothing_to_tell() -> None:
    """No row, no error."""
    with database(()) as connection:
        found = closure(connection, Part.COUNTRY)
    assert (found.curve.num_rows, found.shares.num_rows) == (0, 0)
