"""Every letter of a case, in every language it is written in: whole, narrow, and as approved.

What the first notice says of a single server is in ``test_letter.py``.  Approve as there.
"""

import os
import re
import tomllib
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from made_notice import FIRST, make_case, make_notice, make_others

from survey.model.letter import LetterKind
from survey.model.probe import Probe
from survey.model.verdict import Rung
from survey.notify import letter as letters
from survey.notify.letter import MOST, address_letter, write_letter, written
from survey.notify.wrapping import columns

ROOT = Path(letters.__file__).parent / "letters"
APPROVED = Path(__file__).parent / "letters"
WANTED = frozenset(
    (
        *("ar", "bg", "da", "de", "en", "es", "fi", "fr", "hu", "it", "ja", "ko", "lt", "nb", "nl"),
        *("pl", "pt", "ro", "ru", "sq", "sr", "sv", "tr", "uk", "zh-Hans", "zh-Hant"),
    )
)
PARTS = sorted(path.name for path in (ROOT / "parts" / "en").iterdir())
SERVERS = ((Probe.SMTP_RELAY, Rung.R7), (Probe.HTTP_CONNECT, Rung.R7), (Probe.SOCKS5, Rung.R5))
LATER = [kind for kind in LetterKind if kind is not LetterKind.FIRST_NOTICE]
LATER_IN = [(kind, language) for kind in LATER for language in written(kind)]
ALL_IN = [(kind, language) for kind in LetterKind for language in written(kind)]


def told(language: str) -> dict[str, dict[str, str]]:
    """By which words a language's letters say what they must."""
    return tomllib.loads((Path(__file__).parent / "facts" / f"{language}.toml").read_text())


def letters_only(text: str) -> str:
    """Without what stands between words, or only tells which way they run."""
    return re.sub(r"[\s\u200f\u2066\u2069]", "", text)


@pytest.mark.parametrize(
    ("kind", "language", "server"), [(*one, s) for one, s in product(ALL_IN, SERVERS)]
)
def test_letter_of_a_case_is_as_approved(
    kind: LetterKind, language: str, server: tuple[Probe, Rung]
) -> None:
    """With further servers and a page of its own; at most 72 columns wide."""
    letter = write_letter(make_case(kind, *server), language)
    path = APPROVED / f"case.{kind}.{server[0]}.{language}.txt"
    content = f"{letter.subject}\n\n{letter.text}"
    if os.environ.get("SURVEY_APPROVE_LETTERS"):
        path.write_text(content, encoding="utf-8")

    assert content == path.read_text(encoding="utf-8")
    assert [line for line in letter.text.splitlines() if columns(line) > 72] == []


@pytest.mark.parametrize(("kind", "language"), LATER_IN)
def test_later_letter_says_what_it_is_for(kind: LetterKind, language: str) -> None:
    """Each by its own words, in subject and text; the same facts in every language."""
    words = told(language)[kind]
    letter = write_letter(make_case(kind), language)
    text = letters_only(letter.text)

    assert set(words) == set(told("en")[kind])
    assert words["subject"] in letter.subject
    missing = [
        fact for fact, said in words.items() if fact != "subject" and letters_only(said) not in text
    ]
    assert not missing
    for part in ("TLP:AMBER", "192.0.2.7", "OSYS-2026-000123"):
        assert part in letter.subject
    for part in ("2026-11-02", "192.0.2.7", "192.0.2.20:25", "desk@survey.example"):
        assert part in letter.text


@pytest.mark.parametrize(("kind", "language"), LATER_IN)
def test_later_letter_is_whole_for_every_kind_of_server(kind: LetterKind, language: str) -> None:
    """Whatever was found, listed or not, alone or not, previewed or not."""
    for probe in Probe:
        notice = replace(make_case(kind, probe), preview=True)
        bare = replace(notice, others=(), listings=(), case_page="", written_to="", reminded=None)
        assert "192.0.2.7" in write_letter(notice, language).text
        assert "192.0.2.20" not in write_letter(bare, language).text


@pytest.mark.parametrize(("kind", "language"), ALL_IN)
def test_a_long_list_of_further_servers_is_cut(kind: LetterKind, language: str) -> None:
    """Fifty, and the count of the rest: a letter stays a letter."""
    letter = write_letter(make_case(kind, others=MOST + 10), language)

    assert letter.text.count(":25  SMTP  2026-11-24") == MOST
    assert letters_only(told(language)["words"]["more"]) in letters_only(letter.text)
    assert len(letter.html.encode()) < 30_000


