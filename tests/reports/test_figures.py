"""What the figures derive from what they were given."""

from dataclasses import replace

import pytest
from made_figures import make_figures

from survey.reports.figures import Figures, pooled


@pytest.fixture
def figures() -> Figures:
    """Whole figures with something of everything."""
    return make_figures()


def test_half_counts_the_fewest_networks(figures: Figures) -> None:
    """75 and 50 of 160 servers are in two networks; one alone holds less than half."""
    assert figures.open == 160
    assert figures.half == 2
    assert figures.holding == 7


def test_half_of_nothing_is_no_network(figures: Figures) -> None:
    """Without an open server there is no concentration to speak of."""
    assert replace(figures, open=0, networks=()).half == 0


def test_networks_without_open_or_suspected_are_not_affected(figures: Figures) -> None:
    """A suspicion keeps a network in the list; silence does not."""
    assert [line.asn for line in figures.affected][-1] == 64498
    assert 64497 not in {line.asn for line in figures.affected}


def test_pooled_line_is_the_sum(figures: Figures) -> None:
    """Several networks as one keep every count."""
    line = pooled(figures.networks, "")
    assert (line.open, line.relays, line.proxies) == (160, 63, 97)
    assert line.tested == figures.tested
