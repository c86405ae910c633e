"""From what is asked for to what may be planned."""

from collections.abc import Callable
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.model.address import parse_ip
from survey.targets.campaign import read_campaign
from survey.targets.ranges import RangeSet, parse_cidr
from survey.targets.resolve import Resolved, check_covered, check_named_files, resolve

Write = Callable[..., Path]
NOTHING = RangeSet.of([])


def resolved(path: Path, found: RangeSet = NOTHING) -> Resolved:
    """Resolve a campaign file where no default route is known to be absent."""
    return resolve(path, read_campaign(path), found, routes=path.with_name("no-routes"))


def some(*texts: str) -> RangeSet:
    """A set of ranges."""
    return RangeSet.of(map(parse_cidr, texts))


def test_exclusions_are_taken_out_and_counted(
    write: Write, survey_text: str, tmp_path: Path
) -> None:
    """Ranges, lists and registries are asked for; each reason for leaving out has its count."""
    (tmp_path / "list.txt").write_text("10.1.0.0/30\n5.7.0.0/30\n", encoding="utf-8")
    (tmp_path / "no.txt").write_text("5.6.8.0/30\n5.6.7.0/25\n", encoding="utf-8")
    path = write(
        survey_text,
        ('"5.6.7.0/24"', '"5.6.7.0/24", "no.txt"'),
        ("[targets]\n", '[targets]\nlists = ["list.txt"]\n'),
    )
    outcome = resolved(path, some("5.8.0.0/30", "5.6.0.0/24"))
    expected = some("5.6.0.0/16", "5.7.0.0/30", "5.8.0.0/30") - some("5.6.7.0/24", "5.6.8.0/30")
    assert outcome.allowed == expected
    assert outcome.excluded_by == (("special-purpose space", 4), ("exclusions", 260))


def test_survey_of_special_space_alone_has_nothing_left(write: Write, survey_text: str) -> None:
    """Asking for private space is refused, since nothing of it may be tested."""
    with pytest.raises(ConfigError, match="nothing is left"):
        resolved(write(survey_text, ('ranges = ["5.6.0.0/16"]', 'ranges = ["10.0.0.0/8"]')))


def test_everything_excluded_is_refused(write: Write, lab_text: str) -> None:
    """A plan of nothing is a mistake."""
    with pytest.raises(ConfigError, match="nothing is left") as caught:
        resolved(write(lab_text, ('/24"]', '/24"]\nexclude = ["127.0.0.0/8"]')))
    assert caught.value.key == "targets"


@pytest.mark.parametrize("outside", ["5.6.7.8", "198.18.0.1"])
def test_lab_refuses_what_a_lab_may_not(write: Write, lab_text: str, outside: str) -> None:
    """Also where it comes from a registry; test space only in a sealed namespace."""
    with pytest.raises(ConfigError, match=outside):
        resolved(write(lab_text), some(outside))


def test_lab_takes_test_space_where_nothing_leads_out(
    write: Write, lab_text: str, tmp_path: Path
) -> None:
    """Inside a namespace with no way out."""
    path = write(lab_text, ("127.16.0.0/24", "198.18.0.0/24"))
    (tmp_path / "routes").write_text("Iface Destination\n", encoding="ascii")
    outcome = resolve(path, read_campaign(path), NOTHING, routes=tmp_path / "routes")
    assert outcome.allowed == some("198.18.0.0/24")


def test_canary_among_the_targets_is_refused(write: Write, lab_text: str) -> None:
    """We never test ourselves: what arrived would prove nothing."""
    with pytest.raises(ConfigError, match="exclude") as caught:
        resolved(write(lab_text), some("127.0.0.0/24"))
    assert caught.value.key == "canary.smtp"
    path = write(lab_text, ('/24"]', '/24"]\nexclude = ["127.0.0.53"]'))
    assert parse_ip("127.0.0.53") not in resolved(path, some("127.0.0.0/24")).allowed


def test_bad_line_in_a_named_file_is_named(write: Write, lab_text: str, tmp_path: Path) -> None:
    """File and line, for lists and for exclusions."""
    for key in ("lists", "exclude"):
        (tmp_path / "file.txt").write_text("127.16.0.0/24\nmine\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"file\.txt: line 2"):
            resolved(write(lab_text, ('/24"]', f'/24"]\n{key} = ["file.txt"]')))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("targets.lists", '/24"]\nlists = ["missing.txt"]'),
        ("targets.exclude", '/24"]\nexclude = ["missing.txt"]'),
        ("names.hosts", '/24"]\n[names]\nhosts = "missing.txt"'),
        ("targets.exclude", '/24"]\nexclude = ["../"]'),
    ],
)
def test_missing_file_is_named_with_its_key(
    write: Write, lab_text: str, key: str, text: str
) -> None:
    """Before anything else is done."""
    path = write(lab_text, ('/24"]', text))
    with pytest.raises(ConfigError, match="no file that can be read") as caught:
        check_named_files(path, read_campaign(path))
    assert caught.value.key == key


def test_excess_over_the_authority_is_listed(tmp_path: Path) -> None:
    """How many addresses, and the first ranges of them."""
    covered = some("5.6.0.0/16")
    check_covered(tmp_path, some("5.6.7.0/24"), covered)
    odd = RangeSet.of(parse_cidr(f"5.9.0.{number}") for number in range(0, 20, 2))
    with pytest.raises(ConfigError) as caught:
        check_covered(tmp_path, some("5.6.0.0/15") | odd, covered)
    message = str(caught.value)
    assert "65546 addresses" in message
    assert "5.7.0.0-5.7.255.255" in message
    assert "6 more ranges" in message
