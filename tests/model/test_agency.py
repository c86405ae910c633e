"""How closely an agency answers for an address."""

from typing import Any

import pytest

from survey.model.address import Range
from survey.model.agency import Agency, Jurisdiction, closest_agency

CLAIMS = Jurisdiction(frozenset({"ES"}), frozenset({64500}), (Range(100, 199),), (Range(150, 159),))


@pytest.mark.parametrize(
    ("ip", "country", "asn", "closeness"),
    [
        (120, "FR", 64501, 3),
        (120, "ES", 64500, 3),
        (300, "ES", 64500, 2),
        (300, "ES", None, 1),
        (300, "", None, 0),
        (155, "ES", 64500, 0),
    ],
)
def test_range_is_closer_than_network_than_country(
    ip: int, country: str, asn: int | None, closeness: int
) -> None:
    """An exclusion beats them all; nothing known is nobody's."""
    assert CLAIMS.closeness(ip, country, asn) == closeness


def test_the_closest_agency_answers() -> None:
    """By range before network before country; the first of equals; nobody if none claims it."""

    def agency(name: str, **claims: Any) -> Agency:
        nothing = {"countries": frozenset(), "networks": frozenset(), "ranges": (), "excluded": ()}
        jurisdiction = Jurisdiction(**(nothing | claims))
        return Agency(name, name, "ES", ("es",), jurisdiction, "", "", "TLP:AMBER")

    one, two = (agency(name, countries=frozenset({"ES"})) for name in ("one", "two"))
    net = agency("net", networks=frozenset({64500}))

    assert closest_agency([one, two, net], 7, "ES", 64500) is net
    assert closest_agency([one, two, net], 7, "ES", None) is one
    assert closest_agency([one, two, net], 7, "MX", None) is None
    assert closest_agency([], 7, "ES", None) is None
