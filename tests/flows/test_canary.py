"""``survey canary`` as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from survey.errors import ConfigError, SurveyError
from survey.flows.canary import run_canary
from survey.settings import Settings
from survey.storage.keys import TOKEN, make_key

CAMPAIGN = """
[campaign]
id = "lab"
purpose = "a test"
kind = "lab"
[targets]
ranges = ["127.1.0.0/24"]
[probes.smtp_relay]
ports = [2525]
[rate]
packets_per_second = 100
[canary]
domains = ["canary.example", "canary.example.net"]
smtp = "127.0.0.1:{smtp}"
echo = "127.0.0.1:{echo}"
[optouts]
path = "optouts.log"
"""

PROGRAM = """
import sys
from pathlib import Path
from survey.flows.canary import run_canary
from survey.settings import Settings

root = Path(sys.argv[1])
run_canary(
    Settings(root / "data", root / "keys", root / "agencies"),
    root / "campaign.toml",
    lambda line: print(line, flush=True),
)
"""


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two ports that were free a moment ago."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture
def settings(tmp_path: Path, ports: tuple[int, int]) -> Settings:
    """An installation with a key and a campaign."""
    make_key(tmp_path / "keys", TOKEN)
    campaign = CAMPAIGN.format(smtp=ports[0], echo=ports[1])
    (tmp_path / "campaign.toml").write_text(campaign, encoding="utf-8")
    return Settings(tmp_path / "data", tmp_path / "keys", tmp_path / "agencies")


@pytest.fixture
def start(tmp_path: Path, settings: Settings) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start the canary; whatever still runs at the end is killed."""
    assert settings.keys.is_dir()
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(tmp_path)],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ},
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_canary_serves_until_it_is_told_to_stop(
    start: Callable[[], subprocess.Popen[str]], ports: tuple[int, int], number: signal.Signals
) -> None:
    """It says where it listens, greets on both ports, and ends without an error."""
    process = start()
    assert process.stdout is not None
    line = process.stdout.readline()
    for port in ports:
        with socket.create_connection(("127.0.0.1", port)) as talk, talk.makefile("rb") as heard:
            assert heard.readline().startswith(b"220 canary.example ESMTP Lab of the survey, http")
            talk.sendall(b"QUIT\r\n")
            assert heard.readline().startswith(b"221")

    process.send_signal(number)
    rest, _ = process.communicate()

    assert line == (
        "canary of lab: MX for canary.example and canary.example.net "
        f"on 127.0.0.1:{ports[0]}, echo host on 127.0.0.1:{ports[1]}\n"
    )
    assert rest == "canary stopped; its log is whole\n"
    assert process.returncode == 0


def test_missing_key_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    """File and cure are named, and nothing is left behind."""
    (settings.keys / f"{TOKEN}.key").unlink()

    with pytest.raises(ConfigError, match=r"token\.key: can't be read .*survey keys init"):
        run_canary(settings, tmp_path / "campaign.toml", print)

    assert not settings.data.exists()


def test_wrong_campaign_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    """The campaign is checked before anything else."""
    (tmp_path / "campaign.toml").write_text("[campaign]\n")

    with pytest.raises(ConfigError, match=r"campaign\.toml"):
        run_canary(settings, tmp_path / "campaign.toml", print)

    assert not settings.data.exists()


def test_port_in_use_is_one_clear_line(
    settings: Settings, tmp_path: Path, ports: tuple[int, int]
) -> None:
    """The key of the campaign is named."""
    with (
        socket.create_server(("127.0.0.1", ports[1])),
        pytest.raises(
            SurveyError, match=rf"^canary\.echo: can't listen on 127\.0\.0\.1:{ports[1]}: [^\n]*$"
        ),
    ):
        run_canary(settings, tmp_path / "campaign.toml", print)
