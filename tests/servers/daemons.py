"""Real servers, each on a loopback address of its own, started and stopped by a test.

What is particular to a kind of server is in ``programs.py``.  Each lives in a folder of its own
that dies with it; what it says goes into ``*.log`` there, and is shown when it does not come up.
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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from certificates import self_signed
from places import CANARY, CANARY_ECHO, CANARY_SMTP, PROBER
from programs import CONFIGURATIONS, PROGRAMS

SURVEY = str(Path(sys.executable).with_name("survey"))
"""The command, as it is installed here."""

PATIENCE = 30.0
"""Seconds that a server may take to listen, or to end; enough for a busy machine."""


class _Filled(Template):
    delimiter = "@"  # "$" is Postfix's own


@dataclass(slots=True, eq=False)
class Daemon:
    """One server in one situation.

    Attributes:
        server: A key of PROGRAMS.
        situation: Name of its configuration file, e.g. ``open``.
        ip: Where it listens.
        port: As above.
        exit_ip: Where its own connections come from.
        behind: ``ip:port`` of the server that it passes on to, if there is one.
        change: Given name and text of a file that it is started with, what is written instead.
        options: More words for its command line, where that is its whole configuration.
    """

    server: str
    situation: str
    ip: str
    port: int
    exit_ip: str = ""
    behind: str = ""
    change: Callable[[str, str], str] = lambda _name, text: text
    options: tuple[str, ...] = ()
    home: Path = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.exit_ip = self.exit_ip or self.ip

    @property
    def name(self) -> str:
        """Its host name, as it says in its greeting and as the tests' hosts file has it."""
        return f"{self.server}-{self.situation.replace('_', '-')}.example"

    @property
    def configurations(self) -> list[Path]:
        """The files that make its situation."""
        return sorted((CONFIGURATIONS / self.server).glob(f"{self.situation}.*"))

    @property
    def program(self) -> str | None:
        """Path of its program, or None if it is not installed."""
        return PROGRAMS[self.server].path

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            RuntimeError: It ended, or did not listen in time; the text holds its log.
        """
        program = self.program
        assert program, f"{self.server} is not installed"
        self.home = Path(tempfile.mkdtemp(prefix=f"survey-{self.server}-"))
        self.home.chmod(0o755)  # these servers give up root and then read their folder
        with (self.home / "output.log").open("wb") as log:
            self.process = subprocess.Popen(
                # A usual limit: some of them visit every descriptor that they may have.
                ["prlimit", "--nofile=4096", *PROGRAMS[self.server].start(self, program)],
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
        gentle = PROGRAMS[self.server].gentle
        stopped(self.process, signal.SIGTERM if gentle else signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left behind
        shutil.rmtree(self.home)

    def log(self) -> str:
        """What it has said so far."""
        logs = sorted(self.home.glob("*.log"))
        return "".join(log.read_text(errors="backslashreplace") for log in logs)

    def configure(self, name: str, **more: str) -> str:
        """Write its configuration, general part first, and return its path."""
        folder = CONFIGURATIONS / self.server
        parts = [folder / "common.conf", folder / f"{self.situation}.conf"]
        texts = [self.filled(part, **more) for part in parts if part.exists()]
        return self.write(name, "".join(texts))

    def filled(self, template: Path, **more: str) -> str:
        """The text of a file with ``@{...}`` filled in."""
        text = template.read_text()
        behind, _, behind_port = self.behind.partition(":")
        certificate = self.home / "certificate.pem"
        if "@{certificate}" in text:
            self.write(certificate.name, self_signed(self.name))
            certificate.chmod(0o600)
        return _Filled(text).substitute(
            ip=self.ip,
            port=self.port,
            exit=self.exit_ip,
            name=self.name,
            home=self.home,
            behind=behind,
            behind_port=behind_port,
            canary=CANARY,
            canary_smtp=CANARY_SMTP,
            canary_echo=CANARY_ECHO,
            prober=PROBER,
            certificate=certificate,
            **more,
        )

    def write(self, name: str, text: str) -> str:
        """Write a file into its folder and return its path."""
        path = self.home / name
        path.write_text(self.change(name, text))
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
