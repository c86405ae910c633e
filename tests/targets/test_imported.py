"""What other scanners write is read as they meant it, or refused with file and line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import ConfigError
from survey.model.address import Range, format_ip, parse_ip
from survey.model.plan import Plan
from survey.targets.imported import Imported, match, read_found

A, B, C = (parse_ip(text) for text in ("192.0.2.7", "198.51.100.8", "203.0.113.9"))

# As the programs wrote them: zmap 2.1.1, zmap 4 (compact JSON), masscan 1.3.2 and 1.0.
ZMAP_CSV = b"""saddr,sport,classification,success
192.0.2.7,1080,synack,1
198.51.100.8,1080,rst,0
203.0.113.9,3128,synack,1
"""
ZMAP_CSV_OTHER_FIELDS = b"""timestamp-str,sport,saddr,ttl
"2026-11-24T06:00:00.000+0000",1080,192.0.2.7,64
2026-11-24T06:00:01.000+0000,3128,203.0.113.9,55
"""
ZMAP_JSON = b"""\
{ "saddr": "192.0.2.7", "sport": 1080, "classification": "synack", "success": 1, "repeat": 0 }
{"saddr":"203.0.113.9","sport":3128,"classification":"synack","success":true,"repeat":false}
{"saddr":"198.51.100.8","sport":1080,"classification":"rst","success":false}
"""
MASSCAN_JSON = b"""[
{   "ip": "192.0.2.7",   "timestamp": "1795504356", "ports": [ {"port": 1080, "proto": "tcp", \
"status": "open", "reason": "syn-ack", "ttl": 64} ] }
,
{   "ip": "203.0.113.9",   "timestamp": "1795504356", "ports": [ {"port": 3128, "proto": "tcp", \
"status": "open", "reason": "syn-ack", "ttl": 64} ] }
,
{   "ip": "198.51.100.8",   "timestamp": "1795504356", "ports": [ {"port": 53, "proto": "udp", \
"status": "open", "reason": "none", "ttl": 64} ] }
]
"""
MASSCAN_JSON_OLD = b"""[
{ "ip": "192.0.2.7", "ports": [ {"port": 1080, "proto": "tcp", "status": "open"} ] },
{ "ip": "203.0.113.9", "ports": [ {"port": 3128, "proto": "tcp", "status": "open"}, \
{"port": 25, "proto": "tcp", "status": "closed"} ] },
{ "ip": "192.0.2.7", "ports": [ {"port": 1080, "proto": "tcp", "service": {"name": "ssh"} } ] },
{finished: 1}
]
"""
MASSCAN_LINES = b"""\
{"ip":"192.0.2.7","timestamp":"1","port":1080,"proto":"tcp","rec_type":"status","data":\
{"status":"open","reason":"syn-ack","ttl":64}}
{"ip":"203.0.113.9","timestamp":"1","port":3128,"proto":"tcp","rec_type":"status","data":\
{"status":"open","reason":"syn-ack","ttl":64}}
{"ip":"192.0.2.7","timestamp":"1","port":1080,"proto":"tcp","rec_type":"banner","data":\
{"service_name":"title","banner":"x"}}
"""
MASSCAN_LIST = b"""#masscan
open tcp 1080 192.0.2.7 1795504606
open tcp 3128 203.0.113.9 1795504606
closed tcp 25 203.0.113.9 1795504606
banner tcp 1080 192.0.2.7 1795504606 title x y
# end
"""
PLAIN = b"""# from a colleague
192.0.2.7,1080
 203.0.113.9:3128

