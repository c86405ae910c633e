"""Chance that is the same everywhere."""

import collections

import numpy as np

from survey.lab.draws import BLOCK, draws_of


def test_the_same_question_has_the_same_answer_in_any_process() -> None:
    """Frozen values: whoever changes them changes every lab there is."""
    draws = draws_of("lab")

    assert draws.number("a", 1) == 0x1C96217216176BE9
    assert draws.block(0x7F10_0000)[:3].tolist() == [2401407706, 2290199835, 630714634]


def test_words_of_a_question_do_not_run_together() -> None:
    """("ab", "c") is another question than ("a", "bc")."""
    draws = draws_of("lab")

    assert draws.number("ab", "c") != draws.number("a", "bc")
    assert draws.number("ab", "c") != draws_of("other").number("ab", "c")


def test_weights_decide_how_often_a_choice_is_drawn() -> None:
    """Three to one, over ten thousand questions."""
    draws = draws_of("lab")

    counts = collections.Counter(
        draws.weigh([("often", 3.0), ("seldom", 1.0), ("never", 0.0)], "q", number)
        for number in range(10_000)
    )

    assert 7300 < counts["often"] < 7700
    assert counts["never"] == 0


def test_a_block_draws_evenly_and_differs_from_its_neighbour() -> None:
    """The mean of many draws is near the middle; no block repeats another."""
    draws = draws_of("lab")

    blocks = [draws.block(number * BLOCK) for number in range(400)]

    assert abs(np.mean(np.concatenate(blocks)) / 2**32 - 0.5) < 0.01
    assert len({block.tobytes() for block in blocks}) == 400


def test_a_shuffle_keeps_every_choice() -> None:
    """It is a permutation, and not the order given."""
    shuffled = draws_of("lab").shuffle(range(50), "deck")

    assert sorted(shuffled) == list(range(50))
    assert shuffled != list(range(50))


def test_numbers_between_stay_between() -> None:
    """The low end is included, the high end is not."""
    draws = draws_of("lab")

    assert all(-1 <= draws.between(-1, 1, "b", n) < 1 for n in range(1000))
    assert {draws.pick("xyz", "p", n) for n in range(100)} == set("xyz")
