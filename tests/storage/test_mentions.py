"""An address is found in every form that people write, and nothing else is."""

import pyarrow as pa
import pytest
from everything import token

from survey.model.address import Range, parse_ip
from survey.storage.mentions import maybe_named, names_any, without_names, without_packed
from survey.targets.ranges import RangeSet

IP = "192.0.2.77"
ONE = RangeSet.of([Range(parse_ip(IP), parse_ip(IP))])
BLOCK = RangeSet.of([Range(parse_ip("192.0.2.0"), parse_ip("192.0.2.255"))])
WIDE = RangeSet.of([Range(parse_ip("192.0.0.0"), parse_ip("192.0.0.0") + (1 << 20) - 1)])
BACKWARDS = ".".join(reversed(IP.split(".")))

NAMED = [
    f"see {IP}.",
    f"[{IP}]",
    f"http://{IP}:8080/x",
    "192.000.002.077",
    "host-192-0-2-77.example",
    "192_0_2_77",
    f"{BACKWARDS}.in-addr.arpa",
    f"{BACKWARDS.replace('.', '-')}.example",
    f"1.{IP}.example",
    f"::ffff:{IP}",
    "::ffff:c000:24d",
    "c000024d",
    "0xC000024D",
    str(parse_ip(IP)),
    f"x={parse_ip(IP)};",
    f"<{token(IP)}@a.example>",
    token(IP).upper(),
]


@pytest.mark.parametrize("addresses", [ONE, BLOCK, WIDE])
@pytest.mark.parametrize("text", NAMED)
def test_every_form_is_found_and_blanked(text: str, addresses: RangeSet) -> None:
    """With its length kept; whichever way the addresses are looked for."""
    data = text.encode()
    after = without_names(data, addresses)

    assert names_any(data, addresses)
    assert len(after) == len(data)
    assert b"*" in after
    assert not names_any(after, addresses)
    for kind in (pa.binary(), pa.string()):
        column = pa.chunked_array([pa.array([data if kind == pa.binary() else text], kind)])
        assert maybe_named(column, addresses).tolist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.7",
        "192.0.2.770",
        f"192.0.{3}.77",
        f"9{IP}",
        "192.0-2.77",
        "c000024e",
        f"{parse_ip(IP)}0",
        token("192.0.2.78"),
        "220 mail.example ESMTP",
        "",
    ],
)
def test_others_are_left_alone(text: str) -> None:
    """Not one byte of what they said is altered."""
    assert not names_any(text.encode(), ONE)
    assert without_names(text.encode(), ONE) == text.encode()


def test_block_at_zero_is_found_in_hexadecimal_pairs() -> None:
    """The third octet is not written where it is zero."""
    ip = parse_ip("192.0.0.7")
    addresses = RangeSet.of([Range(ip, ip)])

    assert names_any(b"::ffff:c000:7", addresses)


def test_packed_address_is_found_at_any_place() -> None:
    """As a SOCKS reply has it."""
    packed = parse_ip(IP).to_bytes(4, "big")

    assert without_packed(b"\x05\x00\x00\x01" + packed + b"\x00\x50", ONE) == (
        b"\x05\x00\x00\x01****\x00\x50"
    )
    assert without_packed(b"\x05\x00", ONE) == b"\x05\x00"
