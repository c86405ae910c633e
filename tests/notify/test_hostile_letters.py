"""A stranger's bytes never change what a letter says: not its text, HTML, paper or headers.

Each line of ``tests/notify/hostile`` is put into every place where a letter quotes a stranger.
What must hold is that the letter is the innocent one, but for the quoted words themselves.
"""

import codecs
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

import pypdfium2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_notice import make_case, make_others

from survey.mail.message import build_message
from survey.model.hostile import CUT
from survey.model.letter import LetterKind
from survey.model.listing import Listing
from survey.model.probe import Probe
from survey.notify.letter import address_letter, letter_pdf, write_letter, written
from survey.notify.markup import Kind
from survey.notify.notice import Notice
from survey.notify.rendered import Letter
from survey.notify.strangers import show_name

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
INNOCENT = {"network": "NETWORKNAME", "listing": "LISTINGNAME", "version": "9.9.9VERSION"}
ISOLATE, POP, FROM_THE_RIGHT = "\u2066", "\u2069", "\u200f"
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
CORPUS = [
    (path.stem, number, cast("bytes", codecs.escape_decode(line.encode())[0]))
    for path in sorted((Path(__file__).parent / "hostile").glob("*.txt"))
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    if line and not line.startswith("# ")
]
CORPUS += [
    ("huge", 1, b"A" * 1_000_000),
    ("huge", 2, b"x\r\n" * 100_000),
    ("huge", 3, "\u202e\u0301".encode() * 100_000),
    ("huge", 4, b"\x00" * 1_000_000),
]


def quoting(
    said: bytes | None, kind: LetterKind = LetterKind.FIRST_NOTICE, probe: Probe = Probe.SMTP_RELAY
) -> Notice:
    """A letter that quotes it everywhere; ``None`` quotes innocent words."""
    words = {place: said.decode(errors="replace") for place in INNOCENT} if said else INNOCENT
    case = make_case(kind, probe)
    server = replace(
        case.server,
        network=words["network"],
        software_version=words["version"],
        software_named=True,
        banner=said or b"220 hello\r\n",
        reply=b"250 " + said if said else b"250 ok\r\n",
        host=words["network"],
    )
    return replace(
        case,
        server=server,
        others=tuple(replace(one, network=words["network"]) for one in make_others(2, probe)),
        listings=(Listing(words["listing"], None, "listing-1", reason=words["listing"]),),
        contact=replace(case.contact, name=words["network"]),
    )


class _Page(HTMLParser):
    """The elements of a page with their attributes, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ((data, None),)))

    def handle_data(self, data: str) -> None:
        self.words += data


def addresses(text: str) -> set[str]:
    """What a reader of mail would make a link or a mailbox of."""
    return set(re.findall(r"\w+://\S+|www\.\S+|mailto:\S+|[\w.+-]+@[\w.-]+", text, re.IGNORECASE))


def hidden(text: str) -> list[str]:
    """What can't be seen, but for what we put around dates and before lines in Arabic ourselves."""
    text = re.sub(rf"^ *{FROM_THE_RIGHT}", "", text, flags=re.MULTILINE)
    unseen = [sign for sign in text if unicodedata.category(sign) in HIDDEN and sign != "\n"]
    assert unseen.count(ISOLATE) == unseen.count(POP)
    return [sign for sign in unseen if sign not in {ISOLATE, POP}]


def quoted(line: str, words: dict[str, str]) -> str:
    """An innocent line with the stranger's words as they are shown."""
    for place, innocent in INNOCENT.items():
        line = line.replace(innocent, words[place])
    return line


