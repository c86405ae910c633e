"""What a connection may cost: paid before, paid at once, and then no more."""

from survey.probes.allowance import MOST_TIMES, Allowance


def test_what_was_paid_is_covered_and_costs_no_more() -> None:
    """Four packets are kept for what comes before we look again, and for the end."""
    charged: list[int] = []
    allowance = Allowance(20, charged.append)
    assert allowance.covers(0)
    assert allowance.covers(16)
    assert charged == []


def test_more_is_paid_before_it_leaves() -> None:
    """Half as much again, each time that the end of what was paid is near."""
    charged: list[int] = []
    allowance = Allowance(20, charged.append)
    assert allowance.covers(17)
    assert charged == [10]
    assert allowance.covers(26)
    assert charged == [10]
    assert allowance.covers(27)
    assert charged == [10, 10]


def test_all_that_left_was_paid_when_it_ends() -> None:
    """However fast it came."""
    charged: list[int] = []
    allowance = Allowance(10, charged.append)
    assert not allowance.covers(1000)
    assert 10 + sum(charged) == 10 * MOST_TIMES
    assert not allowance.covers(1001)
    assert 10 + sum(charged) == 10 * MOST_TIMES


def test_what_is_added_was_paid_elsewhere() -> None:
    """A handshake that an honest server wants."""
    charged: list[int] = []
    allowance = Allowance(10, charged.append)
    allowance.add(8)
    assert allowance.covers(14)
    assert charged == []
    while allowance.covers(10 + 8 + sum(charged)):
        pass
    assert 10 + sum(charged) == 10 * MOST_TIMES


def test_nobody_to_pay_means_no_more_than_was_paid() -> None:
    """Then the cap is kept by ending."""
    allowance = Allowance(10)
    assert allowance.covers(6)
    assert not allowance.covers(7)
