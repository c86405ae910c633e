"""A report says whether the letters helped, as surely as chance can, and publishes nothing small.

Every language says the same.
"""

from dataclasses import replace

import pytest
from made_figures import EFFECT, make_figures

from survey.reports.compose import compose
from survey.reports.document import Document, Facts, Paragraph, Section, Table
from survey.reports.figures import Arm, Effect, Figures, Trial
from survey.reports.languages import speak, written
from survey.reports.summary import compose_summary


def section(document: Document) -> Section | None:
    """The one about letters, if there is one."""
    return next((one for one in document.sections if one.id == "effect"), None)


def made(effect: Effect | None, language: str = "en") -> Section | None:
    """What the report says of an effect."""
    return section(compose(speak(language), replace(make_figures(), effect=effect)))


def letter(gain: tuple[float, float, float] | None, waits: int = 14) -> Effect:
    """An effect of letters after 14 days."""
    told = Arm("told", 100, 90, 5, 95, (0.3, 0.4, 0.5, None), (None, gain, None, None))
    held = Arm("held_out", 40, 0, 0, 38, (0.1, 0.2, 0.5, None))
    return Effect(waits, (Trial("letter", (told, held)),))


def sentence(effect: Effect) -> str:
    """The answer."""
    found = made(effect)
    assert found is not None
    (text,) = [block.text for block in found.blocks if isinstance(block, Paragraph)]
    return text


def test_without_an_experiment_nothing_is_said() -> None:
    """Nobody drew lots, so nobody knows."""
    assert made(None) is None
    assert section(compose_summary(speak("en"), replace(make_figures(), effect=None))) is None


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ((0.2, 0.1, 0.3), "After 14 days, 20 more cases in a hundred were closed among those told"),
        ((-0.2, -0.3, -0.1), "After 14 days, 20 fewer cases in a hundred were closed among those"),
        ((0.2, -0.1, 0.4), "After 14 days, no clear difference is seen"),
        (None, "Too little has been observed to say whether the letters helped."),
    ],
)
def test_the_answer_is_as_sure_as_its_interval(
    gain: tuple[float, float, float] | None, said: str
) -> None:
    """A difference whose interval holds none is not called one."""
    assert sentence(letter(gain)).startswith(said)


def test_the_answer_is_of_days_on_which_only_one_side_had_its_letter() -> None:
    """After a week's wait the 14th day compares letters with letters."""
    assert sentence(letter((0.2, 0.1, 0.3), waits=7)).startswith("Too little")
    found = made(EFFECT)
    assert found is not None
    assert "After 14 days, 30 more cases" in sentence(EFFECT)
    assert "(95 % interval: +18 – +40)" in sentence(EFFECT)


def test_delivered_and_bounced_stand_beside_the_shares() -> None:
    """And the difference below them, with its interval."""
    found = made(EFFECT)
    assert found is not None
    told, arms = [block for block in found.blocks if isinstance(block, Table)]
    assert [row.name for row in told.rows] == ["Told at once", "Told later"]
    assert told.rows[0].cells == ("210", "188", "16", "201", "31%", "44%", "52%", "66%")
    assert told.foot is not None
    assert told.foot.cells[4:6] == ("+24 (+14 – +33)", "+30 (+18 – +40)")
    assert [row.name for row in arms.rows] == [
        "Mail with the letter attached",
        "Mail alone",
        "English",
        "In the operator’s language",
    ]
    assert arms.rows[0].cells == ("102", "92", "8", "98", "58%", "+12 (−2 – +25)")
    assert arms.rows[1].cells[-1] == "–"


@pytest.mark.parametrize("language", written())
def test_every_language_says_it(language: str) -> None:
    """With as many rows, and no word left in English."""
    found, english = made(EFFECT, language), made(EFFECT)
    assert found is not None
    assert english is not None
    assert len(found.blocks) == len(english.blocks)
    if language != "en":
        assert found.title != english.title
        names = [row.name for block in found.blocks if isinstance(block, Table)
                 for row in block.rows]  # fmt: skip
        assert not {"Told at once", "Mail alone", "English"} & set(names)


def published(told: float, later: float) -> Section | None:
    """What the public page says, with so many closed after 30 days of 40 on each side."""
    arms = tuple(
        Arm(name, 40, 40, 0, 40, (0.0, 0.0, share, None), ((0.1, 0.0, 0.2),) * 4)
        for name, share in (("told", told), ("held_out", later))
    )
    figures: Figures = replace(make_figures(), effect=Effect(14, (Trial("letter", arms),)))
    return section(compose_summary(speak("en"), figures))


def test_the_public_page_gives_shares_after_30_days() -> None:
    """Two of them, and nothing that is not suppressed."""
    found = published(0.5, 0.25)
    assert found is not None
    (facts,) = found.blocks
    assert isinstance(facts, Facts)
    assert [(one.name, one.value) for one in facts.facts] == [
        ("Told at once", "50%"),
        ("Told later", "25%"),
    ]
    assert "14" not in found.note


@pytest.mark.parametrize(("told", "later"), [(0.1, 0.5), (0.5, 0.1), (0.95, 0.5), (0.0, 0.5)])
def test_small_numbers_are_not_published(told: float, later: float) -> None:
    """Fewer than five that closed, or that did not, could be found."""
    assert published(told, later) is None