def check_words(letter: Letter, innocent: Letter, said: bytes) -> None:
    """Block by block the innocent letter, and on each line nothing but what can be seen."""
    shown = show_name(said.decode(errors="replace"), 50)
    words = dict.fromkeys(INNOCENT, shown)
    quotes = [block for block in letter.blocks if block.lines[0].startswith("> ")]
    rest = [block for block in letter.blocks if block not in quotes]
    plain = [block for block in innocent.blocks if not block.lines[0].startswith("> ")]

    assert letter.subject == innocent.subject
    assert letter.links == innocent.links
    assert [block.kind for block in rest] == [block.kind for block in plain]
    for block, other in zip(rest, plain, strict=True):
        assert [" ".join(line.split()) for line in block.lines] == [
            " ".join(quoted(line, words).split()) for line in other.lines
        ]
    for block in quotes:
        assert block.kind is Kind.LINES
        assert len(block.lines) <= 6
        assert all(line.startswith("> ") for line in block.lines)
        assert all(line.removesuffix(CUT).isascii() for line in block.lines)
        assert all(len(line) <= 68 for line in block.lines)
    assert hidden(letter.text) == hidden(innocent.text)
    assert addresses(letter.text) == addresses(innocent.text)
    assert len(letter.text.splitlines()) <= len(innocent.text.splitlines()) + 6


def check_page(letter: Letter, innocent: Letter) -> None:
    """The same elements with the same attributes, links to ours only, and small."""
    page, plain = _Page(letter.html), _Page(innocent.html)
    kept = {"pre", "bdi"}  # one more or less of them only sets apart what is quoted
    assert [one for one in page.elements if one[0] not in kept] == [
        one for one in plain.elements if one[0] not in kept
    ]
    assert {one for one in page.elements if one[0] in kept} <= {
        ("pre", (("style", "white-space: pre-wrap"),)),
        ("pre", (("dir", "ltr"), ("style", "white-space: pre-wrap"))),
        ("bdi", (("dir", "ltr"),)),
    }
    assert {dict(attrs)["href"] for tag, attrs in page.elements if tag == "a"} <= letter.links
    assert addresses(page.words) == addresses(plain.words)
    assert len(letter.html.encode()) < 30_000


def _sent(notice: Notice, letter: Letter) -> EmailMessage:
    message = build_message(address_letter(letter, notice, NOW))
    return cast("EmailMessage", message_from_bytes(message.as_bytes(), policy=SMTP))


def check_message(notice: Notice, letter: Letter, innocent: Notice, plain: Letter) -> None:
    """The innocent message's headers, but for the name of its one reader."""
    message, other = _sent(notice, letter), _sent(innocent, plain)
    assert message.keys() == other.keys()
    assert message.defects == []
    for name in set(message.keys()) - {"To", "Content-Type"}:
        assert message[name] == other[name], name
    (reader,) = message["To"].addresses
    assert reader.addr_spec == innocent.contact.email
    assert hidden(reader.display_name) == []
    assert not addresses(reader.display_name)
    assert [part.get_content_type() for part in message.walk()] == [
        part.get_content_type() for part in other.walk()
    ]
    (text,) = (part for part in message.walk() if part.get_content_type() == "text/plain")
    assert cast("EmailMessage", text).get_content().replace("\r\n", "\n") == letter.text


@cache
def _innocent(kind: LetterKind, language: str) -> tuple[Notice, Letter]:
    notice = quoting(None, kind)
    return notice, write_letter(notice, language)


def check_letter(said: bytes, kind: LetterKind, language: str) -> None:
    """Text, HTML and headers of one letter that quotes it."""
    notice = quoting(said, kind)
    letter = write_letter(notice, language)
    innocent, plain = _innocent(kind, language)
    check_words(letter, plain, said)
    check_page(letter, plain)
    check_message(notice, letter, innocent, plain)


@pytest.mark.parametrize(
    "said", [said for *_, said in CORPUS], ids=[f"{name}-{line}" for name, line, _ in CORPUS]
)
def test_strangers_bytes_change_no_letter(said: bytes) -> None:
    """Each attack of the corpus, in both kinds of letters that quote all of it."""
    check_letter(said, LetterKind.FIRST_NOTICE, "ar")
    check_letter(said, LetterKind.ESCALATION, "es")


@pytest.mark.long
@pytest.mark.parametrize("kind", list(LetterKind))
def test_strangers_bytes_change_no_letter_of_any_language(kind: LetterKind) -> None:
    """All attacks in all kinds of letters, a few of them in each language."""
    languages = written(kind)
    for number, (*_, said) in enumerate(CORPUS):
        for step in range(3):
            check_letter(said, kind, languages[(3 * number + step) % len(languages)])


