"""Every address of the lab has one holder, or none; holders are unequal."""

import collections
import tomllib
from importlib.resources import files

import pytest

from survey.lab.draws import draws_of
from survey.lab.geography import COUNTRIES, make_geography
from survey.model.address import Range

MILLION = (Range(0x7F10_0000, 0x7F1F_FFFF),)


@pytest.mark.parametrize(
    "ranges",
    [
        MILLION,
        (Range(0x7F10_0000, 0x7F10_0000),),
        (Range(0x7F10_0003, 0x7F10_0108),),
        (Range(0x7F10_0000, 0x7F10_00FF), Range(0x7F20_0080, 0x7F20_0FFF)),
    ],
)
def test_holdings_cover_the_ranges_exactly_once(ranges: tuple[Range, ...]) -> None:
    """No address is left out or held twice, whatever the lab's size."""
    holdings = make_geography(draws_of("lab"), ranges).holdings

    held = [ip for part in holdings for ip in (part.range.start, part.range.end + 1)]
    assert held == sorted(held)
    assert sum(len(part.range) for part in holdings) == sum(map(len, ranges))
    for part in holdings:
        assert any(part.range.start in one and part.range.end in one for one in ranges)


def test_networks_have_private_numbers_and_unequal_sizes() -> None:
    """Sixty networks; the biggest is many times the median."""
    geography = make_geography(draws_of("lab"), MILLION)

    sizes = collections.Counter[int]()
    for part in geography.holdings:
        if part.network:
            sizes[part.network.asn] += len(part.range)
    ranked = [size for _, size in sizes.most_common()]
    assert len(ranked) == 60
    assert all(64496 <= asn <= 65534 for asn in sizes)
    assert ranked[0] > 6 * ranked[30]


def test_some_addresses_belong_to_nobody() -> None:
    """A gap has neither network nor country."""
    holdings = make_geography(draws_of("lab"), MILLION).holdings

    gaps = [part for part in holdings if part.network is None]
    assert gaps
    assert all(part.country is None for part in gaps)


def test_a_few_networks_reach_into_another_country() -> None:
    """Where an address is and where its network sits are two questions."""
    holdings = make_geography(draws_of("lab"), MILLION).holdings

    abroad = [part for part in holdings if part.network and part.country != part.network.country]
    assert 0 < len(abroad) < len(holdings) / 4


def test_names_are_told_apart_and_some_network_has_no_contact() -> None:
    """Names and domains are unique; contacts are example mailboxes."""
    networks = make_geography(draws_of("lab"), MILLION).networks

    assert len({one.name for one in networks}) == len({one.domain for one in networks}) == 60
    assert {one.contact.rpartition(".")[2] for one in networks} == {"example", ""}


def test_every_language_is_of_a_country() -> None:
    """Countries are told apart; Spanish is spoken in several."""
    assert len({one.code for one in COUNTRIES}) == len(COUNTRIES)
    assert sum(one.language == "es" for one in COUNTRIES) > 3


@pytest.mark.parametrize("seed", ["demo", "lab", "history"])
def test_networks_of_an_agency_stand_in_its_country(seed: str) -> None:
    """The map of the agency that answers for networks shows Egypt, whatever the lab's seed."""
    text = (files("survey.lab") / "agencies" / "eg-khayali.toml").read_text(encoding="utf-8")
    wanted = tomllib.loads(text)["jurisdiction"]["networks"]
    networks = make_geography(draws_of(seed), MILLION).networks

    seated = {one.asn: one.country for one in networks if one.asn in wanted}
    assert {one.code for one in seated.values()} == {"EG"}
    assert {one.language for one in seated.values()} == {"ar"}
    assert len(seated) == len(wanted) == sum(one.country.code == "EG" for one in networks)
