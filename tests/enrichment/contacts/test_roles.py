"""Which mailboxes are a role's."""

import pytest

from survey.enrichment.contacts.roles import is_role, rank


@pytest.mark.parametrize(
    ("email", "wanted"),
    [
        ("abuse@a.example", 0),
        ("Abuse-Desk@a.example", 0),
        ("ip-abuse@a.example", 0),
        ("abuso@a.example", 0),
        ("NOC@a.example", 1),
        ("noc-team@a.example", 1),
        ("csirt@a.example", 1),
        ("jane.doe@a.example", 2),
        ("nocturne@a.example", 2),
        ("security@a.example", 1),
    ],
)
def test_abuse_desks_then_roles_then_the_rest(email: str, wanted: int) -> None:
    """Several people can be expected behind the first two."""
    assert rank(email) == wanted
    assert is_role(email) == (wanted < 2 or "abuse" in email)
