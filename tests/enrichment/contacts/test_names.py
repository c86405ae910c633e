"""Names are asked of one resolver, and what it can't tell is not guessed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_names import MadeNames, made_names

from survey.enrichment.contacts.names import (
    MOST_TEXTS,
    HostsFile,
    Resolver,
    UnsureError,
    is_address,
    is_name,
    points_back,
)
from survey.errors import ConfigError
from survey.model.address import parse_ip


@pytest.fixture
def names() -> Iterator[MadeNames]:
    """A resolver."""
    with made_names() as made:
        yield made


def test_records_are_read(names: MadeNames) -> None:
    """Mail hosts by preference, names without their last dot, texts put together."""
    names.add("nube.example", "MX", "20 b.nube.example.", "10 A.nube.example.")
    names.add_host("192.0.2.7", "mail.nube.example")
    names.add("t.nube.example", "TXT", '"one " "two"', '"three"')
    resolver = Resolver(names.endpoint)

    assert resolver.exchangers("nube.example") == ("a.nube.example", "b.nube.example")
    assert resolver.addresses("mail.nube.example") == (parse_ip("192.0.2.7"),)
    assert resolver.reverse(parse_ip("192.0.2.7")) == ("mail.nube.example",)
    assert resolver.texts("t.nube.example") == (b"one two", b"three")
    assert points_back(resolver, "mail.nube.example", [parse_ip("192.0.2.7")])
    assert not points_back(resolver, "mail.nube.example", [parse_ip("192.0.2.8")])


def test_nothing_is_an_answer(names: MadeNames) -> None:
    """Neither the name, nor such a record."""
    names.add("nube.example", "TXT", '"x"')
    resolver = Resolver(names.endpoint)

    assert resolver.addresses("nube.example") == ()
    assert resolver.addresses("none.example") == ()
    assert resolver.exchangers("none.example") == ()


def test_a_failure_or_silence_is_none(names: MadeNames) -> None:
    """It may be asked again; nobody may conclude anything from it."""
    names.failing.add("nube.example")
    names.silent.add("otra.example")

    with pytest.raises(UnsureError, match="the resolver can't tell"):
        Resolver(names.endpoint, seconds=60).addresses("nube.example")
    with pytest.raises(UnsureError, match="no answer"):
        Resolver(names.endpoint, seconds=0.4).exchangers("otra.example")


@pytest.mark.parametrize(
    "name",
    ["", "localhost", "nube..example", "a b.example", "ñ.example", "-a.example", "192.0.2.7",
     "a" * 64 + ".example", ("a." * 127) + "example", "a\r\n.example", "[192.0.2.7]", "*.example"],
)  # fmt: skip
def test_what_is_no_name_is_not_asked(names: MadeNames, name: str) -> None:
    """A stranger's words do not become questions."""
    assert not is_name(name)
    assert Resolver(names.endpoint).addresses(name) == ()
    assert names.asked == []


def test_addresses_are_no_names() -> None:
    """In whatever notation: the last label says it."""
    assert is_address("192.0.2.7")
    assert is_address("192.0.2.7.")
    assert not is_address("nube.example")


def test_no_address_is_overlooked(names: MadeNames) -> None:
    """One of sixty may be the server; texts are bounded."""
    names.add("nube.example", "A", *(f"192.0.2.{last}" for last in range(60)))
    names.add("nube.example", "TXT", *(f'"{number:02}"' for number in range(60)))
    resolver = Resolver(names.endpoint)

    assert len(resolver.addresses("nube.example")) == 60
    assert resolver.texts("nube.example") == tuple(b"%02d" % at for at in range(MOST_TEXTS))


def test_a_loop_of_aliases_ends(names: MadeNames) -> None:
    """A resolver would not answer so; whoever sits between might."""
    names.add("a.example", "CNAME", "b.example.")
    names.add("b.example", "CNAME", "a.example.")

    assert Resolver(names.endpoint).addresses("a.example") == ()


def test_a_hosts_file_knows_what_it_says(tmp_path: Path) -> None:
    """A domain takes its mail itself; what is not in the file is elsewhere."""
    path = tmp_path / "hosts"
    path.write_text("192.0.2.7 mail.nube.example NUBE.example # the server\n\n")
    hosts = HostsFile(path)

    assert hosts.addresses("nube.example.") == (parse_ip("192.0.2.7"),)
    assert hosts.reverse(parse_ip("192.0.2.7")) == ("mail.nube.example", "nube.example")
    assert hosts.exchangers("otra.example") == ("otra.example",)
    assert hosts.addresses("otra.example") == hosts.texts("nube.example") == ()
    path.write_text("nube.example 192.0.2.7\n")
    with pytest.raises(ConfigError, match="line 1"):
        HostsFile(path)
    with pytest.raises(ConfigError, match="can't be read"):
        HostsFile(tmp_path / "none")
