"""The suppression list: kept, found again, never doubted silently."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.errors import ConfigError, GateClosedError
from survey.storage.suppression_list import Cause, init_list, read_list, suppress

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An empty list."""
    path = tmp_path / "suppressed.log"
    init_list(path)
    return path


def test_mailboxes_and_domains_are_found_in_any_case(log: Path) -> None:
    """A domain means all below it; a mailbox means itself alone."""
    suppress(log, "Abuse@Altamar.example", Cause.DEAD, "a bounce", "550 no such user", NOW)
    suppress(log, "nube.example", Cause.ASKED, "their counsel", "no robots", NOW)
    found = read_list(log)

    def what(email: str) -> str | None:
        one = found.of(email)
        return one.what if one else None

    assert what("ABUSE@altamar.example") == "abuse@altamar.example"
    assert what("noc@altamar.example") is None
    assert what("abuse@nube.example") == "nube.example"
    assert what("abuse@mail.nube.example") == "nube.example"
    assert what("abuse@otranube.example") is None


def test_a_wish_comes_before_a_bounce(log: Path) -> None:
    """Who asked not to be written to is not written to at another mailbox, either."""
    suppress(log, "abuse@nube.example", Cause.DEAD, "a bounce", "550", NOW)
    suppress(log, "nube.example", Cause.ASKED, "their counsel", "no robots", NOW)
    one = read_list(log).of("abuse@nube.example")

    assert one is not None
    assert (one.cause, one.by, one.why, one.added_at) == (
        Cause.ASKED,
        "their counsel",
        "no robots",
        NOW,
    )


@pytest.mark.parametrize(
    "what", ["", "nube", "@nube.example", "a b@nube.example", "x@y@nube", "ñ.example"]
)
def test_what_is_neither_mailbox_nor_domain_is_refused(log: Path, what: str) -> None:
    """A mistyped entry would forbid nothing."""
    with pytest.raises(ConfigError, match="neither a mailbox nor a domain"):
        suppress(log, what, Cause.ASKED, "them", "a wish", NOW)

    assert read_list(log).entries == ()


@pytest.mark.parametrize(("by", "why"), [("", "a wish"), ("them", " "), ("them", "a\nline")])
def test_every_entry_says_by_whom_and_why_in_one_line(log: Path, by: str, why: str) -> None:
    """Somebody will ask later."""
    with pytest.raises(ConfigError, match="write one line"):
        suppress(log, "nube.example", Cause.ASKED, by, why, NOW)


def test_a_missing_list_closes_the_gate(tmp_path: Path) -> None:
    """No list is not the same as an empty one."""
    with pytest.raises(GateClosedError, match="survey contacts init"):
        read_list(tmp_path / "suppressed.log")


def test_a_changed_list_closes_the_gate(log: Path) -> None:
    """An entry that was taken out, changed, put elsewhere or cut is noticed."""
    for name in ("altamar", "nube", "tercera"):
        suppress(log, f"{name}.example", Cause.ASKED, "them", "a wish", NOW)
    whole = log.read_bytes()
    head, first, second, third = whole.splitlines(keepends=True)

    for damaged in (
        b"",
        head + second + third,
        head + first + third,
        head + second + first + third,
        whole.replace(b"nube", b"bune"),
        whole[:-2],
        whole + b"[]\n",
        whole + b'{"after": ' + b"[" * 100_000 + b"\n",
    ):
        log.write_bytes(damaged)
        with pytest.raises(GateClosedError):
            read_list(log)


def test_a_list_is_made_once_and_private(log: Path) -> None:
    """It names people; and a second one would forget the first."""
    assert log.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        init_list(log)
