"""Sockets are bounded by what this process may open."""

import resource

import pytest

from survey.engine.descriptors import CONVERSATIONS, DISCOVERY, RESERVE, socket_room

LIMITS: list[tuple[int, int]] = []


@pytest.mark.parametrize("hard", [64, 1024, 20_000, 1_000_000, resource.RLIM_INFINITY])
def test_both_stages_fit_into_the_limit(monkeypatch: pytest.MonkeyPatch, hard: int) -> None:
    """With a fifth and a reserve to spare, and at least a few sockets for each."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (min(1024, hard), hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: LIMITS.append(limits))

    room = socket_room()

    assert 1 <= room.conversations <= CONVERSATIONS
    assert 1 <= room.discovery <= DISCOVERY
    if hard not in (64, resource.RLIM_INFINITY):
        assert room.discovery + room.conversations + RESERVE <= hard * 0.8


def test_soft_limit_is_raised_to_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no rights."""
    LIMITS.clear()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 20_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: LIMITS.append(limits))

    socket_room()

    assert LIMITS == [(20_000, 20_000)]
