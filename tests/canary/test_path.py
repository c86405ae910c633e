"""Paths of MAIL and RCPT."""

import pytest

from survey.canary.path import Path, parse_path


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        (b"TO:<a@b>", b"a@b"),
        (b"to:<a@b>", b"a@b"),
        (b"TO: <a@b>", b"a@b"),
        (b"TO:a@b", b"a@b"),
        (b"TO:<>", b""),
        (b'TO:<"a b"@c>', b'"a b"@c'),
        (b'TO:<"a>\\"b"@c>', b'"a>\\"b"@c'),
        (b"TO:<@h:a@b>", b"@h:a@b"),
        (b"TO:<a%b@c>", b"a%b@c"),
        (b"TO:<b!a>", b"b!a"),
        (b"TO:<a@b@>", b"a@b@"),
        (b"TO:<a\xff\x00@b>", b"a\xff\x00@b"),
        (b"TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;x", b"a@b"),
    ],
)
def test_address_is_taken_byte_for_byte(argument: bytes, address: bytes) -> None:
    """Nothing is unquoted, stripped or folded."""
    assert parse_path(argument, b"TO:") == Path(address, 0)


@pytest.mark.parametrize(
    "argument", [b"", b"TO:", b"<a@b>", b"TO:<a@b", b'TO:<"a@b>', b"TO:<a b@c>"]
)
def test_no_path_is_none(argument: bytes) -> None:
    """A broken command names nobody."""
    assert parse_path(argument, b"TO:") is None


@pytest.mark.parametrize(
    ("argument", "size"),
    [
        (b"FROM:<a@b> SIZE=100", 100),
        (b"FROM:<a@b> BODY=8BITMIME size=7", 7),
        (b"FROM:<a@b> XSIZE=7", 0),
        (b"FROM:<a@b> SIZE=x", 0),
        (b"FROM:<> SIZE=99999999999999999999", 99999999999999999999),
    ],
)
def test_declared_size_is_read(argument: bytes, size: int) -> None:
    """RFC 1870's parameter is the only one that matters to us."""
    path = parse_path(argument, b"FROM:")

    assert path is not None
    assert path.size == size


def test_long_nonsense_is_decided_at_once() -> None:
    """No argument makes the parser think for long (the test's time limit would end it)."""
    assert parse_path(b"TO:<" + b'"' * 1001, b"TO:") is None
    assert parse_path(b"TO:<" + b'"\\' * 500, b"TO:") is None
