"""From shards and the canary's log to findings, the way ``survey`` does it."""

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_data import CAMPAIGN, MORNING, RUN, MadeData, arrived, seen

from survey.canary.record import mapped
from survey.errors import GateClosedError, StorageError
from survey.flows.judge import judge
from survey.model.address import parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.observation import Step
from survey.model.probe import Probe
from survey.model.verdict import Verdict
from survey.storage.schemas import FINDINGS, HOSTS

SCANNED = (
    seen("192.0.2.1", step=Step.SENT, token="relay", code=250),
    seen("192.0.2.200", step=Step.SENT, token="sink", code=250),
    seen("198.51.100.1", step=Step.SPOKE, refused_at="RCPT", code=554, reply=b"554 no"),
    seen("198.51.100.1", Probe.SOCKS5, "echo", step=Step.ECHOED, token="proxy", nonce="n"),
    seen("198.51.100.200", step=Step.CONNECTED),
)
HEARD = (
    arrived(ArrivalKind.MESSAGE, "relay", peer=mapped("192.0.2.77")),
    arrived(ArrivalKind.TUNNEL, "proxy", nonce="n", peer=mapped("198.51.100.9")),
)


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """A scanned run whose arrivals are in the log."""
    data = MadeData(tmp_path)
    data.scan(SCANNED)
    data.arrive(HEARD)
    return data


def found(made: MadeData, run: str = RUN) -> dict[tuple[int, str], dict]:
    """The findings by address and probe."""
    rows = pq.read_table(made.layout.run(CAMPAIGN, run).findings).to_pylist()
    return {(row["ip"], row["probe"]): row for row in rows}


def test_findings_join_observations_arrivals_and_registries(made: MadeData) -> None:
    """Each verdict with its rule, exit, country and network; the summary counts them."""
    summary = judge(made.settings, CAMPAIGN, RUN)
    rows = found(made)
    relay = rows[parse_ip("192.0.2.1"), "smtp_relay"]
    proxy = rows[parse_ip("198.51.100.1"), "socks5"]

    assert (relay["verdict"], relay["rule"], relay["rung"]) == ("open", "relay.message_arrived", 6)
    assert relay["exit_ip"] == mapped("192.0.2.77")
    assert (relay["country"], relay["asn"], relay["network"]) == (
        "ES",
        64496,
        "EXAMPLE-BROADBAND",
    )
    assert relay["country_snapshot"].startswith("country-2026-11-22-")
    assert relay["network_snapshot"].startswith("network-2026-11-22-")
    assert (proxy["verdict"], proxy["rule"], proxy["asn"]) == ("open", "tunnel.proven", 64497)
    assert rows[parse_ip("192.0.2.200"), "smtp_relay"]["country"] == "MX"
    assert summary.complete
    assert summary.observations == 5
    assert summary.findings == {
        Verdict.OPEN: 2,
        Verdict.SUSPECTED: 1,
        Verdict.CLOSED: 1,
        Verdict.UNKNOWN: 1,
    }
    assert summary.hosts == {
        Verdict.OPEN: 2,
        Verdict.SUSPECTED: 1,
        Verdict.CLOSED: 0,
        Verdict.UNKNOWN: 1,
    }


def test_gap_between_ranges_has_no_country(made: MadeData) -> None:
    """The range before an address says nothing about it once it has ended."""
    judge(made.settings, CAMPAIGN, RUN)
    row = found(made)[parse_ip("198.51.100.200"), "smtp_relay"]

    assert (row["country"], row["asn"], row["network"]) == (None, None, None)


def test_files_keep_their_documented_schema(made: MadeData) -> None:
    """Types, nullability and the meaning of every field survive."""
    judge(made.settings, CAMPAIGN, RUN)
    run = made.layout.run(CAMPAIGN, RUN)

    assert pq.read_schema(run.findings).equals(FINDINGS, check_metadata=False)
    assert pq.read_schema(run.hosts).equals(HOSTS, check_metadata=False)
    assert pq.read_schema(run.findings).field("rule").metadata[b"doc"]


def test_judging_again_changes_nothing(made: MadeData) -> None:
    """The same input gives the same tables."""
    first = judge(made.settings, CAMPAIGN, RUN)
    before = found(made)
    second = judge(made.settings, CAMPAIGN, RUN)

    assert second == first
    assert found(made) == before


def test_late_arrival_counts_at_the_next_judgement(made: MadeData) -> None:
    """Mail that was queued for days still proves the relay."""
    judge(made.settings, CAMPAIGN, RUN)
    late = MORNING + timedelta(days=5)
    made.arrive([arrived(ArrivalKind.MESSAGE, "sink", at=late)])
    judge(made.settings, CAMPAIGN, RUN)

    assert found(made)[parse_ip("192.0.2.200"), "smtp_relay"]["verdict"] == "open"


def test_opted_out_address_is_in_no_output(made: MadeData) -> None:
    """Also one that opted out after it was scanned."""
    made.opt_out("192.0.2.1")
    summary = judge(made.settings, CAMPAIGN, RUN)

    assert parse_ip("192.0.2.1") not in {ip for ip, _ in found(made)}
    assert summary.hosts[Verdict.OPEN] == 1
    assert summary.optouts_version == 1


def test_without_the_optout_log_nothing_is_judged(made: MadeData) -> None:
    """Nobody knows who must be left out."""
    made.optouts.unlink()

    with pytest.raises(GateClosedError):
        judge(made.settings, CAMPAIGN, RUN)
    assert not made.layout.run(CAMPAIGN, RUN).findings.exists()


def test_unfinished_run_is_judged_provisionally(tmp_path: Path) -> None:
    """What is committed counts, nothing is compacted, and the summary says so."""
    made = MadeData(tmp_path)
    made.scan(SCANNED, done=False)
    summary = judge(made.settings, CAMPAIGN, RUN)

    assert not summary.complete
    assert summary.observations == 5
    assert not made.layout.run(CAMPAIGN, RUN).observations.exists()


def test_run_that_saw_nothing_has_empty_findings(tmp_path: Path) -> None:
    """No observation, no arrival, no registry in the way: two empty tables."""
    made = MadeData(tmp_path)
    made.scan(())
    summary = judge(made.settings, CAMPAIGN, RUN)

    assert summary.observations == 0
    assert found(made) == {}


def test_unknown_run_is_an_error(made: MadeData) -> None:
    """One line that names the folder."""
    with pytest.raises(StorageError, match="there is no such run"):
        judge(made.settings, CAMPAIGN, "2020-W01")
