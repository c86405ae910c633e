"""Counting what tools say, and reading what the peers say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from daemons import Daemon
from peers import Said, Target, read_nmap, read_proxycheck
from scores import Asked, Score, Tool, by_probe, by_situation, score
from truth import SITUATIONS, Situation, Way

OPEN = Asked(
    Situation(Daemon("squid", "open", "127.0.22.1", 3128), "lets in", {"http_connect": Way.MAIL}),
    "http_connect",
)
CLOSED = Asked(Situation(Daemon("squid", "denied", "127.0.22.2", 3128), "403"), "http_connect")
MUTE = Asked(
    Situation(Daemon("privoxy", "open", "127.0.32.1", 8118), "502", {"http_post": Way.ONE_WAY}),
    "http_post",
)


def test_each_case_is_counted_once() -> None:
    """Only the word ``open`` accuses; a doubt or a silence does not."""
    asked = [OPEN, CLOSED, MUTE]

    assert score(asked, {OPEN: "open", CLOSED: "suspected"}) == Score(1, 0, 0, 1)
    assert score(asked, {OPEN: "unknown", CLOSED: "open", MUTE: "open"}) == Score(0, 1, 1, 0)


def test_no_share_of_nothing() -> None:
    """Who says open of nobody has no precision, rather than a perfect one."""
    counts = score([OPEN, CLOSED], {})

    assert (counts.precision, counts.recall) == (None, 0.0)


def test_tables() -> None:
    """What a tool can't test is said so, and counted nowhere."""
    tools = [
        Tool("survey", ("http_connect",), {OPEN: "open", CLOSED: "closed"}),
        Tool("nmap", ("smtp_relay",), {}),
    ]

    assert by_probe([OPEN, CLOSED], tools).splitlines()[2:] == [
        "| `http_connect` | survey | 2 | 1 | 0 | 0 | 1 | 1.000 | 1.000 |",
        "| `http_connect` | nmap | does not test it | | | | | | |",
    ]
    assert by_situation([OPEN, CLOSED], tools).splitlines()[2:] == [
        "| `squid/open` | 3128 | lets in | http_connect (mail) | open | does not test it |",
        "| `squid/denied` | 3128 | 403 | nobody | closed | does not test it |",
    ]


def test_what_nmap_says_is_read() -> None:
    """A script that says nothing of a port has said neither open nor closed."""
    report = """<nmaprun><host><address addr="127.0.21.1"/><ports>
    <port portid="25"><script id="smtp-open-relay" output="Server is an open relay (3/16 tests)"/>
    </port><port portid="587"><script id="smtp-open-relay"
    output="Server isn't an open relay, authentication needed"/></port>
    <port portid="465"><script id="smtp-open-relay" output="Couldn't establish"/></port>
    <port portid="3128"><script id="http-open-proxy"
    output="Potentially OPEN proxy.&#xa;Methods supported: GET HEAD CONNECTION"/></port>
    <port portid="1080"><script id="socks-open-proxy" output="...">
    <elem key="status">open</elem><table key="versions"><elem>socks4</elem></table></script></port>
    <port portid="1081"><script id="socks-open-proxy" output="...">
    <elem key="status">pattern not matched</elem><table key="versions"><elem>socks4</elem></table>
    </script></port></ports></host></nmaprun>"""
    said: Said = {}
    read_nmap(report, said)

    assert said == {
        (Target("127.0.21.1", 25), "smtp_relay"): "open",
        (Target("127.0.21.1", 587), "smtp_relay"): "closed",
        (Target("127.0.21.1", 3128), "http_connect"): "open",
        (Target("127.0.21.1", 3128), "http_get"): "open",
        (Target("127.0.21.1", 1080), "socks4"): "open",
    }


def test_what_proxycheck_says_is_read() -> None:
    """One line for each that is open or surely closed, with the exit after it."""
    report = "127.0.24.1 s5:1080 open 127.0.24.101\n127.0.25.2 s5:1080 closed\n"

    assert read_proxycheck(report) == {
        (Target("127.0.24.1", 1080), "socks5"): "open",
        (Target("127.0.25.2", 1080), "socks5"): "closed",
    }


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.key)
def test_every_situation_has_a_configuration(situation: Situation, tmp_path: Path) -> None:
    """A row without its file, or a file with a blank that nobody fills, is found out at once."""
    daemon = replace(situation.daemon)
    daemon.home = tmp_path

    assert daemon.configurations
    assert all(daemon.filled(path, program="") for path in daemon.configurations)


def test_the_page_names_tests_and_servers_that_exist() -> None:
    """A trap whose test was renamed or dropped would be a claim without a proof."""
    root = Path(__file__).resolve().parents[2]
    traps = (root / "docs" / "truth.md").read_text(encoding="utf-8").partition("## Traps")[2]
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", traps)
    servers = set(re.findall(r"`(\w+/\w+)`", traps)) - {"tests/servers"}

    assert named
    assert [
        f"{path}::{test}" for path, test in named if f"def {test}" not in (root / path).read_text()
    ] == []
    assert servers <= {situation.key for situation in SITUATIONS}
