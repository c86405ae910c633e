"""Words come back as they were said, and nothing else is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.control import Lease, Renewal, Word
from survey.protocols.lease_line import (
    LINE,
    renewal_from_line,
    renewal_to_line,
    word_from_line,
    word_to_line,
)

WORD = Word(3, granted=True, stop=False, paused=True, rate=500, optouts=7, now=12.25)
RENEWAL = Renewal(3, Lease(1, 250, 2), "00ff" * 4, 7)


def test_words_come_back() -> None:
    """In one short line each."""
    assert word_from_line(word_to_line(WORD)) == WORD
    assert renewal_from_line(renewal_to_line(RENEWAL)) == RENEWAL
    for line in (word_to_line(WORD), renewal_to_line(RENEWAL)):
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert len(line) < LINE


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]",
        b"7",
        b"\xff\xfe",
        b"[" * 900,
        renewal_to_line(RENEWAL).replace(b"250", b"-1"),
        renewal_to_line(RENEWAL).replace(b"250", b'"250"'),
        renewal_to_line(RENEWAL).replace(b'"lease"', b'"least"'),
        renewal_to_line(RENEWAL).replace(b'"optouts":7', b'"optouts":true'),
        word_to_line(WORD),
    ],
)
def test_what_is_no_renewal_is_refused(line: bytes) -> None:
    """As a ValueError, whatever it is."""
    with pytest.raises(ValueError, match="is no renewal"):
        renewal_from_line(line)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0truefalsn').map(str.encode))
def test_garbage_is_a_value_error(line: bytes) -> None:
    """Never another exception."""
    for read in (renewal_from_line, word_from_line):
        with pytest.raises(ValueError, match="is no"):
            read(line)


def test_word_without_a_grant_is_no_word() -> None:
    """Nothing is taken for granted."""
    with pytest.raises(ValueError, match="is no word"):
        word_from_line(word_to_line(WORD).replace(b'"granted":true,', b""))
