"""Each reader gets a language that exists."""

import pytest

from survey.model.language import choose_language, direction


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


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant"),
        ("no", "nb"),
        ("nn-NO", "nb"),
    ],
)
def test_reader_gets_the_script_of_the_region(wanted: str, given: str) -> None:
    """Taiwan, Hong Kong and Macao write traditionally; Norwegian is read in Bokmål."""
    assert choose_language([wanted], ("en", "nb", "zh-Hans", "zh-Hant")) == given


def test_reader_of_chinese_is_content_with_the_only_script() -> None:
    """Both can be read, with some effort."""
    assert choose_language(["zh"], ("en", "zh-Hant")) == "zh-Hant"


@pytest.mark.parametrize("wanted", ["sr-Latn", "sr-Cyrl-RS", "sr-RS"])
def test_reader_of_serbian_gets_the_script_there_is(wanted: str) -> None:
    """Both are read in Serbia; the letters are in the administration's."""
    assert choose_language([wanted], ("en", "sr")) == "sr"


@pytest.mark.parametrize(("language", "way"), [("ar", "rtl"), ("ar-EG", "rtl"), ("es", "ltr")])
def test_arabic_is_written_from_right_to_left(language: str, way: str) -> None:
    """A page says which way its text runs."""
    assert direction(language) == way
