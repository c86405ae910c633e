"""The lab's public databases are right about many, and wrong about some."""

import collections

from survey.lab.listings import POLICY, PROXIES, RELAYS, listings
from survey.lab.personality import Role, openness
from survey.lab.world import World


def test_they_know_about_half_of_what_is_open_and_list_some_that_is_not() -> None:
    """Each relay and proxy counts by its address."""
    world = World()
    listed = {(one.range.start, one.listing) for one in listings(world) if len(one.range) == 1}
    tally = collections.Counter[tuple[bool, bool]]()
    for machine, door in world.doors():
        listing = RELAYS if door.role is Role.SMTP else PROXIES
        tally[bool(openness(door.personality).probes), (machine.ip, listing) in listed] += 1

    assert 0.4 < tally[True, True] / (tally[True, True] + tally[True, False]) < 0.7
    assert 0.01 < tally[False, True] / (tally[False, True] + tally[False, False]) < 0.15


def test_one_lists_whole_blocks() -> None:
    """A /24 each, whoever uses an address there."""
    blocks = [one for one in listings(World()) if one.listing == POLICY]

    assert blocks
    assert all(len(one.range) == 256 and one.range.start % 256 == 0 for one in blocks)


def test_an_address_is_in_a_database_once() -> None:
    """However many of its doors are open."""
    entries = [(one.range, one.listing) for one in listings(World())]

    assert len(set(entries)) == len(entries)
