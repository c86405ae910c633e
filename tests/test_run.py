"""The harness installs without side effects, and says why it can't where it can't."""

import importlib.util
import os
import stat
from pathlib import Path
from types import ModuleType

import pytest

FAKE_APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> "$LOG"
exit "$CODE"
"""


@pytest.fixture
def run() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("run", Path(__file__).with_name("run.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def apt_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in for apt-get that only notes what it is asked for."""
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(FAKE_APT_GET)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("LOG", str(tmp_path / "apt.log"))
    monkeypatch.setenv("CODE", "0")
    return tmp_path / "apt.log"


def test_installing_asks_nothing_and_removes_nothing(run: ModuleType, apt_log: Path) -> None:
    """A machine's own mail server must survive our tests."""
    assert run.apt_get("install", "squid")

    said = apt_log.read_text()
    assert said.startswith("noninteractive install")
    assert {"--yes", "--no-remove", "--no-install-recommends", "squid"} <= set(said.split())


def test_a_failed_installation_is_told(
    run: ModuleType,
    apt_log: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is no error of the tests: what needs the server is skipped, and one reads why."""
    monkeypatch.setenv("CODE", "100")

    assert not run.apt_get("install", "squid")
    assert "apt-get install squid failed" in capsys.readouterr().err
    assert apt_log.exists()


def test_a_server_that_can_not_be_downloaded_leaves_nothing(
    run: ModuleType, apt_log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Half a server would be taken for one the next time."""
    monkeypatch.setenv("CODE", "100")
    monkeypatch.setattr(run, "UNPACKED_INTO", tmp_path / "unpacked")

    assert "exim" in run.unpack_servers({"exim": ("exim4-daemon-light",)})
    assert list((tmp_path / "unpacked").iterdir()) == []
    assert "download" in apt_log.read_text()


def test_a_server_is_unpacked_once(
    run: ModuleType, apt_log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next run finds it and asks nobody."""
    monkeypatch.setattr(run, "UNPACKED_INTO", tmp_path / "unpacked")

    assert run.unpack_servers({"exim": ("exim4-daemon-light",)}) is None
    assert (tmp_path / "unpacked" / "exim").is_dir()
    apt_log.unlink()

    assert run.unpack_servers({"exim": ("exim4-daemon-light",)}) is None
    assert not apt_log.exists()


@pytest.mark.parametrize("before", [None, b"#!/bin/sh\nexit 0\n"])
def test_no_service_starts_meanwhile_and_the_policy_is_put_back(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: bytes | None
) -> None:
    """invoke-rc.d is told no while packages come in, and afterwards what it was told before."""
    policy = tmp_path / "policy-rc.d"
    if before is not None:
        policy.write_bytes(before)
        policy.chmod(0o744)
    monkeypatch.setattr(run, "POLICY", policy)

    def install_and_fail() -> None:
        with run.no_service_starts():
            assert "exit 101" in policy.read_text()
            assert policy.stat().st_mode & stat.S_IXUSR
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install_and_fail()

    assert (policy.read_bytes() if policy.exists() else None) == before
    assert before is None or stat.S_IMODE(policy.stat().st_mode) == 0o744


def test_says_that_only_root_can(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer without root runs the rest, and reads why the servers are left out."""
    monkeypatch.setattr(run.sys, "platform", "linux")
    monkeypatch.setattr(run.os, "geteuid", lambda: 1000)

    assert "only root" in run.why_not_isolated()


def test_says_that_it_needs_linux(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, on another system."""
    monkeypatch.setattr(run.sys, "platform", "darwin")

    assert "not Linux" in run.why_not_isolated()


def test_says_that_it_can_not_make_a_namespace(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may be root and still lack the right; the kernel's own words are passed on."""
    monkeypatch.setattr(run, "ALONE", ("sh", "-c", "echo Operation not permitted >&2; exit 1"))

    assert run.cannot_unshare() == "Operation not permitted"
