"""The guard stops and tells of every attempt to reach outside, in children and nested runs too."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import network_guard
import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
IN_NAMESPACE = os.environ.get("SURVEY_TESTS_ALONE") == "1"


def run_python(code: str, notes: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run code in a child whose guard notes what it refuses in a file of its own."""
    return subprocess.run(
        [*before, sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {network_guard.LOG: str(notes)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1.example", False),
        ("127.1", False),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("::ffff:192.0.2.1", False),
        ("example.org", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str | None, *, expected: bool) -> None:
    """Only whole loopback addresses count, and no name but localhost."""
    assert expected == network_guard.is_loopback(host)


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket().connect(('192.0.2.1', 25))",
        "socket.socket().connect_ex(('192.0.2.1', 25))",
        "socket.socket().connect_ex((b'192.0.2.1', 25))",
        "socket.create_connection(('192.0.2.1', 25))",
        "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 25))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
        "socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 53))",
        "socket.socket().bind(('0.0.0.0', 0))",
        "socket.socket().bind(('', 0))",
        "socket.socket().connect(('198.18.0.1', 25))",
        "socket.getaddrinfo('mail.example', 25)",
        "socket.gethostbyname('mail.example')",
        "socket.gethostbyaddr('192.0.2.1.example')",
        "asyncio.run(asyncio.open_connection('192.0.2.1', 25))",
        "uvloop.run(asyncio.open_connection('192.0.2.1', 25))",
        "uvloop.run(asyncio.open_connection(host='mail.example', port=25))",
        "uvloop.run(asyncio.start_server(print, port=0))",
        "uvloop.run(asyncio.start_server(print, '0.0.0.0', 0))",
        "uvloop.run(udp(remote_addr=('192.0.2.1', 53)))",
    ],
)
def test_reaching_outside_is_refused_and_noted_in_a_child(code: str, tmp_path: Path) -> None:
    """No way in which Python dials, sends, listens or resolves gets past the guard."""
    prelude = """
        import asyncio, socket, uvloop
        async def udp(**options):
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(asyncio.DatagramProtocol, **options)
    """

    done = run_python(textwrap.dedent(prelude) + code, tmp_path / "notes")

    assert "OutsideError" in done.stderr
    assert done.returncode == 1
    assert (tmp_path / "notes").read_text().startswith("socket.")


@pytest.mark.parametrize(
    "code",
    [
        "assert socket.socket().connect_ex(('127.0.0.9', 9)) == errno.ECONNREFUSED",
        "socket.socket().connect_ex((b'127.0.0.9', 9))",
        "socket.socket().bind(('127.0.0.9', 0))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.9', 9))",
        "socket.socketpair()",
        "socket.getaddrinfo('127.0.0.9', 9), socket.getaddrinfo('192.0.2.1', 9)",
        "socket.getaddrinfo(None, 0, flags=socket.AI_PASSIVE)",
        "uvloop.run(serve_and_visit())",
        "asyncio.run(serve_and_visit())",
    ],
)
def test_loopback_is_left_alone(code: str, tmp_path: Path) -> None:
    """What stays on the loopback device works and leaves no note."""
    prelude = """
        import asyncio, errno, socket, uvloop
        async def serve_and_visit():
            async def greet(reader, writer):
                writer.close()
            server = await asyncio.start_server(greet, '127.0.0.9', 0)
            async with server:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                assert await reader.read() == b''
                writer.close()
    """

    done = run_python(textwrap.dedent(prelude) + code, tmp_path / "notes")

    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "notes").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a socket to a device")
def test_any_address_may_be_bound_on_the_loopback_device(tmp_path: Path) -> None:
    """A wildcard socket tied to ``lo`` can't be reached from outside, so it is allowed."""
    code = """
        import socket
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, 25, b"lo")
        s.bind(("0.0.0.0", 0))
    """

    done = run_python(code, tmp_path / "notes")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not IN_NAMESPACE, reason="only root makes namespaces, under `make test`")
def test_benchmark_range_is_free_in_a_namespace_that_the_test_made(tmp_path: Path) -> None:
    """198.18.0.0/15 may be dialled where no wire leads out, and other addresses not even there."""
    code = """
        import errno, socket
        assert socket.socket().connect_ex(("198.18.0.1", 25)) == errno.ENETUNREACH
        socket.socket().connect_ex(("192.0.2.1", 25))
    """

    done = run_python(code, tmp_path / "notes", "unshare", "--net")

    assert "OutsideError" in done.stderr
    assert "192.0.2.1" in (tmp_path / "notes").read_text()
    assert "198.18" not in (tmp_path / "notes").read_text()


def test_a_child_that_needs_no_uvloop_does_not_load_it(tmp_path: Path) -> None:
    """The guard changes nothing about what a program imports."""
    code = "import sys; assert not {'uvloop', 'asyncio'} & set(sys.modules)"

    done = run_python(code, tmp_path / "notes")

    assert (done.returncode, done.stderr) == (0, "")


def test_a_test_that_swallows_the_refusal_fails_all_the_same(tmp_path: Path) -> None:
    """The note fails the very test that dialled, in call, fixture or child; others pass."""
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_dials.py").write_text(
        textwrap.dedent("""
            import contextlib, socket, subprocess, sys, pytest

            DIAL = "import socket; socket.socket().connect_ex(('192.0.2.1', 25))"

            def test_swallows():
                with contextlib.suppress(OSError):
                    exec(DIAL)

            def test_in_a_child():
                subprocess.run([sys.executable, "-c", DIAL], stderr=subprocess.DEVNULL)

            @pytest.fixture
            def dialled():
                yield
                with contextlib.suppress(OSError):
                    exec(DIAL)

            def test_in_a_fixture(dialled): pass

            def test_innocent(): pass
        """)
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout
    assert "2 failed, 2 passed, 1 error" in done.stdout
    assert "192.0.2.1" in done.stdout


@pytest.mark.parametrize("shared", [(), ("--numprocesses", "1")], ids=["one", "shared"])
def test_a_child_that_dials_when_its_test_is_over_fails_the_run(
    tmp_path: Path, shared: tuple[str, ...]
) -> None:
    """Nobody is left to blame, but the run is red; so it is where processes share the tests."""
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_leaves.py").write_text(
        textwrap.dedent("""
            import subprocess, sys

            DIAL = "import socket; socket.socket().connect_ex(('192.0.2.1', 25))"

            def test_leaves_a_child(request):
                child = subprocess.Popen(
                    [sys.executable, "-c", "import sys; sys.stdin.read();" + DIAL],
                    stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )
                class Late:
                    def pytest_sessionfinish(self):
                        child.communicate()
                request.config.pluginmanager.register(Late())
        """)
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *shared, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    assert "192.0.2.1" in done.stderr


@pytest.mark.skipif(not IN_NAMESPACE, reason="not started by `make test` as root on Debian")
def test_as_root_there_is_only_the_loopback_device() -> None:
    """Under the test command no interface, address or route leads anywhere else."""
    interfaces = [name for _, name in socket.if_nameindex()]
    routes = Path("/proc/self/net/route").read_text().splitlines()[1:]
    assert interfaces == ["lo"]
    assert routes == []

    # The kernel itself refuses: -I starts a child that the guard does not watch.
    code = "import socket; print(socket.socket().connect_ex(('192.0.2.1', 25)))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    assert str(errno.ENETUNREACH) == done.stdout.strip()
