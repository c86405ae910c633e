"""Only workers of this installation are answered, and nobody else costs them anything."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from survey.cluster import switchboard as module
from survey.cluster.leases import Leases
from survey.cluster.switchboard import Switchboard
from survey.engine.readiness import prove_ready
from survey.errors import ConfigError
from survey.model.control import Lease, Renewal, Word
from survey.protocols.lease_line import LINE, renewal_to_line, word_from_line
from survey.storage.certificates import (
    COORDINATOR,
    coordinator_tls,
    make_certificates,
    worker_tls,
)
from survey.storage.keys import TOKEN, make_key

LEASE = Lease(0, 1, 0)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys of an installation."""
    folder = tmp_path / "keys"
    make_key(folder, TOKEN)
    make_certificates(folder)
    return folder


@pytest.fixture
def leases() -> Leases:
    """One lease is granted."""
    made = Leases(1, 100, 12.0, time.monotonic)
    made.grant(LEASE)
    return made


@pytest.fixture
def switchboard(leases: Leases, keys: Path) -> Iterator[Switchboard]:
    """It listens."""
    with Switchboard(leases, coordinator_tls(keys), "127.0.0.1") as listening:
        yield listening


@contextmanager
def line_to(switchboard: Switchboard, tls: ssl.SSLContext | None) -> Iterator[socket.socket]:
    """A connection, over TLS or bare."""
    host, _, port = switchboard.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        if tls is None:
            yield sock
        else:
            with tls.wrap_socket(sock, server_hostname=COORDINATOR) as line:
                yield line


def ask(line: socket.socket) -> Word:
    """One question and its answer."""
    line.sendall(renewal_to_line(Renewal(1, LEASE, "me", 0)))
    return word_from_line(line.recv(LINE))


def test_worker_is_answered_again_and_again(
    switchboard: Switchboard, leases: Leases, keys: Path
) -> None:
    """Over one connection."""
    with line_to(switchboard, worker_tls(keys)) as line:
        assert ask(line).granted
        leases.revoke(LEASE)
        assert not ask(line).granted
    assert switchboard.alive


@pytest.mark.parametrize("words", [b"\n", b"x" * (LINE + 1), b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_question_is_hung_up_on(
    switchboard: Switchboard, keys: Path, words: bytes
) -> None:
    """And the next worker is answered as ever."""
    with line_to(switchboard, worker_tls(keys)) as line:
        line.sendall(words)
        assert line.recv(LINE) == b""
    with line_to(switchboard, worker_tls(keys)) as line:
        assert ask(line).granted


def test_stranger_without_tls_hears_nothing(switchboard: Switchboard, keys: Path) -> None:
    """Whoever scans us."""
    with line_to(switchboard, None) as line:
        line.sendall(renewal_to_line(Renewal(1, LEASE, "me", 0)))
        with pytest.raises((ConnectionError, AssertionError)):
            assert b"granted" in line.recv(LINE)
    with line_to(switchboard, worker_tls(keys)) as line:
        assert ask(line).granted


def test_stranger_without_our_certificate_hears_nothing(
    switchboard: Switchboard, leases: Leases
) -> None:
    """Even one that does not care who we are."""
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE

    with (
        pytest.raises((OSError, ValueError), match=r"(?i)required|reset|is no word"),
        line_to(switchboard, careless) as line,
    ):
        ask(line)
    assert leases.over()


def test_crowd_of_silent_callers_keeps_nobody_out(switchboard: Switchboard, keys: Path) -> None:
    """Each has its own task, and none a thread."""
    host, _, port = switchboard.address.rpartition(":")
    crowd = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        with line_to(switchboard, worker_tls(keys)) as line:
            assert ask(line).granted
    finally:
        for sock in crowd:
            sock.close()


def test_silent_worker_is_hung_up_on(
    leases: Leases, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It will call again if it lives."""
    monkeypatch.setattr(module, "IDLE", 0.2)
    with (
        Switchboard(leases, coordinator_tls(keys), "127.0.0.1") as switchboard,
        line_to(switchboard, worker_tls(keys)) as line,
    ):
        assert ask(line).granted
        assert line.recv(LINE) == b""


def test_address_that_is_not_ours_is_named(leases: Leases, keys: Path) -> None:
    """Before anything is handed out."""
    tls = coordinator_tls(keys)
    with (
        Switchboard(leases, tls, "127.0.0.1") as first,
        pytest.raises(ConfigError, match="can't listen"),
        Switchboard(leases, tls, "127.0.0.1", int(first.address.rpartition(":")[2])),
    ):
        pass


def test_worker_proves_that_it_is_fit(
    switchboard: Switchboard, keys: Path, leases: Leases, tmp_path: Path
) -> None:
    """Storage, keys, and a coordinator that answers; no lease is touched by it."""
    prove_ready(tmp_path / "shards", keys, switchboard.address)

    assert leases.over()


def test_worker_that_can_not_reach_the_coordinator_says_so(
    switchboard: Switchboard, keys: Path, tmp_path: Path
) -> None:
    """Nobody there, and somebody else's installation there."""
    with pytest.raises(ConfigError, match=r"can't renew leases at 127\.0\.0\.1:9"):
        prove_ready(tmp_path / "shards", keys, "127.0.0.1:9")
    make_key(tmp_path / "other", TOKEN)
    make_certificates(tmp_path / "other")
    with pytest.raises(ConfigError, match="can't renew leases"):
        prove_ready(tmp_path / "shards", tmp_path / "other", switchboard.address)
