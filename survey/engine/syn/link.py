"""How SYNs leave this machine: interface, next hop, our addresses and our source ports."""

import fcntl
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from survey.engine.syn.arp import resolve
from survey.engine.syn.packet_socket import open_socket
from survey.errors import LocalError
from survey.model.address import format_ip

ROUTES = Path("/proc/net/route")
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")

_GET_ADDRESS = 0x8915  # SIOCGIFADDR
_UP, _GATEWAY = 0x1, 0x2  # RTF_UP, RTF_GATEWAY


@dataclass(frozen=True, slots=True)
class Link:
    """Where every SYN goes first.

    Attributes:
        interface: Name of the interface.
        ours: Its Ethernet address.
        gateway: That of the next hop.
        sources: Our addresses (numbers), at least one.
    """

    interface: str
    ours: bytes
    gateway: bytes
    sources: tuple[int, ...]


def open_link(interface: str, gateway: int, sources: Sequence[int]) -> Link:
    """Find out what the campaign left open, and the gateway's Ethernet address.

    Args:
        interface: Its name, or "" for that of the default route.
        gateway: The next hop's address, or 0 for that of the default route.
        sources: Our addresses; without one, that of the interface.

    Raises:
        LocalError: Something is missing on this machine; the line says what.
    """
    if not (interface and gateway):
        interface, gateway = _default_route(interface, gateway)
    own = tuple(sources) or (_address_of(interface),)
    for source in own:
        _check_ours(source)
    with open_socket(interface) as sock:
        ours: bytes = sock.getsockname()[4]
    return Link(interface, ours, resolve(interface, own[0], gateway), own)


def check_ports(ports: tuple[int, int], ephemeral: Path = EPHEMERAL) -> None:
    """Refuse source ports that the kernel gives to conversations.

    The same port would stand for a SYN and for a connection to the same server.

    Raises:
        LocalError: They overlap.
    """
    low, high = map(int, ephemeral.read_text(encoding="ascii").split())
    if ports[0] <= high and low <= ports[1]:
        raise LocalError(
            f"discovery.source_ports: {ports[0]} to {ports[1]} overlap this machine's own ports "
            f"{low} to {high}; choose others, or change net.ipv4.ip_local_port_range"
        )


def _default_route(interface: str, gateway: int, routes: Path = ROUTES) -> tuple[str, int]:
    """Interface and next hop of the best default route, where they are not given."""
    best: tuple[int, str, int] | None = None
    for line in routes.read_text(encoding="ascii").splitlines()[1:]:
        name, destination, hop, flags, _, _, metric, mask, *_ = line.split()
        usable = int(flags, 16) & (_UP | _GATEWAY) == _UP | _GATEWAY
        if usable and int(destination, 16) == int(mask, 16) == 0 and interface in ("", name):
            found = int(metric), name, int.from_bytes(bytes.fromhex(hop), "little")
            best = min(best, found) if best else found
    if best is None:
        where = f" through {interface}" if interface else ""
        raise LocalError(
            f"no default route{where} says where SYNs go; "
            "write interface and gateway under [discovery]"
        )
    return best[1], gateway or best[2]


def _address_of(interface: str) -> int:
    request = struct.pack("16s24x", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, _GET_ADDRESS, request)
        except OSError as error:
            raise LocalError(
                f"{interface} has no IPv4 address; write identity.source_addresses"
            ) from error
    return int.from_bytes(answer[20:24], "big")


def _check_ours(source: int) -> None:
    """Only on an address of our own does the kernel reset what a SYN-ACK has half opened."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((format_ip(source), 0))
        except OSError as error:
            raise LocalError(
                f"identity.source_addresses: {format_ip(source)} is no address of this machine; "
                "give it to an interface, or write another"
            ) from error