"""
PLAIN_WITH_HEADER = b"ip,port\r\n192.0.2.7,1080\r\n203.0.113.9,3128\r\n"


def written(folder: Path, data: bytes, name: str = "found") -> Path:
    """A file of it."""
    path = folder / name
    path.write_bytes(data)
    return path


def targets(found: Imported) -> list[tuple[int, int]]:
    """Pairs."""
    return list(zip(found.ips.tolist(), found.ports.tolist(), strict=True))


@pytest.mark.parametrize(
    ("data", "not_open"),
    [
        (ZMAP_CSV, 1),
        (ZMAP_CSV_OTHER_FIELDS, 0),
        (ZMAP_JSON, 1),
        (MASSCAN_JSON, 1),
        (MASSCAN_JSON_OLD, 1),
        (MASSCAN_LINES, 1),
        (MASSCAN_LIST, 2),
        (PLAIN, 0),
        (PLAIN_WITH_HEADER, 0),
    ],
)
def test_every_format_says_the_same(tmp_path: Path, data: bytes, not_open: int) -> None:
    """Two open targets; closed ports, other protocols and banners are counted."""
    found = read_found([written(tmp_path, data)], None)

    assert targets(found) == [(A, 1080), (C, 3128)]
    assert found.not_open == not_open


@pytest.mark.parametrize("data", [b"192.0.2.7\n203.0.113.9\n", b"saddr\n192.0.2.7\n203.0.113.9\n"])
def test_lists_of_addresses_have_the_only_port(tmp_path: Path, data: bytes) -> None:
    """As zmap writes them by default; with several ports planned nobody knows which."""
    path = written(tmp_path, data)

    assert targets(read_found([path], 25)) == [(A, 25), (C, 25)]
    with pytest.raises(ConfigError, match="names no port, and the campaign has more than one"):
        read_found([path], None)


def test_several_files_of_several_kinds(tmp_path: Path) -> None:
    """Each is read for what it is."""
    paths = [
        written(tmp_path, data, str(number))
        for number, data in enumerate([ZMAP_CSV, PLAIN, MASSCAN_JSON, b""])
    ]

    assert targets(read_found(paths, None)) == [(A, 1080), (C, 3128)] * 3


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"192.0.2.256,1080", "is no IPv4 address"),
        (b"192.0.2,1080", "is no IPv4 address"),
        (b"192.0.2.7,0", "is no port"),
        (b"192.0.2.7,65536", "is no port"),
        (b"192.0.2.7,http", "is no port"),
        (b"192.0.2.7,1080,open", "is no port"),
        (b"192.0.2.7,", "names no port"),
        (b"192.0.2.7", "names no port"),
        (b"2001:db8::7,1080", "is no IPv4 address"),
        (b"open tcp 1080", "is in no known format"),
        (b"open tcp 1080 2001:db8::7 1", "is no IPv4 address"),
        (b"hello", "is neither a target nor a header"),
        (b"{", "is in no known format"),
        (b'{"a":' * 100_000, "is in no known format"),
        (b'sa"ddr,\r1', "is in no known format"),
        (b'{"ip": "192.0.2.7"}', "is in no known format"),
        (b'{"ip": 7, "ports": []}', "is in no known format"),
        (b'{"ip": "192.0.2.7", "ports": [{"proto": "tcp", "status": "open"}]}', "no known format"),
        (b'{"saddr": "192.0.2.7", "sport": "x"}', "is no port"),
        (b"\xff\xfe1\x009\x002\x00", "is neither a target nor a header"),
    ],
)
def test_line_that_can_not_be_read_is_named(tmp_path: Path, line: bytes, problem: str) -> None:
    """File, line, what is wrong; never skipped."""
    path = written(tmp_path, b"192.0.2.7,1080\n\n" + line + b"\n")

    with pytest.raises(ConfigError, match=problem) as caught:
        read_found([path], None)

    assert str(caught.value).startswith(f"{path}: line 3: ")
    assert "\n" not in str(caught.value)


def test_row_that_does_not_fit_its_header_is_named(tmp_path: Path) -> None:
    """A file that was cut off is no whole list."""
    path = written(tmp_path, b"saddr,sport\n192.0.2.7,1080\n192.0.2\n")

    with pytest.raises(ConfigError, match="line 3: has 1 values under 2 headings"):
        read_found([path], None)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """One line."""
    with pytest.raises(ConfigError, match="can't be read"):
        read_found([tmp_path / "nothing"], None)


@given(st.binary(max_size=60))
def test_any_line_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, line: bytes) -> None:
    """Nothing a stranger writes is anything else than targets or a ConfigError."""
    path = written(tmp_path_factory.getbasetemp(), line)
    try:
        found = read_found([path], 25)
    except ConfigError:
        return
    assert len(found.ips) == len(found.ports)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 65535)), max_size=20))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]]
) -> None:
    """Any address and port, plainly written."""
    text = "".join(f"{format_ip(ip)},{port}\n" for ip, port in pairs)
    path = written(tmp_path_factory.getbasetemp(), text.encode())

    assert targets(read_found([path], None)) == pairs


def test_match_keeps_what_the_plan_asks_for_once(make_plan: Callable[..., Plan]) -> None:
    """Foreign addresses and ports are counted, repetitions too."""
    plan = make_plan((Range(100, 199), Range(300, 399)), (25, 1080))
    ips = np.array([100, 399, 100, 100, 250, 399, 2**32 - 1], dtype=np.uint32)
    ports = np.array([25, 1080, 25, 1080, 25, 80, 1080], dtype=np.uint16)

    matched = match(plan, Imported(ips, ports, 0))

    assert (matched.not_planned, matched.repeated) == (3, 1)
    assert len(matched.indices) == 3
    assert sorted(matched.ports.tolist()) == [25, 1080, 1080]


def test_match_of_nothing(make_plan: Callable[..., Plan]) -> None:
    """An empty list is a list."""
    plan = make_plan((Range(100, 199),))
    nothing = np.zeros(0, dtype=np.uint32)

    matched = match(plan, Imported(nothing, nothing.astype(np.uint16), 3))

    assert (len(matched.indices), matched.not_planned, matched.repeated) == (0, 0, 0)
