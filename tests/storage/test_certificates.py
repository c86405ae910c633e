"""Coordinator and workers of one installation know each other, and nobody else."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.storage.certificates import (
    COORDINATOR,
    LIFETIME,
    WORKER,
    Certificates,
    coordinator_tls,
    make_certificates,
    worker_tls,
)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with a set."""
    folder = tmp_path / "keys"
    assert make_certificates(folder)
    return folder


def meet(server: ssl.SSLContext, client: ssl.SSLContext, name: str = COORDINATOR) -> bytes:
    """What the client hears over TLS from a server that greets."""
    here, there = socket.socketpair()

    def greet() -> None:
        try:
            with server.wrap_socket(there, server_side=True) as line:
                line.sendall(b"hello")
        except OSError:
            there.close()

    thread = threading.Thread(target=greet)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name) as line:
            return line.recv(5)
    finally:
        here.close()
        thread.join()


def test_coordinator_and_worker_meet(keys: Path) -> None:
    """Each shows its certificate, and both are content."""
    assert meet(coordinator_tls(keys), worker_tls(keys)) == b"hello"


def test_files_are_private_and_the_authoritys_key_is_forgotten(keys: Path) -> None:
    """Nobody can sign a third certificate."""
    files = sorted(keys.iterdir())

    assert [path.name for path in files] == ["authority.pem", "coordinator.pem", "worker.pem"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert b"PRIVATE" not in Certificates(keys).authority.read_bytes()


def test_worker_can_not_pass_for_the_coordinator(keys: Path) -> None:
    """The role is in the certificate."""
    impostor = coordinator_tls(keys)
    impostor.load_cert_chain(Certificates(keys).own(WORKER))

    with pytest.raises(ssl.SSLCertVerificationError, match="coordinator"):
        meet(impostor, worker_tls(keys))


def test_other_installation_is_refused_by_both(keys: Path, tmp_path: Path) -> None:
    """Its authority is another one."""
    make_certificates(tmp_path / "other")

    with pytest.raises(ssl.SSLError):
        meet(coordinator_tls(tmp_path / "other"), worker_tls(keys))
    with pytest.raises(OSError, match=r"(?i)unknown|reset|EOF"):
        meet(coordinator_tls(keys), _trusting(tmp_path / "other", keys))


def _trusting(own: Path, authority: Path) -> ssl.SSLContext:
    context = worker_tls(own)
    context.load_verify_locations(Certificates(authority).authority)
    return context


def test_good_set_is_kept(keys: Path) -> None:
    """Workers need no new copy for a second `survey keys init`."""
    before = {path: path.read_bytes() for path in keys.iterdir()}

    assert not make_certificates(keys)
    assert {path: path.read_bytes() for path in keys.iterdir()} == before


@pytest.mark.parametrize("spoil", ["remove", "garble", "mix", "late"])
def test_set_that_is_not_good_is_made_anew(keys: Path, tmp_path: Path, spoil: str) -> None:
    """Torn by a crash, damaged, from two sets, or about to expire."""
    now = datetime.now(UTC)
    own = Certificates(keys).own(WORKER)
    if spoil == "remove":
        own.unlink()
    elif spoil == "garble":
        own.write_bytes(b"nonsense")
    elif spoil == "mix":
        make_certificates(tmp_path / "other")
        own.write_bytes(Certificates(tmp_path / "other").own(WORKER).read_bytes())
    else:
        now += LIFETIME - timedelta(days=30)

    assert make_certificates(keys, now)
    assert not make_certificates(keys, now)


def test_missing_or_open_files_are_named(keys: Path) -> None:
    """With what to do."""
    own = Certificates(keys).own(COORDINATOR)
    own.chmod(0o644)
    with pytest.raises(ConfigError, match=r"coordinator\.pem.*chmod 600"):
        coordinator_tls(keys)
    own.unlink()
    with pytest.raises(ConfigError, match=r"coordinator\.pem.*survey keys init"):
        coordinator_tls(keys)
    Certificates(keys).authority.unlink()
    with pytest.raises(ConfigError, match=r"authority\.pem.*survey keys init"):
        worker_tls(keys)
