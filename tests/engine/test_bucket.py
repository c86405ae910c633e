"""No second holds more packets than a bucket's rate: bursts, stalls, changes of rate (law 5)."""

from hypothesis import given
from hypothesis import strategies as st
from seconds import EDGE, most_in_a_second
from virtual_time import VirtualClock as Clock

from survey.engine.bucket import BURST_SECONDS, TokenBucket, limits

waits = st.lists(
    st.one_of(st.floats(0, 0.05), st.floats(0.2, 3.0), st.just(0.0), st.just(1 / 3)),
    min_size=5,
    max_size=80,
)


@given(rate=st.integers(1, 5000), waits=waits, greed=st.integers(1, 400))
def test_no_second_holds_more_than_the_cap(rate: int, waits: list[float], greed: int) -> None:
    """However often and greedily it is asked, and however long it stalls between."""
    clock = Clock()
    bucket = TokenBucket(rate, clock)
    events = []
    for wait in waits:
        clock.now += wait
        sent = min(greed, bucket.available())
        bucket.charge(sent)
        events.append((clock.now, sent))

    assert most_in_a_second(events) <= rate


@given(rate=st.integers(1, 100_000))
def test_burst_is_small_and_refill_below_the_cap(rate: int) -> None:
    """At most 50 ms of the rate at once, or one packet."""
    burst, refill = limits(rate)

    assert 1 <= burst <= max(1, rate * 0.05)
    assert burst + refill < rate + 1
    assert refill > 0


def test_nothing_is_caught_up_after_a_stall(clock: Clock) -> None:
    """An hour's suspension gives a burst, not an hour's packets."""
    bucket = TokenBucket(1000, clock)
    clock.now += 3600

    assert bucket.available() == 1000 * BURST_SECONDS


def test_whole_rate_is_used_when_always_asked(clock: Clock) -> None:
    """Politeness costs no more than a few per cent of the rate that was allowed."""
    bucket = TokenBucket(1000, clock)
    sent = 0
    for _ in range(10_000):
        clock.now += 0.001
        now = bucket.available()
        bucket.charge(now)
        sent += now

    assert 9_500 <= sent <= 10_000


def test_debt_halts_the_rest(clock: Clock) -> None:
    """Packets that leave without asking are paid off before others go."""
    bucket = TokenBucket(100, clock)
    clock.now += 1
    bucket.charge(bucket.available() + 50)

    assert bucket.available() == 0
    clock.now += bucket.wait(1)
    clock.now += EDGE
    assert bucket.available() == 1


def test_rate_can_be_lowered_and_raised(clock: Clock) -> None:
    """A lower rate holds at once; at nothing, nothing goes."""
    bucket = TokenBucket(1000, clock)
    clock.now += 1
    bucket.set_rate(10)
    assert bucket.available() == 1
    bucket.set_rate(0)
    bucket.charge(1)
    clock.now += 100
    assert bucket.available() == 0
    assert bucket.wait(1) == float("inf")
    bucket.set_rate(1000)
    clock.now += 1
    assert bucket.available() == 20
