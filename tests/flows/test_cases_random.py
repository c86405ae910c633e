"""Random lives of operators and servers: whatever happens, the rules hold.

Contacts change, servers close and open again, addresses opt out, letters bounce and are sent.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from judged_run import IP
from made_cases import CERT, DAY, NOW, MadePost, Office, made_episode, made_post, make_office

from survey.mail.carrier import NotTakenError
from survey.model.address import Range, parse_ip
from survey.model.case import CaseState
from survey.model.contact import Contact, ContactSource
from survey.model.episode import ExposureKind
from survey.model.exposure import OpenServer
from survey.model.letter import LetterKind, LetterState
from survey.notify.letter_token import read_token
from survey.storage.schemas import CHECKS, EPISODES
from survey.targets.optouts import add

SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 14))]
SERVERS, OPERATORS, ROUNDS = 7, 4, 12


@dataclass
class Operators:
    """Who answers for which address, as of now."""

    of: dict[int, int] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    def contacts(self, ips: Collection[int], now: datetime) -> dict[int, Contact]:
        """Whoever is not suppressed."""
        found = {}
        for ip in ips:
            email = f"abuse@operator{self.of.get(ip, 0)}.example"
            if email not in self.dead:
                found[ip] = Contact(email, "Op", "en", "", ContactSource.OVERRIDE, "test", now)
        return found

    def authority(self, server: OpenServer) -> Contact | None:  # noqa: ARG002 - as the real one
        """Always the same."""
        return Contact(CERT, "CERT", "en", "", ContactSource.CERT, "test", NOW)

    def why_not(self, email: str, ips: Collection[int]) -> str:  # noqa: ARG002 - as the real one
        """Nothing stands in the way."""
        return ""

    def suppressed(self, email: str) -> str:
        """Whether it bounced."""
        return "dead" if email in self.dead else ""

    def suppress(self, email: str, why: str, now: datetime, *, asked: bool) -> None:  # noqa: ARG002 - as the real one
        """From now on."""
        self.dead.add(email)


class World:
    """Servers that live, and what the tables say of them."""

    def __init__(self, office: Office, random: Random) -> None:
        self._office, self._random = office, random
        row = next(one for one in office.findings() if one["ip"] == parse_ip(IP["relay"]))
        first = parse_ip("192.0.2.20")
        self.rows = [{**row, "ip": first + at} for at in range(SERVERS)]
        self.open = dict.fromkeys((one["ip"] for one in self.rows), True)
        self.number = dict.fromkeys(self.open, 1)
        self.episodes: dict[int, dict[str, Any]] = {}
        self.looks: list[dict[str, Any]] = []

    def turn(self, now: datetime) -> None:
        """Some close, some open again; the tables say so."""
        for ip, was_open in list(self.open.items()):
            if self._random.random() < 0.25:
                self.open[ip] = not was_open
                if not was_open:
                    self.number[ip] += 1
        for ip, is_open in self.open.items():
            said: dict[str, Any] = {"number": self.number[ip]}
            if is_open:
                said |= {"last_open_at": now - timedelta(hours=2)}
                self.looks.append(_look(ip, now - timedelta(hours=2)))
            else:
                said |= {"state": "fixed", "fixed_at": now - 2 * DAY, "confirmed_at": now - DAY}
            self.episodes[ip] = made_episode(ip, 25, ExposureKind.RELAY, said)
        proven = now - timedelta(hours=2)
        self._office.judge(
            {**row, "rung": 7, "proven_at": proven, "last_seen": proven}
            if self.open[row["ip"]]
            else {**row, "verdict": "closed", "rung": 2}
            for row in self.rows
        )
        layout = self._office.judged.layout
        table = pa.Table.from_pylist(list(self.episodes.values()), schema=EPISODES)
        pq.write_table(table, layout.episodes("trial"))
        checks = pa.Table.from_pylist(self.looks, schema=CHECKS)
        pq.write_table(checks, layout.run("trial", "2026-W48").checks)


def _look(ip: int, at: datetime) -> dict[str, Any]:
    return {
        "campaign": "trial",
        "run": "2026-W48",
        "round": 0,
        "ip": ip,
        "port": 25,
        "kind": "relay",
        "at": at,
        "state": "open",
        "rung": 7,
        "open_probes": 1,
        "closed_probes": 0,
    }


@pytest.mark.parametrize("seed", SEEDS)
async def test_rules_hold_whatever_happens(tmp_path: Path, seed: int) -> None:
    """Every finding in one case, every letter once, planning again changes nothing."""
    random, office = Random(seed), make_office(tmp_path)
    office.reach = operators = Operators()
    world, post, now = World(office, random), made_post(tmp_path), NOW
    for _ in range(ROUNDS):
        now += timedelta(days=random.choice([1, 3, 8, 15]))
        for ip in world.open:
            if random.random() < 0.15:
                operators.of[ip] = random.randrange(OPERATORS)
        if random.random() < 0.1:
            ip = random.choice(list(world.open))
            add(office.judged.optouts, (Range(ip, ip),), "owner", "by phone", now, now)
        world.turn(now)
        office.plan(now)
        _check(office, post)
        again = office.plan(now)
        assert (again.cases, again.letters, again.suppressed) == ({}, {}, 0), again
        if random.random() < 0.8:
            office.approve_all(now)
        if random.random() < 0.1:
            post.naming.append(NotTakenError("550 5.1.1 no such user", final=True))
        if random.random() < 0.2:
            post.naming.append(NotTakenError("450 4.2.0 later", final=False))
        await office.send(post, now)
        post.naming.clear()
        _check(office, post)
    assert post.taken
    office.ledger.close()


def _check(office: Office, post: MadePost) -> None:
    desk = office.desk()
    cases = {one.number: one for one in desk.cases.all()}
    held: Counter[object] = Counter()
    for finding in desk.cases.findings():
        case = cases[finding.case]
        if finding.left_at is None:
            assert case.state is not CaseState.MERGED
            held[finding.test] += case.state is CaseState.OPEN
    assert max(held.values(), default=0) <= 1
    for case in cases.values():
        if case.state is CaseState.MERGED:
            assert case.successor in cases
    sent = Counter(read_token(office.key, sender) for sender, _, _ in post.taken)
    assert max(sent.values(), default=0) <= 1
    for (number, kind), letter in office.letters().items():
        went = sent[number, kind]
        assert went == (letter.sent_at is not None)
        if letter.state is LetterState.SENT:
            assert went == 1
        if kind is not LetterKind.FIRST_NOTICE and went:
            assert office.letters()[number, LetterKind.FIRST_NOTICE].attempts
