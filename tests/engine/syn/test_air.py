"""One host, one limit: SYNs in the air and conversations together."""

import numpy as np

from survey.engine.hosts import Hosts
from survey.engine.syn.air import Air

IPS = np.array([100, 200, 300], dtype=np.uint32)


def ranks(*numbers: int) -> np.ndarray:
    """Some addresses."""
    return np.array(numbers, dtype=np.int64)


def test_host_gets_as_many_as_its_limit() -> None:
    """One more comes when one has left."""
    air = Air(IPS, Hosts(1), 1, ports=4)

    assert air.enter(ranks(0, 1)).tolist() == [True, True]
    assert air.enter(ranks(0, 2)).tolist() == [False, True]
    air.leave(ranks(0))
    assert air.enter(ranks(0)).tolist() == [True]


def test_host_twice_in_a_batch_gets_one() -> None:
    """The other is asked for again later, even if the limit would bear it."""
    air = Air(IPS, Hosts(2), 2, ports=4)

    assert sorted(air.enter(ranks(1, 1, 0)).tolist()) == [False, True, True]
    assert air.enter(ranks(1)).tolist() == [True]
    assert air.enter(ranks(1)).tolist() == [False]
    air.leave(ranks(1, 1))
    assert air.enter(ranks(1)).tolist() == [True]


def test_host_in_conversation_gets_no_syn_beyond_the_limit() -> None:
    """From its first open port on, its SYNs count among its connections."""
    hosts = Hosts(1)
    air = Air(IPS, hosts, 1, ports=4)
    air.enter(ranks(0))
    air.leave(ranks(0))
    air.accepted(ranks(0))

    assert hosts.enter(100)
    assert air.enter(ranks(0, 1)).tolist() == [False, True]
    hosts.leave(100)
    assert air.enter(ranks(0)).tolist() == [True]
    assert not hosts.enter(100)
    air.leave(ranks(0))
    assert hosts.enter(100)


def test_syns_under_way_are_counted_when_a_host_opens() -> None:
    """A conversation can't overtake them."""
    hosts = Hosts(2)
    air = Air(IPS, hosts, 2, ports=4)
    air.enter(ranks(0))
    air.enter(ranks(0))
    air.leave(ranks(0))
    air.accepted(ranks(0))

    assert hosts.enter(100)
    assert not hosts.enter(100)
    air.leave(ranks(0))
    assert hosts.enter(100)
    air.accepted(ranks(0))
    assert not hosts.enter(100)


def test_one_port_needs_no_counting() -> None:
    """No host is met twice then."""
    hosts = Hosts(1)
    air = Air(IPS, hosts, 1, ports=1)

    assert air.enter(ranks(0, 1, 2)).all()
    air.leave(ranks(0))
    air.accepted(ranks(0))
    assert hosts.enter(100)
