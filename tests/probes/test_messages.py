"""Three messages to a host in a run, and each is on record before it leaves."""

import pytest

from survey.probes.messages import MOST_MESSAGES, Messages

HOST, OTHER = 1, 2


def test_a_host_gets_three() -> None:
    """Whatever others got."""
    messages = Messages()
    for _ in range(MOST_MESSAGES):
        assert messages.left(HOST)
        messages.spend(HOST)
    assert not messages.left(HOST)
    assert messages.left(OTHER)


def test_those_before_count() -> None:
    """Of the scan, of earlier rounds, of attempts that were lost."""
    messages = Messages({HOST: 2, OTHER: 3})
    assert messages.left(HOST)
    assert not messages.left(OTHER)


def test_a_message_that_can_t_be_noted_is_not_sent() -> None:
    """The note comes first; if it fails, nothing is counted and nothing leaves."""

    def full(_: int) -> None:
        raise OSError("no room")

    messages = Messages(note=full)
    with pytest.raises(OSError, match="no room"):
        messages.spend(HOST)
    assert messages.left(HOST)
