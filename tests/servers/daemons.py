"""Real servers, each on a loopback address of its own, started and stopped by a test.

A server's configuration is ``<server>/<situation>.conf`` after ``<server>/common.conf``, with
``@{...}`` filled in.  It lives in a folder of its own that dies with it; what it says goes into
``*.log`` there, and is shown when it does not come up.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

HERE = Path(__file__).parent

CANARY = "127.0.20.1"
"""Our canary's address, the smarthost of every mail server here."""
CANARY_SMTP = 2526
"""Its MX."""
CANARY_ECHO = 2580
"""Its echo host."""
PROBER = "127.0.20.2"
"""Where the probes come from: a stranger, unlike 127.0.0.1, which mail servers trust."""

SURVEY = str(Path(sys.executable).with_name("survey"))
"""The command, as it is installed here."""

POSTFIX_MASTER = "/usr/lib/postfix/sbin/master"
POSTFIX_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush"),
    *("hold", "incoming", "maildrop", "saved", "trace"),
)

PATIENCE = 30.0
"""Seconds that a server may take to listen, or to end; enough for a busy machine."""


class _Filled(Template):
    delimiter = "@"  # "$" is Postfix's own


@dataclass(slots=True)
class Daemon:
    """One server in one situation.

    Attributes:
        server: ``postfix``, ``squid``, ``tinyproxy``, ``dante`` or ``microsocks``.
        situation: Name of its configuration file, e.g. ``open``.
        ip: Where it listens.
        port: As above.
        exit_ip: Where its own connections come from.
    """

    server: str
    situation: str
    ip: str
    port: int
    exit_ip: str = ""
    home: Path = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.exit_ip = self.exit_ip or self.ip

    @property
    def name(self) -> str:
        """Its host name, as it says in its greeting and as the tests' hosts file has it."""
        return f"{self.server}-{self.situation.replace('_', '-')}.example"

    @property
    def program(self) -> str | None:
        """Path of its program, or None if it is not installed."""
        program = {"dante": "danted"}.get(self.server, self.server)
        return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            RuntimeError: It ended, or did not listen in time; the text holds its log.
        """
        self.home = Path(tempfile.mkdtemp(prefix=f"survey-{self.server}-"))
        self.home.chmod(0o755)  # these servers give up root and then read their folder
        with (self.home / "output.log").open("wb") as log:
            self.process = subprocess.Popen(
                # A usual limit: some of them visit every descriptor that they may have.
                ["prlimit", "--nofile=4096", *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                start_new_session=True,  # a process group of its own, to be ended as one
            )
        try:
            wait_until_listening(self.process, self.ip, self.port, self.home / "output.log")
        except RuntimeError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and what it started, and remove its folder."""
        # squid says goodbye for seconds, and without a cache it has nothing to save
        stopped(self.process, signal.SIGKILL if self.server == "squid" else signal.SIGTERM)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left behind
        shutil.rmtree(self.home)

    def log(self) -> str:
        """What it has said so far."""
        logs = sorted(self.home.glob("*.log"))
        return "".join(log.read_text(errors="backslashreplace") for log in logs)

    def _command(self) -> list[str]:
        program = self.program
        assert program, f"{self.server} is not installed"
        match self.server:
            case "postfix":
                self._make_postfix_folders()
                self._fill("master.cf", (HERE / "postfix" / "master.cf").read_text())
                self._configure("main.cf")
                # master itself: `postfix start-fg` is a shell that would leave it behind
                return [POSTFIX_MASTER, "-c", str(self.home), "-s"]
            case "squid":
                (self.home / "users").touch()
                shutil.chown(self.home, "proxy")
                # -n: a name of its own, letters and digits, lest it share memory with another
                alone = f"survey{os.getpid()}{self.situation}"
                return [program, "-N", "-n", alone, "-f", self._configure("squid.conf")]
            case "tinyproxy":
                return [program, "-d", "-c", self._configure("tinyproxy.conf")]
            case "dante":
                # It takes only addresses that the device has by name.
                for ip in {self.ip, self.exit_ip}:
                    subprocess.run(["ip", "address", "replace", f"{ip}/8", "dev", "lo"], check=True)
                pid = str(self.home / "danted.pid")
                return [program, "-p", pid, "-f", self._configure("danted.conf")]
            case "microsocks":
                return [program, "-i", self.ip, "-p", str(self.port), "-b", self.exit_ip]
        raise AssertionError(self.server)

    def _make_postfix_folders(self) -> None:
        for part in ("pid", "public", "private", *POSTFIX_QUEUES):
            (self.home / "queue" / part).mkdir(parents=True)
            if part != "pid":
                shutil.chown(self.home / "queue" / part, "postfix")
        (self.home / "data").mkdir()
        shutil.chown(self.home / "data", "postfix")

    def _configure(self, name: str) -> str:
        """Write its configuration, general part first, and return its path."""
        folder = HERE / self.server
        parts = [folder / "common.conf", folder / f"{self.situation}.conf"]
        return self._fill(name, "".join(part.read_text() for part in parts))

    def _fill(self, name: str, text: str) -> str:
        path = self.home / name
        path.write_text(
            _Filled(text).substitute(
                ip=self.ip,
                port=self.port,
                exit=self.exit_ip,
                name=self.name,
                home=self.home,
                canary=CANARY,
                canary_smtp=CANARY_SMTP,
                canary_echo=CANARY_ECHO,
            )
        )
        # Postfix waits until a file that was changed just now has surely been written.
        os.utime(path, (0, 0))
        return str(path)


def wait_until_listening(process: subprocess.Popen[bytes], ip: str, port: int, log: Path) -> None:
    """Return once somebody listens there.

    Raises:
        RuntimeError: The process ended, or nobody listened in time; the text holds the log.
    """
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as visitor:
            if visitor.connect_ex((ip, port)) == 0:
                return
        time.sleep(0.02)
    ended = "does not listen" if process.poll() is None else f"ended with {process.returncode}"
    said = log.read_text(errors="backslashreplace")
    raise RuntimeError(f"{process.args} on {ip}:{port} {ended}:\n{said}")


def stopped(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Ask the process to end, and make it if it does not."""
    process.send_signal(how)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
