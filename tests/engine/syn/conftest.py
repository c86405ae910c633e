"""A cable to an internet of our own, and SYN discovery over it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from made_wire import GATEWAY, NEAR, SOURCE, Wire, wire

from survey.engine.hosts import Hosts
from survey.engine.pacing import Pacer
from survey.engine.syn.discovery import SynDiscovery
from survey.engine.syn.link import open_link
from survey.engine.syn.networks import NetworkColumns
from survey.model.address import Range, parse_ip
from survey.model.plan import Canary, Endpoint, Identity, Kind, Plan, ProbePlan, Rate
from survey.model.probe import Probe
from survey.targets.gate import Gate
from survey.targets.optouts import init_log
from survey.targets.places import Places

FIRST = parse_ip("198.18.4.0")
OWN_PORTS = (61000, 61999)


@pytest.fixture(scope="session")
def cable() -> Iterator[Wire]:
    """Two namespaces, made once."""
    with wire() as made:
        yield made


@dataclass(slots=True)
class Made:
    """A discovery, and what it needs and finds."""

    plan: Plan
    gate: Gate
    pacer: Pacer
    places: Places
    discovery: SynDiscovery
    found: list[tuple[int, int]] = field(default_factory=list)


@pytest.fixture
def make(cable: Wire, tmp_path: Path) -> Iterator[Callable[..., Made]]:
    """Makes a SYN discovery in the near namespace; the test lives there too."""
    made: list[Made] = []

    def build(
        addresses: int = 256,
        ports: tuple[int, ...] = (1080,),
        *,
        rate: int = 200_000,
        per_24: float = 50_000.0,
        per_host: int = 16,
        holds: Callable[[], bool] = lambda: False,
        on_open: Callable[[int, int], None] | None = None,
    ) -> Made:
        plan = make_plan(tmp_path, addresses, ports, Rate(rate, per_24, per_host))
        places = Places(plan, 0)
        networks = NetworkColumns(per_24, 1, 0, places.ips)
        pacer, gate = Pacer(rate, networks), Gate.open(plan, lambda: True)
        found: list[tuple[int, int]] = []
        discovery = SynDiscovery(
            places,
            gate,
            pacer,
            networks,
            Hosts(per_host),
            per_host=per_host,
            link=open_link(NEAR, parse_ip(GATEWAY), (parse_ip(SOURCE),)),
            ports=OWN_PORTS,
            on_open=on_open or (lambda ip, port: found.append((ip, port))),
            holds=holds,
        )
        made.append(Made(plan, gate, pacer, places, discovery, found))
        return made[-1]

    with cable.near.inside():
        yield build
        for one in made:
            one.discovery.close()


def make_plan(folder: Path, addresses: int, ports: tuple[int, ...], rate: Rate) -> Plan:
    """A lab plan over some of the far end."""
    log = folder / "optouts.jsonl"
    if not log.exists():
        init_log(log)
    values: dict[str, Any] = {
        "campaign": "wire",
        "run": "2026-W48",
        "kind": Kind.LAB,
        "purpose": "test",
        "created_at": None,
        "valid_until": None,
        "authority": "",
        "seed": "07" * 16,
        "ranges": (Range(FIRST, FIRST + addresses - 1),),
        "excluded": 0,
        "probes": (ProbePlan(Probe.SOCKS5, ports),),
        "rate": rate,
        "identity": Identity("lab", "lab@lab.example", "https://lab.example/", "a.example", ()),
        "canary": Canary(
            ("a.lab.example", "b.lab.example"), Endpoint(0x7F000035, 1), Endpoint(0x7F000035, 2)
        ),
        "optouts": str(log),
        "exclusions": (),
        "names": "none",
        "slots": 1,
        "shard_addresses": max(1, addresses),
        "lease_seconds": 12.0,
        "snapshots": (),
        "version": "0.1.0",
    }
    return Plan(**values)
