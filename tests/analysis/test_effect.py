"""Did the letter help: the figures of lifelines and statsmodels, by case, as the lot fell."""

import json
import math
import random
from pathlib import Path

import pyarrow as pa
import pytest
from made_episodes import database, day, episode
from made_letters import letter, letters

from survey.analysis.effect import Effect, effect
from survey.analysis.suppression import publishable_effect

SAMPLES = json.loads((Path(__file__).parent / "effect_figures.json").read_text())["samples"]
"""Random samples with what lifelines and statsmodels say; ``make_effect_figures.py`` made it."""


def compare(episodes: list[dict], told: pa.Table) -> Effect:
    """What is found over these episodes."""
    with database(episodes) as connection:
        return effect(connection, told)


def rows(table: pa.Table, compared: str = "letter") -> list[dict]:
    """The rows of one comparison."""
    return [row for row in table.to_pylist() if row["compared"] == compared]


def sampled(sample: dict) -> Effect:
    """The effect over a sample, each case with one exposure."""
    episodes, told = [], []
    for ip, case in enumerate(sample["cases"]):
        end = day(case["days"])
        episodes.append(
            episode(ip, 0, last_open_at=end, fixed_at=end) | ({} if case["closed"] else OPEN)
        )
        label = "held_out" if case["held"] else "told"
        until = day(14) if case["held"] else None
        told.append(letter(f"C{ip}", ip, label=label, experiment=case["experiment"], until=until))
    # who closes on the day of the lot must still have been open then
    moved = [one | {"drawn_at": day(-0.001)} for one in told]
    begun = [one | {"opened_at": day(-1)} for one in episodes]
    return compare(begun, letters(*moved))


OPEN = {"fixed_at": None}

DRAWN = 300
"""Samples drawn to see how often intervals hold the truth."""


@pytest.mark.parametrize("sample", SAMPLES)
def test_shares_and_differences_are_those_of_lifelines(sample: dict) -> None:
    """Of one experiment and of several, with few cases, and where nobody closed."""
    found = {row["days"]: row for row in rows(sampled(sample).differences)}
    assert sorted(found) == [7, 14, 30, 90]
    for days, row in found.items():
        wanted = sample["at"].get(str(days))
        names = ("closed", "against_closed", "difference", "difference_low", "difference_high")
        said = [row[name] for name in names]
        assert said == ([None] * 5 if wanted is None else pytest.approx(wanted))


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_log_rank_test_is_that_of_lifelines_and_statsmodels(sample: dict) -> None:
    """Several experiments each within itself; over all days, and while the others wait."""
    for row in rows(sampled(sample).differences):
        for name in ("log_rank", "log_rank_apart"):
            assert row[name] == pytest.approx(sample[name], rel=1e-6, abs=1e-12)


def test_a_case_is_closed_when_all_of_it_is() -> None:
    """Chance decided about the case, so ten servers of one operator are not ten answers."""
    episodes = [
        episode(1, -1, last_open_at=day(2), fixed_at=day(3)),
        episode(2, -1, last_open_at=day(8), fixed_at=day(9)),
        episode(3, -1, last_open_at=day(2), fixed_at=day(3)),
        episode(4, -1, last_open_at=day(40)),
        episode(5, -1, last_open_at=day(40)),
    ]
    told = letters(
        *(letter("A", ip) for ip in (1, 2)),
        *(letter("B", ip) for ip in (3, 4)),
        letter("C", 5, label="held_out"),
    )
    found = compare(episodes, told)
    (arm, against) = rows(found.arms)
    assert (arm["arm"], arm["cases"], arm["exposures"], arm["closed"]) == ("told", 2, 4, 1)
    assert (against["arm"], against["cases"], against["closed"]) == ("held_out", 1, 0)
    assert {row["days"]: row["closed"] for row in rows(found.differences)} == {
        7: 0.0,
        14: 0.5,
        30: 0.5,
        90: None,
    }


