"""Space that no survey may send to."""

import csv
import importlib.util
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

from survey.model.address import parse_ip
from survey.targets.ranges import parse_cidr
from survey.targets.special import special_purpose

SCRIPT = Path(__file__).parents[2] / "infra" / "special-purpose" / "regenerate.py"

# The shape of IANA's table: footnotes, several blocks in a cell, quotes and line breaks.
TABLE = '''\
Address Block,Name,RFC,Allocation Date,Termination Date,Source,Globally Reachable
0.0.0.0/8,"""This network""","[RFC791], Section 3.2",1981-09,N/A,True,False
192.0.0.0/24 [2],IETF Protocol Assignments,"[RFC6890], Section 2.1",2010-01,N/A,False,False
"192.0.0.170/32, 192.0.0.171/32",NAT64/DNS64 Discovery,"[RFC8880][RFC7050],
        Section 2.2",2013-02,N/A,False,False
'''


def load_script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("regenerate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_remains_is_the_known_number() -> None:
    """2**32 minus all of it; a change here is a change of what every survey covers."""
    assert (~special_purpose()).size == 3_702_257_664


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.9.9",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.1.1",
        "192.175.48.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
    ],
)
def test_special_addresses_are_in_it(address: str) -> None:
    """One address of each block."""
    assert parse_ip(address) in special_purpose()


@pytest.mark.parametrize(
    "address", ["1.0.0.0", "9.255.255.255", "100.128.0.0", "172.32.0.0", "198.20.0.0", "223.0.0.1"]
)
def test_neighbours_are_not(address: str) -> None:
    """What lies beside a block belongs to somebody and may be asked for."""
    assert parse_ip(address) not in special_purpose()


def test_table_has_a_source_and_a_date() -> None:
    """Whoever reads the table can tell how old it is."""
    text = (files("survey.targets") / "special.csv").read_text(encoding="utf-8")
    assert "# source: " in text
    assert "# date: 20" in text


def test_script_reads_the_registry_as_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Footnotes go, cells with two blocks are two rows, multicast is added, order is by address."""
    table, out = tmp_path / "iana.csv", tmp_path / "special.csv"
    table.write_text(TABLE, encoding="utf-8")
    arguments = ["regenerate.py", str(table), "--date", "2026-11-24", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    load_script().main()
    lines = out.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("# date: 2026-11-24") for line in lines)
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    assert rows == [
        ["block", "name", "reference"],
        ["0.0.0.0/8", "This network", "RFC 791"],
        ["192.0.0.0/24", "IETF Protocol Assignments", "RFC 6890"],
        ["192.0.0.170/32", "NAT64/DNS64 Discovery", "RFC 8880"],
        ["192.0.0.171/32", "NAT64/DNS64 Discovery", "RFC 8880"],
        ["224.0.0.0/4", "Multicast", "RFC 5771"],
    ]


def test_script_refuses_a_block_that_it_cannot_read(tmp_path: Path) -> None:
    """Half a table would let a survey into the other half."""
    table = tmp_path / "iana.csv"
    table.write_text(TABLE.replace("0.0.0.0/8", "0.0.0.0/eight"), encoding="utf-8")
    script = load_script()
    with pytest.raises(ValueError, match="eight"):
        script.read_blocks(table)


def test_every_block_of_the_table_is_a_range() -> None:
    """The checked-in table has a name and a reference in every row."""
    text = (files("survey.targets") / "special.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert len(rows) == 27
    for row in rows:
        assert parse_cidr(row["block"]).start in special_purpose()
        assert row["name"]
        assert row["reference"].startswith("RFC ")
