"""What an agency's view holds, against a second, plain implementation of the law."""

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged_run import IP, JudgedRun, make_judged_run

from survey.analysis.jurisdiction import view
from survey.model.address import Range, parse_ip
from survey.model.agency import Jurisdiction
from survey.model.probe import Probe
from survey.targets.ranges import RangeSet

NOBODY = RangeSet.of(())
EVERYBODY = Jurisdiction(frozenset({"ES", "MX"}), frozenset(), (Range(0, 2**32 - 1),), ())


@pytest.fixture(scope="module")
def judged_run(tmp_path_factory: pytest.TempPathFactory) -> JudgedRun:
    """Read-only for all tests here."""
    return make_judged_run(tmp_path_factory.mktemp("judged"))


def test_view_of_everything_counts_each_server_once(judged_run: JudgedRun) -> None:
    """Networks add up to the whole; the gap is a line of its own."""
    with view(judged_run.layout, judged_run.plan, EVERYBODY, NOBODY) as seen:
        lines = {line.asn: line for line in seen.networks()}
        assert seen.tested.size == 768
    assert {asn: line.tested for asn, line in lines.items()} == {64500: 128, 64501: 384, None: 256}
    assert {asn: line.open for asn, line in lines.items()} == {64500: 2, 64501: 2, None: 1}
    assert (lines[64501].relays, lines[64501].proxies, lines[64501].suspected) == (1, 2, 1)
    assert [line.answering for line in lines.values()] == [4, 2, 1]


def test_probes_of_the_plan_are_all_there(judged_run: JudgedRun) -> None:
    """In the plan's order, with their ports; one address open on two ports counts once."""
    with view(judged_run.layout, judged_run.plan, EVERYBODY, NOBODY) as seen:
        relay, socks = seen.probes()
    assert (relay.probe, relay.ports, relay.open, relay.suspected, relay.answering) == (
        Probe.SMTP_RELAY,
        (25,),
        3,
        1,
        5,
    )
    assert (socks.probe, socks.ports, socks.open, socks.suspected) == (
        Probe.SOCKS5,
        (1080, 1081),
        3,
        0,
    )


def test_rungs_count_every_test(judged_run: JudgedRun) -> None:
    """Eight numbers; silence is no row."""
    with view(judged_run.layout, judged_run.plan, EVERYBODY, NOBODY) as seen:
        assert seen.rungs() == (0, 0, 1, 0, 1, 2, 5, 0)


_RANGES = st.lists(
    st.tuples(st.sampled_from(sorted(IP.values())), st.integers(0, 300)).map(
        lambda pair: Range(parse_ip(pair[0]), parse_ip(pair[0]) + pair[1])
    ),
    max_size=2,
).map(tuple)
_CLAIMS = st.builds(
    Jurisdiction,
    st.frozensets(st.sampled_from(["ES", "MX", "FR"])),
    st.frozensets(st.sampled_from([64500, 64501, 64502])),
    _RANGES,
    _RANGES,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=_CLAIMS)
def test_no_row_outside_and_none_missing(judged_run: JudgedRun, claims: Jurisdiction) -> None:
    """For any jurisdiction: exactly the open rows that ``closeness`` says are its own."""
    run = judged_run.layout.run("trial", "2026-W48")
    expected = [
        (row["ip"], row["port"], row["probe"])
        for row in pq.read_table(run.findings).to_pylist()
        if row["verdict"] == "open"
        and claims.closeness(row["ip"], row["country"] or "", row["asn"])
    ]
    with view(judged_run.layout, judged_run.plan, claims, NOBODY) as seen:
        servers = seen.servers()
        assert [(one.ip, one.port, one.probe) for one in servers] == sorted(expected)
        networks = seen.networks()
        assert sum(line.open for line in networks) == len({one.ip for one in servers})
        assert sum(line.tested for line in networks) == seen.tested.size