PIECES = st.sampled_from([said[:200] for *_, said in CORPUS])
SAID = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=120).map(lambda text: text.encode(errors="replace")),
    st.lists(st.one_of(PIECES, st.binary(max_size=8)), min_size=1, max_size=4).map(b"".join),
)


@given(SAID.filter(bool), st.sampled_from(list(LetterKind)), st.sampled_from(["ar", "es"]))
@settings(deadline=None, max_examples=60)
@example(b"\x00\xd7\x80", LetterKind.FIRST_NOTICE, "ar")
def test_whatever_a_stranger_says_changes_no_letter(
    said: bytes, kind: LetterKind, language: str
) -> None:
    """Attacks joined, cut and mixed with anything."""
    check_letter(said, kind, language if language in written(kind) else "es")


@given(st.text(max_size=300), st.integers(1, 60))
@settings(max_examples=200)
def test_shown_name_is_one_bounded_line_that_stays_itself(text: str, limit: int) -> None:
    """And what was shown once is shown the same way again."""
    shown = show_name(text, limit)
    assert len(shown) <= limit
    assert hidden(shown) == []
    assert not addresses(shown)
    assert "  " not in shown
    assert "=?" not in shown


@pytest.mark.parametrize(
    "name",
    [
        *("Altamar Broadband, S.A.", "Яндекс.Облако", "Ромашка-Telecom", "Ελλάς"),
        *("株式会社サンプル", "샘플 통신", "شركة المثال", "Công ty Viễn thông", "Łódź Net (PL)"),
        *("AT&T", "Nordlys 4G/5G", "חברת דוגמה", "Müller & Söhne"),
    ],
)
def test_honest_names_are_shown_as_they_are(name: str) -> None:
    """Whoever is written to recognises themselves."""
    assert show_name(name, 50) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u0410ltamar", "\\u0410ltamar"),
        ("Alt\u0430\u0301mar", "Alt\\u0430\u0301mar"),
        ("\uff33\uff35\uff32\uff36\uff25\uff39", "SURVEY"),
        ("Net        Port   9999", "Net Port 9999"),
        ("Sur\u3164vey", "Sur\\u1160vey"),
        ("desk@evil.example", "desk\\u0040evil.example"),
        ("https://evil.example", "https\\u003a//evil.example"),
        ("=?utf-8?q?x?=", "=\\u003futf-8?q?x?="),
        ("a\u0301\u0302\u0303", "\u00e1\u0302\u0303"),
    ],
)
def test_what_would_pass_for_something_else_is_shown_by_its_number(name: str, shown: str) -> None:
    """So that a reader sees that there is something to see."""
    assert show_name(name, 50) == shown


def _pages(data: bytes) -> tuple[int, list[str], str]:
    pdf = pypdfium2.PdfDocument(data)
    try:
        words = "\n".join(page.get_textpage().get_text_bounded() for page in pdf)
        return len(pdf), sorted(map(bytes.decode, re.findall(rb"/URI ?\(([^)]*)\)", data))), words
    finally:
        pdf.close()


def check_paper(said: bytes, plain: tuple[int, list[str], str]) -> None:
    """As many pages, the same links, and its headings once each."""
    pages, links, words = _pages(letter_pdf(quoting(said), "en"))
    assert pages == plain[0]
    assert links == plain[1]
    assert words.count("What we found") == words.count("Questions") == 1
    assert "1337" not in words
    assert addresses(words) <= addresses(plain[2])


@pytest.mark.parametrize("attack", ["bidi", "markup"])
def test_strangers_bytes_change_no_paper(attack: str) -> None:
    """A typesetter is a language, and none of it is spoken by a stranger."""
    plain = _pages(letter_pdf(quoting(None), "en"))
    for name, _, said in CORPUS:
        if name == attack:
            check_paper(said, plain)


@pytest.mark.long
def test_no_attack_changes_any_paper() -> None:
    """The whole corpus."""
    plain = _pages(letter_pdf(quoting(None), "en"))
    for *_, said in CORPUS:
        check_paper(said, plain)
