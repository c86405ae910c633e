"""What a status says of a mailbox (RFC 3463): is it dead, or did only this letter not get there?"""

import re

_DEAD = re.compile(r"5\.1\.([1236]|10)|5\.2\.1|5\.4\.4|")
"""No such mailbox, host or domain, moved away, disabled; or a bounce for good without a status.

A full mailbox (5.2.2), a policy or a filter (5.7.x) and all that may pass (4.x) are none of these.
"""


def is_dead(status: str) -> bool:
    """Whether nothing that is sent there later will get there, either.

    Args:
        status: As a bounce for good gives it, ``5.1.1``; "" if it gives none.
    """
    return _DEAD.fullmatch(status) is not None
