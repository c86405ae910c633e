"""An answer is believed if it gives back what we sent to its target, in every part."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from survey.engine.syn.cookie import Cookie, Sender

SOURCES = (0xC6120001, 0xC6120002, 0xC6120003)
KEY = bytes(range(16))
numbers = st.integers(0, 2**32 - 1)
ports = st.integers(1, 2**16 - 1)
targets = st.lists(st.tuples(numbers, ports), min_size=1, max_size=50, unique=True)
ranges = st.tuples(ports, ports).map(lambda pair: (min(pair), max(pair)))


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Addresses and ports."""
    return (
        np.array([ip for ip, _ in pairs], dtype=np.uint32),
        np.array([port for _, port in pairs], dtype=np.uint16),
    )


def numbered(count: int) -> np.ndarray:
    """Their places."""
    return np.arange(count, dtype=np.int64) * 7919


@given(
    targets, ranges, st.sampled_from([SOURCES[:1], SOURCES]), st.binary(min_size=16, max_size=16)
)
def test_what_was_sent_brings_its_place_back(
    pairs: list[tuple[int, int]], own: tuple[int, int], sources: tuple[int, ...], key: bytes
) -> None:
    """Whatever the target, the ports and the sources."""
    cookie = Cookie(key, sources, own)
    ips, theirs = columns(pairs)
    places = numbered(len(pairs))

    sender = cookie.sender(cookie.marks(ips, theirs), places)

    assert set(sender.ips.tolist()) <= set(sources)
    assert own[0] <= sender.ports.min()
    assert sender.ports.max() <= own[1]
    assert (cookie.places(ips, theirs, sender) == places).all()


@given(targets, st.integers(1, 2**32 - 1), st.integers(1, 2**16 - 1))
def test_anything_else_does_not(pairs: list[tuple[int, int]], shift: int, other: int) -> None:
    """Another sequence number, port of ours or address of ours brings no place, or a wrong one."""
    cookie = Cookie(KEY, SOURCES, (40000, 65535))
    ips, theirs = columns(pairs)
    places = numbered(len(pairs))
    sent = cookie.sender(cookie.marks(ips, theirs), places)
    wrong = (
        Sender(sent.ips, sent.ports, sent.sequences + np.uint32(shift)),
        Sender(sent.ips, sent.ports + np.uint16(other), sent.sequences),
        Sender(sent.ips + np.uint32(shift), sent.ports, sent.sequences),
    )

    for heard in wrong:
        assert not (cookie.places(ips, theirs, heard) == places).any()


def test_cookie_of_one_target_or_key_is_no_other_ones() -> None:
    """Somebody who answers us once can't answer for his neighbour, nor in the next shard."""
    ips = np.arange(0xC6120000, 0xC6121000, dtype=np.uint32)
    theirs = np.full(len(ips), 1080, dtype=np.uint16)
    places = numbered(len(ips))
    cookie, next_one = (Cookie(key, SOURCES, (61000, 65535)) for key in (KEY, bytes(16)))
    sent = cookie.sender(cookie.marks(ips, theirs), places)

    for one, their_ips, their_ports, right in (
        (cookie, ips + np.uint32(1), theirs, places + 7919),
        (cookie, ips, theirs + np.uint16(1), places),
        (next_one, ips, theirs, places),
    ):
        assert not (one.places(their_ips, their_ports, sent) == right).any()


def test_ports_and_sources_are_used_evenly() -> None:
    """No port or address of ours carries more than its share; sequence numbers tell nothing."""
    ips = np.arange(1 << 16, dtype=np.uint32)
    cookie = Cookie(KEY, SOURCES, (61000, 61015))
    marks = cookie.marks(ips, np.full(len(ips), 25, dtype=np.uint16))

    sent = cookie.sender(marks, np.arange(len(ips), dtype=np.int64))

    for column, kinds in ((sent.ips, 3), (sent.ports, 16), (sent.sequences >> np.uint32(28), 16)):
        _, counts = np.unique(column, return_counts=True)
        assert len(counts) == kinds
        assert counts.min() > 0.9 * len(ips) / kinds
    assert len(np.unique(sent.sequences)) > 0.999 * len(ips)
