"""What a status says of a mailbox."""

import pytest

from survey.notify.bounced import is_dead


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", ""])
def test_nobody_is_there(status: str) -> None:
    """RFC 3463 s3.2, s3.3; a bounce for good without a status counts as one."""
    assert is_dead(status)


@pytest.mark.parametrize("status", ["5.2.2", "5.7.1", "5.0.0", "4.1.1", "2.0.0", "5.1.10x"])
def test_only_this_letter_did_not_get_there(status: str) -> None:
    """Full, filtered, for now, or not said."""
    assert not is_dead(status)
