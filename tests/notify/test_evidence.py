"""What a server said is quoted short, visible and once."""

from hypothesis import given
from hypothesis import strategies as st

from survey.notify.evidence import MAX_COLUMNS, MAX_LINES, evidence_lines, exit_text

IP = 0xC0000207


def test_greeting_and_reply_are_quoted_line_by_line() -> None:
    """Line ends are dropped, blank lines too."""
    assert evidence_lines(b"220 hello\r\n", b"250-one\r\n\r\n250 two\r\n") == (
        "220 hello",
        "250-one",
        "250 two",
    )


def test_reply_that_begins_the_greeting_is_quoted_once() -> None:
    """A proxy's answer is both its first words and the deciding ones."""
    said = b"HTTP/1.1 200 OK\r\nVia: 1.1 x\r\n\r\n"
    assert evidence_lines(said, b"HTTP/1.1 200 OK\r\n") == ("HTTP/1.1 200 OK", "Via: 1.1 x")


def test_nothing_said_is_no_line() -> None:
    """No empty quote."""
    assert evidence_lines(b"", b"") == ()


@given(st.binary(max_size=512), st.binary(max_size=512))
def test_quotes_are_few_short_and_printable(banner: bytes, reply: bytes) -> None:
    """Whatever it said."""
    lines = evidence_lines(banner, reply)
    assert len(lines) <= 2 * MAX_LINES
    assert all(len(line) <= MAX_COLUMNS and line.isprintable() for line in lines)


def test_exit_is_named_only_if_it_differs() -> None:
    """IPv4 in its own form, IPv6 as such, nothing for the tested address or an unknown one."""
    mapped = bytes(10) + b"\xff\xff"
    assert exit_text(None, IP) == ""
    assert exit_text(mapped + IP.to_bytes(4), IP) == ""
    assert exit_text(mapped + bytes([198, 51, 100, 9]), IP) == "198.51.100.9"
    assert exit_text(bytes.fromhex("20010db8" + "0" * 23 + "1"), IP) == "2001:db8::1"
