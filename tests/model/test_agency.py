"""How closely an agency answers for an address."""

import pytest

from survey.model.address import Range
from survey.model.agency import Jurisdiction

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
