"""The keyed order is a bijection of every size, can be undone, and spreads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.targets.permutation import MAX_SIZE, Permutation

KEY = b"a key of 16 byte"


def indices(size: int) -> np.ndarray:
    """0 .. size-1."""
    return np.arange(size, dtype=np.uint64)


def assert_bijection(size: int, key: bytes = KEY) -> None:
    """Every index is hit exactly once, and comes back."""
    order = Permutation(size, key)
    moved = order.forward(indices(size))
    assert np.array_equal(np.sort(moved), indices(size)), size
    assert np.array_equal(order.inverse(moved), indices(size)), size


@pytest.mark.parametrize("first", range(0, 2000, 100))
def test_every_small_size_is_a_bijection(first: int) -> None:
    """0, 1, 2, 3 and on: the classic place where a scanner loses or doubles targets."""
    for size in range(first, first + 100):
        assert_bijection(size)


@pytest.mark.parametrize("root", [97, 256, 509, 1000, 1024])
def test_sizes_around_squares_are_bijections(root: int) -> None:
    """The halves change shape at a square."""
    for size in range(root * root - 2, root * root + 3):
        assert_bijection(size)


@pytest.mark.parametrize("prime", [7919, 65537, 104729, 1299709])
def test_sizes_around_primes_are_bijections(prime: int) -> None:
    """A prime splits into no two halves, so some indices must be walked."""
    for size in range(prime - 1, prime + 2):
        assert_bijection(size)


@given(st.integers(1, 20_000), st.binary(max_size=64))
def test_any_size_and_key_is_a_bijection(size: int, key: bytes) -> None:
    """Whatever the key, also an empty one."""
    assert_bijection(size, key)


@given(
    st.integers(2**20, MAX_SIZE) | st.sampled_from([2**32, 2**32 - 1, 2**32 - 65536, 2**31]),
    st.data(),
)
def test_large_sizes_come_back(size: int, data: st.DataObject) -> None:
    """Up to 2**32 nothing is truncated: indices stay inside and can be undone."""
    some = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=50))
    chosen = np.array([*some, 0, size - 1], dtype=np.uint64)
    order = Permutation(size, KEY)
    moved = order.forward(chosen)
    assert int(moved.max()) < size
    assert np.array_equal(order.inverse(moved), chosen)
    assert np.array_equal(order.forward(order.inverse(chosen)), chosen)


def test_blocks_do_not_matter() -> None:
    """An index goes to the same place alone and among many."""
    order = Permutation(100_003, KEY)
    together = order.forward(indices(100_003))
    for index in (0, 1, 16_383, 16_384, 100_002):
        alone = order.forward(np.array([index], dtype=np.uint64))
        assert alone[0] == together[index]


def test_another_key_is_another_order() -> None:
    """Two runs do not visit the same addresses first."""
    first = Permutation(10_000, b"one").forward(indices(10_000))
    second = Permutation(10_000, b"two").forward(indices(10_000))
    assert np.count_nonzero(first == second) < 20


def test_the_order_never_changes() -> None:
    """Plans are resumed by later versions: these figures are for ever."""
    order = Permutation(3_702_257_664, bytes(16))
    assert order.forward(indices(4)).tolist() == [2059590375, 2654467523, 3399767044, 2342189593]


@pytest.mark.parametrize("size", [65_536, 1_000_003])
def test_any_slice_is_spread_over_the_whole(size: int) -> None:
    """Any hundredth of the order falls on all 64 parts of the space about evenly."""
    order = Permutation(size, KEY)
    part = size // 100
    for start in (0, size // 3, size - part):
        moved = order.forward(np.arange(start, start + part, dtype=np.uint64))
        counts = np.bincount((moved * np.uint64(64) // np.uint64(size)).astype(int), minlength=64)
        expected = part / 64
        # six standard deviations of a Poisson count; the key is fixed, so this never flickers
        assert np.all(np.abs(counts - expected) < 6 * np.sqrt(expected) + 1), counts


def test_neighbours_are_parted() -> None:
    """Consecutive targets rarely share a /24: no network sees a burst."""
    moved = Permutation(2**24, KEY).forward(indices(100_000)).astype(np.int64)
    near = np.abs(np.diff(moved)) < 256
    assert np.count_nonzero(near) < 20
