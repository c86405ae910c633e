"""A peer that is a list of bytes: what dialogues are tested against."""

from collections.abc import Callable, Iterable

import pytest

from survey.model.failure import Failure
from survey.protocols.dialogue import Answer, Dialogue

Play = Callable[[Dialogue, Iterable[bytes | Failure]], tuple[Answer, bytes]]


def played(dialogue: Dialogue, heard: Iterable[bytes | Failure]) -> tuple[Answer, bytes]:
    """Feed pieces, then an end of file; gives the answer and all that was said."""
    said = next(dialogue)
    assert said, "every dialogue of ours speaks first"
    pieces = iter(heard)
    for _ in range(100_000):
        piece = next(pieces, b"")
        try:
            said += dialogue.send(piece)
        except StopIteration as end:
            return end.value, said
        assert piece, "it must return once it has heard an end of file"
        assert isinstance(piece, bytes), "it must return once it has heard why nothing comes"
    raise AssertionError("it never returned")


@pytest.fixture(scope="session")
def play() -> Play:
    """Runs a dialogue over a list of pieces."""
    return played


def cut_in(size: int) -> Callable[[bytes], list[bytes]]:
    """Cuts bytes into pieces of one size."""
    return lambda data: [data[at : at + size] for at in range(0, len(data), size)]


@pytest.fixture(params=[1, 2, 3, 7, 100_000], ids=lambda size: f"pieces of {size}")
def cut(request: pytest.FixtureRequest) -> Callable[[bytes], list[bytes]]:
    """Cuts bytes as networks do: byte by byte up to all at once."""
    return cut_in(request.param)
