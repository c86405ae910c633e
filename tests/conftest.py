"""What holds for every test: nothing leaves the loopback device, and nothing is timed.

The rules and how they are kept: docs/testing.md.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import network_guard
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# A slow machine is no wrong answer, so no example has a deadline.
settings.register_profile("survey", settings.default, deadline=None)
settings.load_profile("survey")

NOTES = pytest.StashKey[Path]()
OF_WORKERS = pytest.StashKey[list[str]]()


def only_loopback() -> bool:
    """Whether this process lives in a network namespace with the loopback device alone."""
    return hasattr(socket, "if_nameindex") and [name for _, name in socket.if_nameindex()] == ["lo"]


def pytest_configure(config: pytest.Config) -> None:
    """Put this process, and every Python process that it starts, under the guard."""
    handle, path = tempfile.mkstemp(prefix="survey-guard-")
    os.close(handle)
    config.stash[NOTES] = Path(path)
    config.stash[OF_WORKERS] = []
    if hasattr(config, "workerinput"):  # a process that shares the tests, in a namespace of its own
        os.environ.pop(network_guard.HOME, None)
    network_guard.install(Path(path))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the guard's notes."""
    config.stash[NOTES].unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs real servers where they could reach the world: the guard can't see them."""
    if only_loopback():
        return
    reason = "real servers run only in a namespace with nothing but lo: `make test` as root"
    for item in items:
        if item.get_closest_marker("servers"):  # the folder is a keyword of this name, too
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose fixtures tried to reach outside."""
    return (yield from watched(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that tried to reach outside, whatever it made of the refusal."""
    return (yield from watched(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose end tried to reach outside."""
    return (yield from watched(item))


def watched(item: pytest.Item) -> Generator[None, object, object]:
    """Run one phase of a test, then fail it with the guard's notes, if there are any."""
    try:
        return (yield)
    finally:
        if notes := take_notes(item.config):
            pytest.fail(f"reached for an address outside loopback:\n{notes}", pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for a process that reached outside after its test had ended."""
    notes = take_notes(session.config)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["guard"] = notes
    notes += "".join(session.config.stash[OF_WORKERS])
    if notes:
        sys.stderr.write(f"\na process reached outside after its test had ended:\n{notes}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController") -> None:
    """Keep what a process that shared the tests noted at its end."""
    node.config.stash[OF_WORKERS].append(getattr(node, "workeroutput", {}).get("guard", ""))


def take_notes(config: pytest.Config) -> str:
    """What the guard noted since the last time."""
    path = config.stash[NOTES]
    notes = path.read_text(encoding="utf-8")
    if notes:
        path.write_text("")
    return notes
