"""The canary as a whole: starting, stopping, dying."""

import asyncio
import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from survey.canary.limits import Limits
from survey.canary.log import ArrivalLog, roll
from survey.canary.server import Running, serve
from survey.errors import BusyError, SurveyError
from survey.model.address import parse_ip
from survey.model.plan import Canary, Endpoint
from survey.protocols.token import TokenKind

LOOPBACK = parse_ip("127.0.0.1")


async def test_greeting_says_who_we_are(stand: Any) -> None:
    """Name and explanation, in printable ASCII whatever the campaign says."""
    async with stand.up(about="Oficina de protección\r\n250 x, https://survey.example/") as up:
        for port in (up.smtp_port, up.echo_port):
            talk = await stand.call(port)
            assert await talk.hear() == (
                b"220 canary.example ESMTP Oficina de protecci n 250 x, https://survey.example/"
            )
            await talk.quit()


async def test_serve_ends_when_told_and_leaves_a_whole_log(stand: Any) -> None:
    """Whoever is connected at the end gets its line; nothing that was promised is lost."""
    stop = asyncio.Event()
    ports: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            Canary(("a.example", "b.example"), Endpoint(LOOPBACK, 0), Endpoint(LOOPBACK, 0)),
            stand.tokens.key,
            stand.lines.folder,
            stop,
            limits=Limits(farewell_seconds=0.05),
            started=ports.set_result,
        )
    )
    running = await ports
    idle = [await stand.call(running.echo_port), await stand.call(running.smtp_port)]
    for talk in idle:
        await talk.hear()
    token = stand.tokens.tunnel(running.echo_port)
    busy = await stand.call(running.echo_port)
    await busy.hear()
    assert (await busy.say(f"NOOP {token}")).startswith(b"250")

    stop.set()
    await serving

    kinds = stand.lines.kinds()
    assert sorted(kinds) == [("connection", ""), ("connection", ""), ("tunnel", token)]
    with pytest.raises(ConnectionRefusedError):
        await stand.call(running.echo_port)


async def test_clock_is_given_from_outside(stand: Any) -> None:
    """Times and files follow the clock that was given."""
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    async with stand.up(now=lambda: moment) as up, stand.talk(up.echo_port) as talk:
        await talk.say("NOOP")

    assert [path.name for path in stand.lines.folder.glob("*.log")] == ["2030-01-02.log"]
    assert stand.lines.all()[0]["at"] == "2030-01-02T03:04:05.000000+00:00"


@pytest.mark.parametrize("name", ["smtp", "echo"])
async def test_port_in_use_is_one_clear_line(stand: Any, name: str) -> None:
    """Which key of the campaign, which address, and what to do; the folder is free again."""
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    ends = {"smtp": Endpoint(LOOPBACK, 0), "echo": Endpoint(LOOPBACK, 0)}
    ends[name] = Endpoint(LOOPBACK, port)
    canary = Canary(("a.example", "b.example"), ends["smtp"], ends["echo"])

    with pytest.raises(SurveyError, match=rf"^canary\.{name}: can't listen on 127.0.0.1:{port}: "):
        await serve(canary, stand.tokens.key, stand.lines.folder, asyncio.Event())

    taken.close()
    await taken.wait_closed()
    await ArrivalLog(stand.lines.folder).close()


async def test_second_canary_is_refused(stand: Any) -> None:
    """Two writers would tear each other's lines."""
    async with stand.up():
        with pytest.raises(BusyError):
            async with stand.up():
                pass


async def test_old_mail_to_staff_is_removed(
    stand: Any, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., Awaitable[None]]
) -> None:
    """Retention needs nobody to remember it."""
    monkeypatch.setattr("survey.canary.server._COUNT_SECONDS", 0.0)
    old = stand.lines.folder / "postmaster" / "old.eml"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    os.utime(old, (0, 0))

    async with stand.up():
        await wait_until(lambda: not old.exists())


async def test_mistake_of_ours_is_reported_without_the_peer(
    stand: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is heard of, answered with 421, and names no host (law 8)."""

    def bug(*_: object) -> None:
        raise ZeroDivisionError("peer 127.0.0.1")

    monkeypatch.setattr("survey.canary.mx.parse_path", bug)
    async with stand.up() as up:
        talk = await stand.call(up.smtp_port)
        await talk.hear()
        await talk.say("EHLO x")
        assert (await talk.say("MAIL FROM:<>")).startswith(b"421")

    assert "a conversation of our MX failed (ZeroDivisionError)" in caplog.text
    assert "127.0.0.1" not in caplog.text


PROGRAM = """
import asyncio, sys
from pathlib import Path
from survey.canary.limits import Limits
from survey.canary.server import serve
from survey.model.plan import Canary, Endpoint

there = Endpoint(0x7F000001, 0)
asyncio.run(serve(
    Canary(("canary.example", "canary.example.net"), there, there), b"k" * 32, Path(sys.argv[1]),
    asyncio.Event(), limits=Limits(mail_per_peer=1000),
    started=lambda up: print(up.smtp_port, up.echo_port, flush=True),
))
"""


@dataclass
class Process:
    """A canary in a process of its own."""

    process: subprocess.Popen[str]
    smtp_port: int

    def kill(self) -> None:
        """As a power cut would, for the process."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Start a canary on this test's folder; whatever still runs at the end is killed."""
    started: list[Process] = []

    def start() -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "arrivals")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        started.append(Process(process, int(process.stdout.readline().split()[0])))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.process.stdout.close()


def test_every_message_that_got_its_250_survives_kill_9(
    tmp_path: Path, tokens: Any, start: Callable[[], Process]
) -> None:
    """The promise of the log, kept three times in a row by canaries that are killed mid-stream."""
    promised: list[str] = []

    def send(port: int, first: int) -> None:
        """Send messages until the canary is gone; note each that was answered with 250."""
        try:
            with smtplib.SMTP("127.0.0.1", port, "relay.example") as client:
                for attempt in range(256):
                    claims = {"port": first, "attempt": attempt}
                    recipient = tokens.of(TokenKind.RECIPIENT, **claims)
                    body = tokens.of(TokenKind.MESSAGE, **claims)
                    client.sendmail(
                        "", f"{recipient}@canary.example", f"Subject: x\r\n\r\n{body}\r\n"
                    )
                    promised.append(recipient)
        except (OSError, smtplib.SMTPException):
            pass

    for round_number in range(3):
        canary = start()
        already = len(promised)
        senders = [
            threading.Thread(target=send, args=(canary.smtp_port, round_number * 100 + number))
            for number in range(8)
        ]
        for sender in senders:
            sender.start()
        while len(promised) < already + 200:
            senders[0].join(0.01)
        canary.kill()
        for sender in senders:
            sender.join()

    survivor = start()
    survivor.kill()
    folder = tmp_path / "arrivals"
    lines = [
        json.loads(line)
        for path in sorted(folder.glob("*.log"))
        for line in path.read_bytes().splitlines()
    ]
    complete = {line["token"] for line in lines if line["kind"] == "message" and line["complete"]}
    assert len(promised) >= 600
    assert set(promised) <= complete
    assert sum(pq.read_metadata(path).num_rows for path in roll(folder)) == len(lines)


def test_killed_canary_leaves_its_folder_to_the_next(
    tmp_path: Path, start: Callable[[], Process]
) -> None:
    """The lock dies with its holder, and a torn line is mended."""
    start().kill()
    torn = tmp_path / "arrivals" / "2026-11-23.log"
    torn.write_bytes(b'{"at":"2026')

    start()

    assert torn.read_bytes() == b""