def test_a_case_half_closed_and_half_lost_was_open_as_long_as_it_was_seen_open() -> None:
    """The server that was fixed proves the case open until then, and lost is no closure."""
    episodes = [
        episode(1, -1, last_open_at=day(20), fixed_at=day(21)),
        episode(2, -1, last_open_at=day(5), lost_at=day(40)),
        episode(3, -1, last_open_at=day(21)),
    ]
    told = letters(letter("A", 1), letter("A", 2), letter("B", 3, label="held_out"))
    shares = {row["days"]: row["closed"] for row in rows(compare(episodes, told).differences)}
    assert shares == {7: 0.0, 14: 0.0, 30: None, 90: None}


def test_days_are_whole_and_count_from_the_lot_not_from_the_letter() -> None:
    """A letter that was approved late must not make the wait of those told look shorter."""
    episodes = [
        episode(1, -1, last_open_at=day(3), fixed_at=day(7.1)),
        episode(2, -1, last_open_at=day(7)),
    ]
    told = letters(
        letter("A", 1, started_at=day(2), sent_at=day(2)), letter("B", 2, label="held_out")
    )
    (row, *_) = rows(compare(episodes, told).differences)
    assert (row["days"], row["closed"], row["closed_most"]) == (7, 1.0, 1.0)


def test_who_was_to_be_told_counts_as_told_whatever_became_of_the_letter() -> None:
    """Bounced, or never sent; and who was held out stays so when the letter comes (as drawn)."""
    episodes = [episode(ip, -1, last_open_at=day(40)) for ip in range(1, 6)]
    unsent = {"started_at": None, "sent_at": None, "delivered": None, "bounced": None}
    told = letters(
        letter("A", 1),
        letter("B", 2, delivered=False, bounced=True),
        letter("C", 3, **unsent),
        letter("D", 4, label="held_out", sent_at=day(14)),
        letter("E", 5, label="held_out", **unsent),
    )
    counted = {
        row["arm"]: (row["drawn"], row["cases"], row["sent"], row["delivered"], row["bounced"])
        for row in rows(compare(episodes, told).arms)
    }
    assert counted == {"told": (3, 3, 2, 1, 1), "held_out": (2, 2, 1, 1, 0)}


def test_without_a_lot_nothing_is_compared() -> None:
    """Letters of before the experiment were nobody's chance."""
    episodes = [episode(1, -1), episode(2, -1)]
    told = letters(letter("A", 1, experiment=""), letter("B", 2, experiment=""))
    found = compare(episodes, told)
    assert (found.arms.num_rows, found.differences.num_rows) == (0, 0)
    assert compare([], letters()).arms.num_rows == 0


def test_who_has_opted_out_or_was_closed_before_is_drawn_and_not_compared() -> None:
    """Both are told, so that nobody has to guess where cases went."""
    episodes = [
        episode(1, -1, last_open_at=day(30)),
        episode(2, -9, last_open_at=day(-3), fixed_at=day(-2)),
        episode(4, -1, last_open_at=day(30)),
    ]
    told = letters(letter("A", 1), letter("B", 2), letter("C", 3), letter("D", 4, label="held_out"))
    arm = rows(compare(episodes, told).arms)[0]
    assert (arm["drawn"], arm["cases"]) == (3, 1)


def test_an_exposure_in_two_cases_counts_for_the_first_lot() -> None:
    """Cases split and merge after the lot; what chance decided first is what counts."""
    episodes = [episode(1, -1, last_open_at=day(30)), episode(2, -1, last_open_at=day(30))]
    told = letters(
        letter("A", 1),
        letter("B", 1, label="held_out", drawn_at=day(3)),
        letter("C", 2, label="held_out"),
    )
    counted = {row["arm"]: row["cases"] for row in rows(compare(episodes, told).arms)}
    assert counted == {"told": 1, "held_out": 1}


