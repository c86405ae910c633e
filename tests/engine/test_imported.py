"""An imported list is tested like anything else that was found open, and nothing is sent for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from made_scan import FIRST, MadeScan, make_scan

from survey.engine.discovery import Tally
from survey.engine.imported import ImportedDiscovery
from survey.model.address import Range
from survey.targets.gate import Gate
from survey.targets.optouts import add
from survey.targets.places import Places

ADDRESSES = 200
PORT = 21080


@pytest.fixture
def made(tmp_path: Path) -> MadeScan:
    """One shard of 200 addresses, one port."""
    return make_scan(tmp_path, addresses=ADDRESSES, shard_addresses=ADDRESSES)


def discovery(
    made: MadeScan,
    ips: list[int],
    opened: list[tuple[int, int]],
    *,
    holds: Callable[[], bool] = lambda: False,
) -> ImportedDiscovery:
    """Of these addresses."""
    places = Places(made.plan, 0)
    return ImportedDiscovery(
        places,
        np.flatnonzero(np.isin(places.ips, ips)),
        Gate.open(made.plan, lambda: True),
        on_open=lambda ip, port: opened.append((ip, port)),
        holds=holds,
    )


def test_what_is_on_the_list_is_open_and_the_rest_silent(made: MadeScan) -> None:
    """Every target of the shard is decided."""
    opened: list[tuple[int, int]] = []
    ips = [FIRST + 3, FIRST + 7, FIRST + 199]
    found = discovery(made, ips, opened)

    asyncio.run(found.run())

    assert found.tally == Tally(sent=ADDRESSES, open=3, silent=ADDRESSES - 3)
    assert sorted(opened) == [(ip, PORT) for ip in ips]


def test_gate_is_asked_for_each(made: MadeScan, tmp_path: Path) -> None:
    """Opt-outs and exclusions hold for what others found, too."""
    now = datetime.now(UTC)
    ranges = (Range(FIRST + 3, FIRST + 3), Range(FIRST + 50, FIRST + 59))
    add(Path(made.plan.optouts), ranges, "a test", "", now, now)
    exclusions = tmp_path / "exclusions.txt"
    exclusions.write_text("127.80.0.7\n127.80.0.100\n")
    excluding = MadeScan(made.settings, replace(made.plan, exclusions=(str(exclusions),)))
    opened: list[tuple[int, int]] = []
    found = discovery(excluding, [FIRST + 3, FIRST + 7, FIRST + 8], opened)

    found.run_alone()

    assert opened == [(FIRST + 8, PORT)]
    assert (found.kept_back.opted_out, found.kept_back.excluded) == (11, 2)
    assert found.tally == Tally(sent=ADDRESSES - 13, open=1, silent=ADDRESSES - 14)


def test_it_waits_while_too_many_are_being_tested(made: MadeScan) -> None:
    """Between any two open targets."""
    opened: list[tuple[int, int]] = []
    room = 2
    found = discovery(
        made, [FIRST + row for row in range(5)], opened, holds=lambda: len(opened) >= room
    )
    rests = found._rests()

    for _ in range(10):
        next(rests)
    assert len(opened) == 2
    room = 99
    for _ in rests:
        pass
    assert len(opened) == 5
    assert found.tally.sent == ADDRESSES
