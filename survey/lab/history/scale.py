"""How long and how large a history is, and what happens in it."""

from dataclasses import dataclass
from datetime import UTC, datetime

FIRST_ADDRESS = 0x7F100000
"""127.16.0.0; whatever were dialled here would stay on this machine."""

MOST_ADDRESSES = 0x7FFFFFFF - FIRST_ADDRESS
"""Up to 127.255.255.254."""

START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
"""A Monday morning; the first run begins then."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One history; the same values make the same one, on any machine.

    Attributes:
        seed: Any text.
        weeks: Weeks from the first run to the last.
        servers: Servers that are open at some time.
        crowd: Hosts that answer and are never open.
        ranges: Address ranges of the registries.
        networks: Autonomous systems, at most 400.
        missed: Weeks without a run, counted from 0.
        torn: Weeks whose run lacks its last shard.
        narrow: Weeks in which a sixteenth of the addresses is not planned.
        letters_from: First week in which letters are sent.
        letters: Cases of a week at most, those that are held back included.
        per_case: Servers of a case at most; all of one network and kind.
        held_out: Share of cases that wait for their letter, drawn by lot.
        waits: Days that they wait; 0: they are never told.
        bouncing: Share of letters that come back.
        reacting: Share of operators who close their servers because of a letter.
        paper: So much more if the letter comes with its pages attached, too.
        reaction_days: Mean of the days that they take.
        natural_days: Mean of the days until a server is closed without any letter.
        opting_out: Share of servers whose operator opts out at some time.
        opinions: Second opinions of a run at most; only what has one can be written about.
    """

    seed: str = "history"
    weeks: int = 26
    servers: int = 600
    crowd: int = 2000
    ranges: int = 300
    networks: int = 40
    missed: tuple[int, ...] = (9,)
    torn: tuple[int, ...] = (14,)
    narrow: tuple[int, ...] = (17, 18, 19, 20, 21)
    letters_from: int = 4
    letters: int = 60
    per_case: int = 1
    held_out: float = 0.3
    waits: int = 14
    bouncing: float = 0.08
    reacting: float = 0.5
    paper: float = 0.15
    reaction_days: float = 6.0
    natural_days: float = 150.0
    opting_out: float = 0.01
    opinions: int = 2000

    @property
    def addresses(self) -> int:
        """Addresses of the campaign: eight for each that is ever used, a whole number of /24s."""
        wanted = 8 * (3 * self.servers + self.crowd)
        return min(max(4096, -(-wanted // 4096) * 4096), MOST_ADDRESSES // 4096 * 4096)
