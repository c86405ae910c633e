"""Which programs are open: hosts counted once in each program that they run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_data import CAMPAIGN, RUN, MadeData, arrived, seen

import survey
from survey.analysis.notebook import Survey
from survey.flows.judge import judge
from survey.model.agency import Jurisdiction
from survey.model.arrival import ArrivalKind
from survey.model.observation import Step
from survey.model.probe import Probe

POSTFIX = b"220 mail.example ESMTP Postfix\r\n"
SQUID = b"HTTP/1.1 403 Forbidden\r\nServer: squid/5.7\r\n\r\n"
DENIED = {"step": Step.SPOKE, "refused_at": "RCPT", "code": 454, "reply": b"454 Relay denied\r\n"}
SCANNED = (
    # one host, two programs: an open relay and a closed proxy
    seen("192.0.2.1", step=Step.SENT, token="open", received=POSTFIX),
    seen(
        "192.0.2.1",
        Probe.HTTP_CONNECT,
        "echo",
        step=Step.SPOKE,
        refused_at="CONNECT",
        code=403,
        received=SQUID,
    ),
    seen("192.0.2.2", received=POSTFIX, **DENIED),
    seen("192.0.2.200", received=POSTFIX, **DENIED),
    seen("192.0.2.3", received=b"220 mail.example ready\r\n", **DENIED),
)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Survey]:
    """A judged run, opened as a notebook does."""
    data = MadeData(tmp_path)
    data.scan(SCANNED)
    data.arrive([arrived(ArrivalKind.MESSAGE, "open")])
    judge(data.settings, CAMPAIGN, RUN)
    with survey.open(data.layout.root) as notebook:
        yield notebook


def counted(opened: Survey, **wanted: object) -> dict[str | None, tuple[int, int, int]]:
    """Open, closed and answering hosts of each program."""
    rows = opened.exposure(by="software", **wanted).to_arrow_table().to_pylist()
    return {row["software"]: (row["open"], row["closed"], row["answering"]) for row in rows}


def test_hosts_are_counted_in_each_program_that_they_run(opened: Survey) -> None:
    """What no fingerprint knows is a row of its own."""
    assert counted(opened) == {"postfix": (1, 2, 3), "squid": (0, 1, 1), None: (0, 1, 1)}


def test_one_kind_counts_only_its_own_findings(opened: Survey) -> None:
    """A program that only proxies run is in no row of the relays."""
    assert counted(opened, kind="relay") == {"postfix": (1, 2, 3), None: (0, 1, 1)}
    assert counted(opened, kind="proxy") == {"squid": (0, 1, 1)}


def test_a_jurisdiction_sees_its_own_only(opened: Survey) -> None:
    """The same restriction as for countries and networks."""
    mexico = Jurisdiction(frozenset({"MX"}), frozenset(), (), ())

    assert counted(opened, jurisdiction=mexico) == {"postfix": (0, 1, 1)}


def test_a_rate_has_an_interval_and_no_invented_denominator(opened: Survey) -> None:
    """Nobody knows what the silent addresses would have run."""
    (row, *_) = opened.exposure(by="software").to_arrow_table().to_pylist()

    assert row["per_100k_answering"] == pytest.approx(100_000 / 3)
    assert 0 < row["per_100k_low"] < row["per_100k_answering"] < row["per_100k_high"]
    assert "addresses" not in row
