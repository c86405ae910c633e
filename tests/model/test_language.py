"""Each reader gets a language that exists."""

import pytest

from survey.model.language import choose_language


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (("es", "en"), "es"),
        (("ja", "es"), "es"),
        (("es-419",), "es"),
        (("ES",), "es"),
        (("ja",), "en"),
        (("",), "en"),
        ((), "en"),
    ],
)
def test_reader_gets_the_first_language_that_exists(wanted: tuple[str, ...], given: str) -> None:
    """The region is dropped if need be; who reads none of ours gets English."""
    assert choose_language(wanted, ("en", "es")) == given
