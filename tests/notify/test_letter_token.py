"""The token of a letter: short enough for an address, and nobody's invention."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.case import case_number
from survey.model.letter import LetterKind
from survey.notify.letter_token import envelope_sender, letter_token, read_token

KEY = b"k" * 32
CASE = "OSYS-2026-000123"


@given(
    st.integers(2026, 9999), st.integers(1, 10**9), st.sampled_from(list(LetterKind)), st.booleans()
)
def test_token_names_its_letter(year: int, count: int, kind: LetterKind, upper: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever a mail server does to the letters' case."""
    number = case_number(year, count)
    sender = envelope_sender(KEY, number, kind, "survey.example")
    assert len(sender.partition("@")[0]) <= 64  # RFC 5321 s4.5.3.1.1
    assert read_token(KEY, sender.upper() if upper else sender) == (number, kind)


def test_token_is_found_among_other_words() -> None:
    """A list of addresses, a Message-ID."""
    token = letter_token(KEY, CASE, LetterKind.REMINDER)
    text = f"desk@survey.example <letter.{token}@survey.example>, x@y.example"
    assert read_token(KEY, text) == (CASE, LetterKind.REMINDER)


@pytest.mark.parametrize("kind", list(LetterKind))
def test_each_letter_has_a_token_of_its_own(kind: LetterKind) -> None:
    """A bounce of the first notice says nothing of the reminder."""
    tokens = {letter_token(KEY, CASE, one) for one in LetterKind}
    assert len(tokens) == len(LetterKind)
    assert letter_token(b"x" * 32, CASE, kind) not in tokens


@given(st.text(max_size=200))
def test_nothing_else_is_a_token(text: str) -> None:
    """Nor is a true one with a digit changed."""
    assert read_token(KEY, text) is None
    token = letter_token(KEY, CASE, LetterKind.THANKS)
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert read_token(KEY, forged) is None
    assert read_token(b"x" * 32, token) is None


def test_true_token_is_found_behind_a_forged_one() -> None:
    """Somebody's quote comes first."""
    true = letter_token(KEY, CASE, LetterKind.THANKS)
    assert read_token(KEY, f"2026-000001-f-{'0' * 20} {true}") == (CASE, LetterKind.THANKS)
