"""What somebody asked for on the site."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.model.probe import Probe


class WishKind(StrEnum):
    """The closed list; published, never renamed."""

    TEST = "test"
    """Test a server of a case again."""
    OWN_TEST = "own_test"
    """Test one's own address."""
    NOT_MINE = "not_mine"
    """The case is about somebody else's server."""
    OPT_OUT = "opt_out"
    """Leave the addresses of a case out of every test."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish.

    Attributes:
        number: Its place among all of them, from 1; never used again.
        at: When it was made, UTC.
        kind: What is wished.
        case: Number of the case whose page it was made on, or "".
        ip: The address that is to be tested, as a number, or None.
        port: The port, or None for all of the plan.
        probe: Which test, or None for all of the plan.
        run: The run in whose queue the tests wait, or "".
        detail: What the person wrote, bounded: a stranger's words.
    """

    number: int
    at: datetime
    kind: WishKind
    case: str = ""
    ip: int | None = None
    port: int | None = None
    probe: Probe | None = None
    run: str = ""
    detail: str = ""
