"""How long conversations wait is the campaign's to say, within its kind."""

import pytest

from survey.model.plan import Kind, Patience
from survey.probes.timeouts import INTERNET, LAB, Timeouts, timeouts_of


@pytest.mark.parametrize(
    ("kind", "patience", "limits"),
    [
        (Kind.SURVEY, None, INTERNET),
        (Kind.LAB, None, LAB),
        (Kind.LAB, Patience.INTERNET, INTERNET),
    ],
)
def test_patience_follows_the_kind_unless_the_campaign_says(
    kind: Kind, patience: Patience | None, limits: Timeouts
) -> None:
    """A lab is quick by itself; one with real, slow servers asks for more."""
    assert timeouts_of(kind, patience) is limits
