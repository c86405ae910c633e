"""A server's own name counts only if the campaign's way of asking says that it is this address."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from survey.errors import ConfigError
from survey.model.address import format_ip, parse_ip
from survey.probes.names import DnsNames, HostsFile, Names, NoNames, open_names

IP = parse_ip("192.0.2.1")
OTHER = parse_ip("192.0.2.9")
RECORDS = {"mail.example.com.": ["192.0.2.7", "192.0.2.1"], "other.example.com.": ["192.0.2.9"]}


class Resolver(asyncio.DatagramProtocol):
    """A name server that knows a few names, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text()
        self.asked.append(name)
        reply = dns.message.make_response(query)
        if name in RECORDS:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *RECORDS[name]))
        elif name.startswith("silent"):
            return
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)


@pytest.fixture
async def resolver() -> AsyncIterator[tuple[Resolver, DnsNames]]:
    """A name server on loopback, and names that ask it."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Resolver, local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    yield protocol, DnsNames(parse_ip(host), port)
    transport.close()


async def test_without_a_way_no_name_counts() -> None:
    """The forms that need one are left out."""
    assert not await NoNames().points_to(b"mail.example.com", IP)


async def test_a_hosts_file_says_which_names_are_whose(tmp_path: Path) -> None:
    """In any case, with a full stop or without, comments aside."""
    path = tmp_path / "hosts"
    path.write_text("# ours\n192.0.2.1 mail.example.com MX.example.com # both\n\n")
    names = HostsFile(path)
    assert await names.points_to(b"mail.example.com", IP)
    assert await names.points_to(b"Mail.Example.COM.", IP)
    assert await names.points_to(b"mx.example.com", IP)
    assert not await names.points_to(b"mail.example.com", OTHER)
    assert not await names.points_to(b"other.example.com", IP)


def test_a_wrong_hosts_file_is_refused(tmp_path: Path) -> None:
    """With file and line."""
    path = tmp_path / "hosts"
    with pytest.raises(ConfigError, match="can't be read"):
        HostsFile(path)
    path.write_text("192.0.2.1 a.example\nmail.example.com 192.0.2.1\n")
    with pytest.raises(ConfigError, match="line 2"):
        HostsFile(path)


async def test_the_campaign_s_resolver_is_asked(resolver: tuple[Resolver, DnsNames]) -> None:
    """One of the addresses is enough, and an answer is remembered."""
    server, names = resolver
    assert await names.points_to(b"mail.example.com", IP)
    assert await names.points_to(b"MAIL.example.com.", IP)
    assert not await names.points_to(b"other.example.com", IP)
    assert not await names.points_to(b"unknown.example.com", IP)
    assert server.asked.count("mail.example.com.") == 1


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b".",
        b"-a.example",
        b"a_b.example",
        b"a b.example",
        b"\xff.example",
        b"a..example",
        b"x" * 64 + b".example",
        b"a." * 130 + b"example",
        b"mail.example.com\n",
        b"\\046example.com",
        b"localhost",
    ],
)
async def test_what_is_no_host_name_is_not_asked_about(
    resolver: tuple[Resolver, DnsNames], name: bytes
) -> None:
    """A stranger's bytes don't reach a name server."""
    server, names = resolver
    assert not await names.points_to(name, IP)
    assert server.asked == []


async def test_silence_is_a_no(
    resolver: tuple[Resolver, DnsNames], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its lifetime."""
    _, names = resolver
    monkeypatch.setattr(names._resolver, "lifetime", 0.2)
    assert not await names.points_to(b"silent.example.com", IP)


async def test_a_closed_resolver_is_a_no() -> None:
    """Nobody listens there."""
    names = DnsNames(parse_ip("127.0.0.1"), 1)
    names._resolver.lifetime = 0.2
    assert not await names.points_to(b"mail.example.com", IP)


@pytest.mark.parametrize(
    ("spec", "kind"), [("none", NoNames), ("dns:127.0.0.1:5353", DnsNames), ("hosts:", None)]
)
def test_the_plan_names_the_way(spec: str, kind: type[Names] | None) -> None:
    """And nothing else is a way."""
    if kind is None:
        with pytest.raises(ConfigError):
            open_names(spec)
    else:
        assert isinstance(open_names(spec), kind)


def test_the_plan_may_name_a_hosts_file(tmp_path: Path) -> None:
    """By its path."""
    path = tmp_path / "hosts"
    path.write_text("")
    assert isinstance(open_names(f"hosts:{path}"), HostsFile)


@pytest.mark.parametrize(
    "spec", ["", "none:x", "dns", "dns:example.com:53", "dns:127.0.0.1", "dns:127.0.0.1:x", "x:y"]
)
def test_any_other_way_is_refused(spec: str) -> None:
    """It tells what would be right."""
    with pytest.raises(ConfigError, match="hosts:PATH"):
        open_names(spec)


async def test_the_system_s_resolver_is_never_used() -> None:
    """Only the campaign's own is in the list."""
    names = DnsNames(IP, 53)
    assert names._resolver.nameservers == [format_ip(IP)]
    assert names._resolver.search == []