@pytest.mark.parametrize("language", written())
def test_further_servers_and_the_page_of_a_case_are_named_only_if_there_are_any(
    language: str,
) -> None:
    """The finding itself is not further to itself."""
    words = told(language)["words"]
    alone = make_notice()
    letter = write_letter(replace(alone, others=(alone.server,)), language)
    assert letter == write_letter(alone, language)
    case = write_letter(make_case(LetterKind.FIRST_NOTICE), language)
    for fact in ("others", "case page"):
        assert letters_only(words[fact]) in letters_only(case.text)
        assert letters_only(words[fact]) not in letters_only(letter.text)
    assert '<a href="https://survey.example/case/OSYS-2026-000123">' in case.html


@pytest.mark.parametrize("language", written(LetterKind.ESCALATION))
def test_a_letter_that_came_back_is_told_to_the_cert(language: str) -> None:
    """They need not try the same mailbox."""
    notice = make_case(LetterKind.ESCALATION)
    sent, back = (
        next(line for line in write_letter(one, language).text.splitlines() if "abuse@" in line)
        for one in (notice, replace(notice, bounced=True))
    )
    assert back.startswith(sent)
    assert back.endswith((")", "\N{FULLWIDTH RIGHT PARENTHESIS}"))


def test_further_servers_stand_in_order_under_one_another() -> None:
    """By address and port, and in columns."""
    notice = replace(make_notice(), others=make_others(2)[::-1] + make_others(1, Probe.SOCKS4A))
    text = write_letter(notice, "en").text
    assert (
        "  192.0.2.20:25    SMTP      2026-11-24 06:30:09 UTC\n"
        "  192.0.2.20:1080  SOCKS 4a  2026-11-24 06:30:09 UTC\n"
        "  192.0.2.21:25    SMTP      2026-11-24 06:31:09 UTC\n"
    ) in text


@pytest.mark.parametrize("language", written())
def test_steps_may_come_first(language: str) -> None:
    """The same words in another order, for an experiment."""
    notice = make_notice()
    usual = write_letter(notice, language)
    first = write_letter(replace(notice, steps_first=True), language)
    close = f"\n{told(language)['words']['close']}\n"

    assert sorted(first.text.splitlines()) == sorted(usual.text.splitlines())
    assert first.text.index(close) < first.text.index("2026-11-24") < usual.text.index(close)


@pytest.mark.parametrize("language", written(LetterKind.THANKS))
def test_two_tests_are_claimed_only_if_there_were_two(language: str) -> None:
    """A test that the operator asked for may close a case alone."""
    words = told(language)["thanks"]
    once = letters_only(
        write_letter(replace(make_case(LetterKind.THANKS), twice=False), language).text
    )
    assert letters_only(words["twice"]) not in once
    assert letters_only(words["closed"]) in once


@pytest.mark.parametrize(("kind", "language"), LATER_IN)
def test_later_letter_does_not_threaten(kind: LetterKind, language: str) -> None:
    """The second time no less calm than the first."""
    text = write_letter(make_case(kind), language).text.lower()
    for word in ("illegal", "liable", "penalt", "immediately", "deadline", "must ", "urgent"):
        assert word not in text, word


@pytest.mark.parametrize("kind", list(LetterKind))
def test_each_letter_of_a_case_is_a_message_of_its_own(kind: LetterKind) -> None:
    """Its Message-ID names its kind, so that an answer tells to which letter."""
    notice = make_case(kind)
    mail = address_letter(write_letter(notice, "en"), notice, FIRST)
    assert mail.reference.startswith(f"osys-2026-000123.{kind.replace('_', '-')}.")


@pytest.mark.parametrize(
    ("kind", "without"),
    [
        (LetterKind.REMINDER, {"first_sent": None}),
        (LetterKind.REMINDER, {"tests_since": 0}),
        (LetterKind.THANKS, {"closed_at": None}),
        (LetterKind.ESCALATION, {"tests_since": 0}),
    ],
)
def test_letter_without_its_new_fact_is_a_mistake(
    kind: LetterKind, without: dict[str, object]
) -> None:
    """A reminder without anything new would be nagging."""
    with pytest.raises(AssertionError):
        replace(make_case(kind), **without)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(LetterKind))
def test_every_letter_is_written_in_every_language_of_the_operation(kind: LetterKind) -> None:
    """An operator who got the first notice can read what follows, too."""
    assert set(written(kind)) == WANTED


@pytest.mark.parametrize(("kind", "language"), ALL_IN)
def test_letter_has_all_its_texts(kind: LetterKind, language: str) -> None:
    """Subject and body of its own, and every part that letters share."""
    assert {path.name for path in (ROOT / kind / language).iterdir()} == {"subject.txt", "body.txt"}
    assert sorted(path.name for path in (ROOT / "parts" / language).iterdir()) == PARTS
