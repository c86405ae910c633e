"""The cap is the plan's whatever workers join, leave, die or freeze (law 5)."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from survey.cluster.slots import Slots

LEASE, GRACE = 12.0, 5.0


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_slots_are_given_once_and_lowest_first() -> None:
    """There are never more than the plan has."""
    slots = Slots(3, Clock())

    assert [slots.grant() for _ in range(5)] == [0, 1, 2, None, None]
    slots.release(1)
    assert (slots.grant(), slots.grant()) == (1, None)


def test_lost_slot_rests_until_its_lease_is_surely_over() -> None:
    """Nobody gets it a moment earlier."""
    clock = Clock()
    slots = Slots(1, clock)
    slots.grant()
    slots.quarantine(0, LEASE + GRACE)
    assert slots.resting == 1

    clock.now = LEASE + GRACE - 0.001
    assert slots.grant() is None
    clock.now = LEASE + GRACE
    assert slots.grant() == 0
    assert slots.resting == 0


class Churn(RuleBasedStateMachine):
    """Shards come and go; a lost worker goes on sending for as long as its lease may live."""

    count = 4

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.slots = Slots(self.count, self.clock)
        self.working: set[int] = set()
        self.zombies: list[tuple[int, float]] = []

    @rule()
    def hand_out(self) -> None:
        """A shard begins, if there is a slot."""
        slot = self.slots.grant()
        if slot is not None:
            assert slot not in self.working
            self.working.add(slot)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A shard ends."""
        slot = data.draw(st.sampled_from(sorted(self.working)))
        self.working.remove(slot)
        self.slots.release(slot)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A worker is cut off, some time after its last question; it lives on by the answer."""
        slot = data.draw(st.sampled_from(sorted(self.working)))
        answered_at = self.clock.now - data.draw(st.floats(0, LEASE))
        self.working.remove(slot)
        self.slots.quarantine(slot, answered_at + LEASE + GRACE)
        self.zombies.append((slot, answered_at + LEASE))

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.now += seconds

    @invariant()
    def nobody_shares_a_slot(self) -> None:
        """Workers and zombies together never have a slot twice, so never more than the cap."""
        sending = [*self.working, *(slot for slot, until in self.zombies if until > self.clock.now)]
        assert len(sending) == len(set(sending)) <= self.count
        assert self.slots.granted == len(self.working)


TestChurn = Churn.TestCase
