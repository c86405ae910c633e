"""The first answer in time decides a target, once; everything else is counted."""

import numpy as np
import pytest

from survey.engine.discovery import Heard
from survey.engine.syn.answers import Said
from survey.engine.syn.books import Books


def places(*numbers: int) -> np.ndarray:
    """Some targets."""
    return np.array(numbers, dtype=np.int64)


def said(*words: Said) -> np.ndarray:
    """What was said."""
    return np.array(words, dtype=np.uint8)


def test_first_answer_decides() -> None:
    """Whatever comes afterwards is a repetition, in the same batch or a later one."""
    books = Books(10)
    books.launch(places(3, 4, 5), 1.0)

    first = books.settle(places(4, 3, 4), said(Said.REFUSED, Said.OPEN, Said.OPEN))
    again = books.settle(places(3, 4), said(Said.REFUSED, Said.OPEN))

    assert first.tolist() == [True, True, False]
    assert again.tolist() == [False, False]
    assert books.heard == Heard(repeated=3)
    assert books.in_air == 1


def test_silence_is_for_good() -> None:
    """An answer after the time is late and decides nothing, as for a connect()."""
    books = Books(4)
    books.launch(places(0, 1), 1.0)
    books.launch(places(2), 2.0)
    books.settle(places(1), said(Said.OPEN))

    assert books.give_up(0.9).tolist() == []
    assert books.give_up(1.0).tolist() == [0]
    assert books.in_air == 1
    assert books.oldest == 2.0
    assert books.settle(places(0, 2), said(Said.OPEN, Said.OPEN)).tolist() == [False, True]
    assert books.heard == Heard(late=1)
    assert books.give_up(9.0).tolist() == []
    assert (books.in_air, books.oldest) == (0, None)


def test_answer_of_a_target_that_was_sent_nothing_decides_nothing() -> None:
    """It can't have a proof; should it ever, it is a repetition and no result."""
    books = Books(4)

    assert books.settle(places(2), said(Said.OPEN)).tolist() == [False]
    assert books.in_air == 0


def test_second_syn_to_a_target_is_a_mistake_of_ours() -> None:
    """Nothing is ever sent twice."""
    books = Books(4)
    books.launch(places(1), 1.0)
    books.settle(places(1), said(Said.OPEN))

    with pytest.raises(AssertionError, match="second SYN"):
        books.launch(places(0, 1), 2.0)
