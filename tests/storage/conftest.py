"""A receipt and an observation to write down, and databases for a ledger."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from survey.model.assignment import Receipt
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.probe import Probe

PLAN_HASH = "ab" * 32
POSTGRES = Path("/usr/lib/postgresql/15/bin")
NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def plan_hash() -> str:
    """SHA-256 of some plan."""
    return PLAN_HASH


@pytest.fixture
def make_receipt() -> Callable[..., Receipt]:
    """A receipt whose sums are right, with what the test cares for."""

    def make(
        shard: int = 0, observations: int = 0, worker: str = "host:1", **more: object
    ) -> Receipt:
        given = {
            "run": "2026-W48",
            "plan_hash": PLAN_HASH,
            "shard": shard,
            "first_index": shard * 10,
            "addresses": 10,
            "attempt": 0,
            "slot": 0,
            "epoch": 1,
            "worker": worker,
            "version": "0.1.0",
            "started_at": NOON,
            "finished_at": NOON,
            "planned": 20,
            "excluded": 1,
            "opted_out": 2,
            "sent": 17,
            "open": 2,
            "refused": 13,
            "silent": 1,
            "unreachable": 1,
            "conversations": 2,
            "aborted": 0,
            "packets": 40,
            "observations": observations,
            "max_rate": 12,
        }
        return Receipt(**given | more)

    return make


@pytest.fixture
def make_observation() -> Callable[..., Observation]:
    """An observation of one address."""

    def make(ip: int = 0xC0000201, port: int = 1080, **more: object) -> Observation:
        given = {
            "ip": ip,
            "port": port,
            "probe": Probe.SOCKS5,
            "variant": "echo",
            "canary_port": 2526,
            "tls": False,
            "attempt": 0,
            "started_at": NOON,
            "duration": 0.5,
            "step": Step.SPOKE,
            "failure": Failure.STALLED,
            "protocol": Protocol.SOCKS5,
            "refused_at": None,
            "code": 1,
            "reply": b"\x05\x01",
            "token": "t" * 56,
            "nonce": "",
            "received": b"\x05\x00\xff\x00",
            "sent": b"\x05\x01\x00",
            "bytes_in": 4,
            "bytes_out": 3,
        }
        return Observation(**given | more)

    return make


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of a ledger in a file."""
    return f"sqlite:///{tmp_path}/deep/ledger.db"


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of a ledger in a real PostgreSQL, on a Unix socket of its own."""
    if os.geteuid() or not POSTGRES.is_dir():
        pytest.skip("needs root and Debian's postgresql-15: make test-long")
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.chown(folder, "postgres")
        as_postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        data = folder / "data"
        make = [*as_postgres, POSTGRES / "initdb", "-A", "trust", "-N", "-D", data]
        subprocess.run(make, check=True, capture_output=True, cwd=folder)
        options = f"-k {folder} -c listen_addresses="
        control = [*as_postgres, POSTGRES / "pg_ctl", "-w", "-D", data, "-l", folder / "log"]
        subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd="/")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, cwd="/")


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=[pytest.mark.long, pytest.mark.servers])]
)
def url(request: pytest.FixtureRequest) -> str:
    """A ledger in each database."""
    found: str = request.getfixturevalue(request.param)
    return found
