"""Lines as wide as a mail reader shows them, in any script."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.notify.wrapping import columns, fill, joined


def test_wide_letters_take_two_columns_and_marks_above_none() -> None:
    """A Chinese letter is as wide as two Latin ones; an accent stands over its letter."""
    assert columns("ab") == 2
    assert columns("中文") == 4
    assert columns("e\u0301") == 1
    assert columns("\u200fab") == 2


def test_spaced_scripts_break_at_spaces() -> None:
    """As the standard library does it."""
    text = "one two three four five six"

    assert fill(text, 10, "- ", "  ") == textwrap.wrap(
        text, 10, initial_indent="- ", subsequent_indent="  "
    )


def test_scripts_without_spaces_break_anywhere() -> None:
    """Eight columns hold four letters."""
    assert fill("一二三四五六七", 8, "", "") == ["一二三四", "五六七"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("一二三四。五", ["一二三", "四。五"]),
        ("一二三「四五」", ["一二三", "「四五」"]),
        ("一 192.0.2.7 二", ["一", "192.0.2.7", "二"]),
    ],
)
def test_marks_stay_with_their_letters(text: str, lines: list[str]) -> None:
    """No line begins with a full stop or ends with an opening quote; words stay whole."""
    assert fill(text, 8, "", "") == lines


def test_korean_breaks_at_spaces() -> None:
    """Its letters are wide, but its words stay together."""
    assert fill("서버를 닫아 주십시오", 12, "", "") == ["서버를 닫아", "주십시오"]


def test_lines_are_joined_as_their_script_does() -> None:
    """A space between Latin words, none between Japanese sentences."""
    assert joined(["one", "two"]) == "one two"
    assert joined(["検査。", "接続"]) == "検査。接続"
    assert joined(["検査。", "192.0.2.7"]) == "検査。 192.0.2.7"


@given(st.text("一二。「」ab 1", max_size=60), st.integers(4, 20))
def test_nothing_is_lost(text: str, width: int) -> None:
    """The letters come out in their order, whatever the width."""
    lines = fill(text, width, "", "")

    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text("一二三四", min_size=1, max_size=60), st.integers(4, 20))
def test_no_line_is_too_wide(text: str, width: int) -> None:
    """Where it may break anywhere, it does."""
    assert all(columns(line) <= width for line in fill(text, width, "", ""))
