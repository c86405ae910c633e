"""The figures of a scan, as Prometheus reads them."""

import re
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from survey.errors import ConfigError
from survey.flows.metrics import MetricsServer, exposition
from survey.flows.standing import ScanStatus, State

STATUS = ScanStatus(
    state=State.RUNNING,
    planned=1000,
    done=500,
    found=7,
    rate=99.5,
    cap=100,
    eta=None,
    shards=10,
    committed=4,
    running=2,
    retries=1,
    repeated=100,
    resting=1,
    silence=0.4,
    optouts=3,
    optouts_obeyed=2,
    optouts_lag=1.5,
    optouts_worst_lag=2.5,
    sent=480,
    refused=400,
    silent=73,
    failures={"reset": 3, "stalled": 1},
    slots=3,
    packets=700,
)
LINE = re.compile(r'^survey_[a-z_0-9]+(\{[a-z]+="[a-z_]+"\})? -?[0-9.e+-]+$')


def values(text: str) -> dict[str, float]:
    """Name with labels, and value."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(LINE.match(line) for line in lines), lines
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_every_figure_has_a_line_with_help_and_type() -> None:
    """In the text format, version 0.0.4."""
    text = exposition(STATUS)
    read = values(text)

    assert read["survey_packets_per_second"] == 99.5
    assert read["survey_targets_done"] == 500
    assert read['survey_answers_total{answer="open"}'] == 7
    assert read['survey_failures_total{failure="reset"}'] == 3
    assert read['survey_state{state="running"}'] == 1
    assert read['survey_state{state="paused"}'] == 0
    assert "survey_seconds_left" not in read
    names = {name.partition("{")[0] for name in read}
    assert names <= set(re.findall(r"^# TYPE (\S+) (?:gauge|counter)$", text, re.MULTILINE))
    assert names <= set(re.findall(r"^# HELP (\S+) \S.*$", text, re.MULTILINE))


def test_server_shows_the_newest_and_nothing_else() -> None:
    """Empty before the first status; 404 elsewhere."""
    with MetricsServer("127.0.0.1", 0) as server:
        base = f"http://{server.address}"

        def get(path: str) -> str:
            with urllib.request.urlopen(base + path, timeout=20) as answer:  # noqa: S310 - ours
                text: str = answer.read().decode()
                return text

        assert get("/metrics") == ""
        server.show(STATUS)
        server.show(replace(STATUS, done=501, reason="the canary does not answer"))
        assert values(get("/metrics"))["survey_targets_done"] == 501
        assert values(get("/metrics?x=1"))["survey_held"] == 1
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get("/")


def test_address_that_is_taken_is_named() -> None:
    """Before the scan begins."""
    with MetricsServer("127.0.0.1", 0) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"can't listen on 127.0.0.1:{port}"):
            MetricsServer("127.0.0.1", port)
