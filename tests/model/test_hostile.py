"""A stranger's bytes and names come out visible, bounded and on one line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.hostile import show_bytes, show_text


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"220 mail.operator.example ESMTP", "220 mail.operator.example ESMTP"),
        (b"220 hi\r\n", "220 hi\\x0d\\x0a"),
        (b"\x1b[2J", "\\x1b[2J"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"a\\b", "a\\\\b"),
        (b"", ""),
    ],
)
def test_bytes_are_shown_as_ascii(data: bytes, shown: str) -> None:
    """Nothing but printable ASCII comes out, and it can be read back."""
    assert show_bytes(data, 80) == shown


def test_name_keeps_its_letters_and_shows_what_hides() -> None:
    """Accents and scripts stay; bidi overrides, zero widths and line breaks become visible."""
    assert show_text("Telefónica Ñ 日本", 40) == "Telefónica Ñ 日本"
    assert show_text("a\u202eb\u200bc\nd", 40) == "a\\u202eb\\u200bc\\u000ad"


@given(st.binary(max_size=400), st.integers(min_value=8, max_value=100))
def test_bytes_never_exceed_the_limit(data: bytes, limit: int) -> None:
    """At most ``limit`` characters, all of them printable, an escape never cut in two."""
    shown = show_bytes(data, limit)
    assert len(shown) <= limit
    assert shown.removesuffix("…").isascii()
    assert shown.isprintable()


@given(st.text(max_size=400), st.integers(min_value=8, max_value=100))
def test_names_never_exceed_the_limit(text: str, limit: int) -> None:
    """At most ``limit`` characters and no hidden one among them."""
    shown = show_text(text, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