def test_arms_are_compared_among_those_told_at_once_with_the_usual_form() -> None:
    """Each with the wait taken out; an arm of only one kind is no comparison."""
    episodes, told = [], []
    for ip in range(80):
        pdf, english, held = ip % 2 == 0, ip % 4 < 2, ip % 5 == 0
        closes = 5 if pdf else 50
        episodes.append(episode(ip, -1, last_open_at=day(closes), fixed_at=day(closes + 1)))
        told.append(
            letter(
                f"C{ip}",
                ip,
                medium="pdf" if pdf else "text",
                language="en" if english else "operator",
                label="held_out" if held else "told",
            )
        )
    found = compare(episodes, letters(*told))
    medium = {row["days"]: row for row in rows(found.differences, "medium")}
    assert (medium[7]["arm"], medium[7]["against"]) == ("pdf", "text")
    assert (medium[7]["closed"], medium[7]["against_closed"]) == (1.0, 0.0)
    assert medium[7]["cases"] + medium[7]["cases_against"] == 64
    assert medium[7]["difference_low"] > 0.7
    assert medium[7]["log_rank"] < 1e-6
    assert rows(found.differences, "language")[0]["log_rank"] > 0.5
    assert rows(found.differences, "wording") == []
    assert {row["arm"] for row in rows(found.arms, "medium")} == {"pdf", "text"}


def test_experiments_are_compared_each_within_itself() -> None:
    """Quick ones mostly wait, slow ones seldom: put together they would look like an effect."""
    episodes, told = [], []
    for ip in range(400):
        quick = ip < 200
        held = ip % 10 < (8 if quick else 2)
        closes = 1 + (ip // 10) % 20 + (0 if quick else 40)
        episodes.append(episode(ip, -1, last_open_at=day(closes), fixed_at=day(closes)))
        told.append(
            letter(
                f"C{ip}",
                ip,
                experiment="quick" if quick else "slow",
                label="held_out" if held else "told",
            )
        )
    row = next(one for one in rows(compare(episodes, letters(*told)).differences)
               if one["days"] == 30)  # fmt: skip
    assert row["difference"] == pytest.approx(0.0, abs=1e-9)
    assert row["log_rank"] > 0.9


def test_what_is_published_is_of_30_days_and_of_no_small_number() -> None:
    """Three closed cases among fifty could be found; so could what lies between two days."""
    for closed, hidden in ((3, True), (47, True), (25, False)):
        episodes, told = [], []
        for ip in range(100):
            held = ip >= 50
            soon = ip % 50 < (25 if held else closed)
            known = {"last_open_at": day(9), "fixed_at": day(10)} if soon else {}
            episodes.append(episode(ip, -1, **{"last_open_at": day(40)} | known))
            told.append(letter(f"C{ip}", ip, label="held_out" if held else "told"))
        (row,) = publishable_effect(compare(episodes, letters(*told)).differences).to_pylist()
        assert (row["days"], row["suppressed"]) == (30, hidden)
        assert (row["closed"] is None) is hidden
        assert (row["cases"] is None) is hidden
        assert (row["difference_low"] is None) is hidden
        assert (row["log_rank"] is None) is hidden


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("size", "share", "told_days", "held_days"),
    [(40, 0.25, 12.0, 90.0), (40, 0.25, 400.0, 400.0), (200, 0.3, 15.0, 60.0)],
)
def test_intervals_of_few_cases_hold_the_truth_as_often_as_they_say(
    size: int, share: float, told_days: float, held_days: float
) -> None:
    """Also where hardly anybody closes: without the exact interval, those would have no width."""
    rng = random.Random(f"{size} {told_days} {held_days}")
    held = {7: 0, 30: 0}
    for _ in range(DRAWN):
        episodes, told = [], []
        for ip in range(size):
            waits = rng.random() < share
            closes = rng.expovariate(1 / (held_days if waits else told_days))
            leaves = rng.uniform(31, 120)
            ends = {"fixed_at": day(closes)} if closes < leaves else {}
            episodes.append(episode(ip, -1, last_open_at=day(min(closes, leaves)), **ends))
            told.append(letter(f"C{ip}", ip, label="held_out" if waits else "told"))
        found = {row["days"]: row for row in rows(compare(episodes, letters(*told)).differences)}
        for days in held:
            # a closing in the course of a day counts for that day
            truth = math.exp(-(days + 1) / held_days) - math.exp(-(days + 1) / told_days)
            held[days] += found[days]["difference_low"] <= truth <= found[days]["difference_high"]
    assert min(held.values()) >= 0.92 * DRAWN, held
