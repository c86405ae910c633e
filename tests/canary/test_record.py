"""Lines of the log."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.canary.record import Unlisted, from_line, mapped, to_line
from survey.model.arrival import Arrival, ArrivalKind

AT = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)

arrivals = st.builds(
    Arrival,
    at=st.datetimes(timezones=st.just(UTC)),
    kind=st.sampled_from(ArrivalKind),
    token=st.text("abcdefghijklmnopqrstuvwxyz234567", max_size=56),
    nonce=st.text("abcdefghijklmnopqrstuvwxyz234567", max_size=32),
    peer=st.binary(min_size=16, max_size=16),
    peer_port=st.integers(0, 65535),
    canary_port=st.integers(0, 65535),
    complete=st.booleans(),
    sender=st.binary(max_size=320),
    helo=st.binary(max_size=255),
    size=st.integers(0, 2**32 - 1),
    headers=st.binary(max_size=512),
)


@given(arrivals)
def test_arrival_comes_back_as_it_was(arrival: Arrival) -> None:
    """Every byte of a stranger survives the log."""
    assert from_line(to_line(arrival)) == arrival


@given(arrivals)
def test_line_is_one_line_of_harmless_json(arrival: Arrival) -> None:
    """Whatever a stranger says, a terminal or a line reader sees ASCII and one line end."""
    line = to_line(arrival)

    assert json.loads(line)["kind"] == arrival.kind
    assert line.index(b"\n") == len(line) - 1
    assert all(0x20 <= byte <= 0x7F for byte in line[:-1])


def test_count_comes_back_as_it_was() -> None:
    """A line of what was only counted is no arrival."""
    assert from_line(to_line(Unlisted(AT, 7))) == Unlisted(AT, 7)


def test_time_is_written_in_utc() -> None:
    """A clock in another zone makes the same line."""
    elsewhere = AT.astimezone(timezone(timedelta(hours=5)))

    assert to_line(Unlisted(elsewhere, 1)) == to_line(Unlisted(AT, 1))


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"{}", b'{"at":"yesterday","unlisted":1}', b'{"at":5}', b"\xff\xfe"]
)
def test_anything_else_is_refused(line: bytes) -> None:
    """A damaged line is noticed."""
    with pytest.raises(ValueError, match=r".*"):
        from_line(line)


def test_peer_is_sixteen_bytes() -> None:
    """IPv4 is mapped, IPv6 is itself, a zone is dropped."""
    assert mapped("192.0.2.1") == bytes(10) + b"\xff\xff\xc0\x00\x02\x01"
    assert mapped("2001:db8::1") == bytes.fromhex("20010db8000000000000000000000001")
    assert mapped("fe80::1%lo") == bytes.fromhex("fe800000000000000000000000000001")
