"""Whether a letter about a finding may go out: only what was reproduced, and lately (law 8).

A preview may be written of any proven finding; sending asks here first.
"""

from datetime import UTC, datetime, timedelta

from survey.errors import MessageError
from survey.model.exposure import OpenServer
from survey.model.verdict import Rung

FRESH = timedelta(hours=72)
"""Age of the last proof at most: addresses change hands, and servers get closed."""


def obstacle(server: OpenServer, now: datetime) -> str:
    """Why no letter about this finding may be sent now, with the cure; "" if one may."""
    if server.rung < Rung.R7:
        return (
            f"it is {server.rung.name}, and only what a second opinion reproduced (R7) may be "
            "told; run `survey retest --due`"
        )
    if server.proven_at is None or now - server.proven_at > FRESH:
        last = server.proven_at.astimezone(UTC) if server.proven_at else None
        when = f"{last:%Y-%m-%d %H:%M} UTC" if last else "an unknown time"
        return f"it was proven last at {when}, more than 72 hours ago; run `survey retest` on it"
    return ""


def check_sendable(server: OpenServer, now: datetime) -> None:
    """See that a letter about this finding may be sent now.

    Raises:
        MessageError: It may not; why, and the cure.
    """
    if why := obstacle(server, now):
        raise MessageError(f"no letter may be sent about this finding: {why}")
