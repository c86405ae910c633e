"""What this machine has to send SYNs with, and one line where it lacks something."""

from pathlib import Path

import pytest
from made_wire import GATEWAY, NEAR, SOURCE, Wire

from survey.engine.syn import arp
from survey.engine.syn import link as module
from survey.engine.syn.arp import answer_in, question
from survey.engine.syn.link import check_ports, open_link
from survey.engine.syn.packet_socket import may_open, open_socket
from survey.errors import LocalError
from survey.model.address import parse_ip

HEADER = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
US, THEM = parse_ip("192.0.2.10"), parse_ip("192.0.2.1")
OURS, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def routes(folder: Path, *rows: str) -> Path:
    """A kernel's table."""
    path = folder / "route"
    path.write_text(HEADER + "".join(f"{row} 0 0 0\n" for row in rows))
    return path


def test_default_route_gives_interface_and_gateway(tmp_path: Path) -> None:
    """The one with the smallest metric that goes through a gateway and is up."""
    table = routes(
        tmp_path,
        "eth0 000200C0 00000000 0001 0 0 0 00FFFFFF",
        "eth1 00000000 010200C0 0003 0 0 200 00000000",
        "eth0 00000000 FE0200C0 0003 0 0 100 00000000",
        "eth2 00000000 00000000 0001 0 0 1 00000000",
    )

    assert module._default_route("", 0, table) == ("eth0", parse_ip("192.0.2.254"))
    assert module._default_route("eth1", 0, table) == ("eth1", THEM)
    assert module._default_route("", 7, table) == ("eth0", 7)
    with pytest.raises(LocalError, match=r"through eth2 .* interface and gateway"):
        module._default_route("eth2", 0, table)


def test_no_default_route_is_one_line(tmp_path: Path) -> None:
    """It says which keys to write."""
    with pytest.raises(LocalError, match=r"^no default route says .* under \[discovery\]$"):
        module._default_route("", 0, routes(tmp_path))


@pytest.mark.parametrize("ports", [(60000, 61000), (32768, 32768), (1024, 65535)])
def test_ports_of_the_kernel_are_refused(tmp_path: Path, ports: tuple[int, int]) -> None:
    """A conversation with the same server could have the same port."""
    path = tmp_path / "range"
    path.write_text("32768\t60999\n")

    with pytest.raises(LocalError, match="ip_local_port_range"):
        check_ports(ports, path)
    check_ports((61000, 65535), path)
    check_ports((1024, 32767), path)


def test_arp_asks_everybody_and_believes_the_one() -> None:
    """Only an answer about the address that was asked for counts."""
    asked = question(OURS, US, THEM)
    answer = OURS + THEIRS + asked[12:20] + b"\x00\x02" + THEIRS
    answer += THEM.to_bytes(4, "big") + OURS + US.to_bytes(4, "big") + bytes(18)

    assert asked.hex() == (
        "ffffffffffff02000000000108060001080006040001020000000001c000020a000000000000c0000201"
    )
    assert answer_in(answer, THEM) == THEIRS
    assert answer_in(answer, US) is None
    assert answer_in(asked, THEM) is None
    assert answer_in(answer[:41], THEM) is None
    assert answer_in(b"", THEM) is None
    assert answer_in(answer[:12] + b"\x08\x00" + answer[14:], THEM) is None


def test_link_is_found_out(cable: Wire) -> None:
    """Addresses of both ends, by asking the interface and the gateway."""
    with cable.near.inside():
        link = open_link(NEAR, parse_ip(GATEWAY), ())

    assert link.interface == NEAR
    assert link.ours == cable.ethernet(cable.near)
    assert link.gateway == cable.ethernet(cable.far)
    assert link.sources == (parse_ip(SOURCE),)


def test_gateway_that_is_not_there(cable: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: one line names the keys."""
    monkeypatch.setattr(arp, "PATIENCE", 0.01)
    with cable.near.inside(), pytest.raises(LocalError, match=r"198\.19\.1\.1 does not answer ARP"):
        open_link(NEAR, parse_ip("198.19.1.1"), ())


@pytest.mark.parametrize(
    ("interface", "source", "problem"),
    [
        ("nothing0", SOURCE, "can't use 'nothing0'"),
        ("lo", SOURCE, "no Ethernet interface"),
        (NEAR, "198.18.7.7", "no address of this machine"),
    ],
)
def test_wrong_link_is_one_line(cable: Wire, interface: str, source: str, problem: str) -> None:
    """Interface and source addresses are checked before anything is sent."""
    with cable.near.inside(), pytest.raises(LocalError, match=problem) as caught:
        open_link(interface, parse_ip(GATEWAY), (parse_ip(source),))

    assert "\n" not in str(caught.value)


def test_no_capability_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to give, and what else to choose."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("survey.engine.syn.packet_socket.socket.socket", refused)

    assert not may_open()
    with pytest.raises(LocalError, match=r"CAP_NET_RAW; .* method = \"connect\""):
        open_socket("eth0")
