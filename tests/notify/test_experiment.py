"""The lot of a case can't be chosen, is the same whenever asked, and is balanced."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from survey.errors import ConfigError
from survey.model.agency import Agency, Jurisdiction
from survey.model.experiment import OPERATORS, Draw, Experiment, Group, Medium, Wording
from survey.notify.experiment import draw

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = bytes(range(32))
SIGNED = Experiment(
    reference="Resolution 2026/114",
    reason="whether letters close servers",
    signed_by="Ana Prueba",
    signed_on=date(2026, 11, 20),
    until=date(2026, 12, 31),
    share=0.25,
    days=(7, 14),
    languages=(OPERATORS, "en"),
    media=(Medium.TEXT, Medium.PDF),
    wordings=(Wording.FINDINGS_FIRST, Wording.STEPS_FIRST),
)
AGENCY = Agency(
    id="es-prueba",
    name="Agencia de Prueba",
    country="ES",
    languages=("es",),
    jurisdiction=Jurisdiction(frozenset({"ES"}), frozenset(), (), ()),
    contact="contacto@agencia-es.example",
    page="https://agencia-es.example/",
    tlp="TLP:AMBER",
    experiment=SIGNED,
)
CASES = 8000


def number(case: int) -> str:
    """A case's number."""
    return f"OSYS-2026-{case:06d}"


@pytest.fixture(scope="module")
def draws() -> list[Draw]:
    """Those of many cases."""
    return [draw(KEY, AGENCY, "lab", number(case), NOW) for case in range(CASES)]


def near(count: int, share: float, among: int) -> bool:
    """Whether a count is what so many lots give; the lots are fixed, so it can't flicker."""
    return abs(count - share * among) < 4 * (share * (1 - share) * among) ** 0.5


def test_nobody_waits_unless_the_agency_signed_it() -> None:
    """Off by default: told at once, in the usual form, and by no lot."""
    usual = draw(KEY, replace(AGENCY, experiment=None), "lab", number(1), NOW)
    assert usual == Draw("", NOW)
    assert (usual.group, usual.until) == (Group.TOLD, None)
    assert (usual.language, usual.medium) == (OPERATORS, Medium.TEXT)


@pytest.mark.parametrize(
    ("day", "drawn"), [(19, False), (20, True), (24, True), (31, True), (32, False)]
)
def test_an_experiment_is_in_force_from_its_signature_to_its_end(day: int, *, drawn: bool) -> None:
    """By the day in UTC, both ends included."""
    signed = replace(SIGNED, signed_on=date(2026, 12, 20), until=date(2026, 12, 31))
    moment = datetime(2026, 12, 1, 23, 59, tzinfo=UTC) + timedelta(days=day - 1)
    found = draw(KEY, replace(AGENCY, experiment=signed), "lab", number(1), moment)
    assert (found.experiment == SIGNED.reference) is drawn


def test_the_same_case_gets_the_same_lot() -> None:
    """Whenever it is asked; the time from which it waits is that of the first, recorded, draw."""
    first = draw(KEY, AGENCY, "lab", number(5), NOW)
    later = draw(KEY, AGENCY, "lab", number(5), NOW + timedelta(days=3))
    assert replace(later, drawn_at=NOW, until=first.until) == first


def test_the_signed_share_waits(draws: list[Draw]) -> None:
    """And no other; each of the delays is as frequent, and none is longer than signed."""
    held = [one for one in draws if one.group is Group.HELD_OUT]
    assert near(len(held), SIGNED.share, CASES)
    delays = Counter(one.until - one.drawn_at for one in held if one.until)
    assert set(delays) == {timedelta(days=7), timedelta(days=14)}
    assert near(delays[timedelta(days=7)], 0.5, len(held))
    assert all(one.until is None for one in draws if one.group is Group.TOLD)


def test_arms_are_balanced_and_independent(draws: list[Draw]) -> None:
    """Each of the 16 cells holds its share: no arm can be mistaken for another, or for the wait."""
    cells = Counter((one.group, one.language, one.medium, one.wording) for one in draws)
    wanted = list(product(Group, SIGNED.languages, SIGNED.media, SIGNED.wordings))
    assert set(cells) == set(wanted)
    for cell in wanted:
        share = SIGNED.share if cell[0] is Group.HELD_OUT else 1 - SIGNED.share
        assert near(cells[cell], share / 8, CASES), cell


@pytest.mark.parametrize("changed", ["key", "agency", "campaign"])
def test_another_key_agency_or_campaign_draws_anew(draws: list[Draw], changed: str) -> None:
    """As often as two lots of chance agree: a number of 1 does not wait everywhere."""
    key = KEY[::-1] if changed == "key" else KEY
    agency = replace(AGENCY, id="fr-essai") if changed == "agency" else AGENCY
    campaign = "other" if changed == "campaign" else "lab"
    alike = sum(
        draw(key, agency, campaign, number(case), NOW).group is draws[case].group
        for case in range(CASES)
    )
    assert near(alike, 0.75**2 + 0.25**2, CASES)


def test_parts_of_a_name_are_kept_apart() -> None:
    """Campaign ``ab`` of agency ``c`` is not campaign ``a`` of agency ``bc``."""
    lots = [
        [
            draw(KEY, replace(AGENCY, id=agency), campaign, number(case), NOW).group
            for case in range(64)
        ]
        for campaign, agency in (("ab", "c"), ("a", "bc"))
    ]
    assert lots[0] != lots[1]


def test_a_language_that_no_letter_is_written_in_is_refused() -> None:
    """Before anything is drawn, with the file, the key and the cure."""
    signed = replace(SIGNED, languages=(OPERATORS, "eo"))
    with pytest.raises(ConfigError, match=r"es-prueba\.toml: experiment\.languages: .*'eo'; .*en"):
        draw(KEY, replace(AGENCY, experiment=signed), "lab", number(1), NOW)
