"""Where a kind of campaign may send at all."""

from pathlib import Path

import pytest

from survey.model.address import parse_ip
from survey.model.plan import Kind
from survey.targets.ranges import parse_cidr
from survey.targets.reach import reach

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
OTHER = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
VETH = "veth0\t000012C6\t00000000\t0001\t0\t0\t0\t0000FEFF\t0\t0\t0\n"
HALVES = (
    "tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    "tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
)

LOOPBACK = (parse_cidr("127.0.0.0/8"),)
BOTH = (*LOOPBACK, parse_cidr("198.18.0.0/15"))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (HEAD, BOTH),
        (HEAD + VETH, BOTH),
        (HEAD + OTHER, BOTH),
        (HEAD + OTHER + DEFAULT, LOOPBACK),
        (HEAD + VETH + DEFAULT.replace("010011AC", "00000000"), LOOPBACK),
        (HEAD + HALVES, LOOPBACK),
        (HEAD + "a line that we can't read\n", LOOPBACK),
        (HEAD + VETH.replace("000012C6", "someword"), LOOPBACK),
    ],
    ids=["lo", "veth", "other", "default", "default-on-link", "two-halves", "short", "no-hex"],
)
def test_lab_reaches_test_space_only_where_nothing_leads_out(
    tmp_path: Path, table: str, expected: tuple[object, ...]
) -> None:
    """A default route, or a gateway for part of the test space, shuts it."""
    routes = tmp_path / "route"
    routes.write_text(table, encoding="ascii")
    assert reach(Kind.LAB, routes).ranges == expected


def test_lab_without_a_routing_table_stays_on_loopback(tmp_path: Path) -> None:
    """What we can't know counts as a way out."""
    assert reach(Kind.LAB, tmp_path / "missing").ranges == LOOPBACK


def test_survey_never_reaches_special_space() -> None:
    """Loopback, private and test space are out of every survey's reach."""
    public = reach(Kind.SURVEY)
    assert parse_ip("5.6.7.8") in public
    for address in ("127.0.0.1", "10.0.0.1", "198.18.0.1", "224.0.0.1"):
        assert parse_ip(address) not in public
