"""One source, two forms: the text stays narrow, the HTML harmless."""

from hypothesis import given
from hypothesis import strategies as st

from survey.notify.markup import WIDTH, Block, Kind, parse, to_html, to_text

SAMPLE = """
# A heading

A paragraph
of two lines.
- first
- second

1. one
2. two

  kept   as it is
  https://survey.example/close

| Agency
| Operation
"""


def test_blocks_are_told_apart_by_how_they_begin() -> None:
    """A list may follow its paragraph without a blank line; marks are taken off, but for steps."""
    assert parse(SAMPLE) == (
        Block(Kind.HEADING, ("A heading",)),
        Block(Kind.PARAGRAPH, ("A paragraph", "of two lines.")),
        Block(Kind.BULLETS, ("first", "second")),
        Block(Kind.STEPS, ("1. one", "2. two")),
        Block(Kind.LINES, ("kept   as it is", "https://survey.example/close")),
        Block(Kind.SIGNATURE, ("Agency", "Operation")),
    )


def test_text_is_what_a_person_would_type() -> None:
    """Underlined headings, filled paragraphs, numbers, kept lines."""
    assert to_text(parse(SAMPLE)) == (
        "A heading\n---------\n\nA paragraph of two lines.\n\n- first\n- second\n\n"
        "1. one\n2. two\n\n  kept   as it is\n  https://survey.example/close\n\n"
        "Agency\nOperation\n"
    )


def test_long_items_hang_under_their_first_word() -> None:
    """The second line of a step starts where its first word does."""
    lines = to_text(parse("1. " + "word " * 30)).splitlines()
    assert lines[0].startswith("1. word")
    assert lines[1].startswith("   word")


def test_only_our_links_can_be_clicked() -> None:
    """An address in a stranger's words stays text."""
    html = to_html(
        parse("  https://survey.example/close\n  https://evil.example/"),
        "Title",
        "en",
        frozenset({"https://survey.example/close"}),
    )
    assert '<a href="https://survey.example/close">' in html
    assert "https://evil.example/" in html
    assert html.count("<a ") == 1


@given(st.text(alphabet=st.characters(blacklist_categories=("Cc", "Zl", "Zp", "Cs")), max_size=200))
def test_no_word_becomes_an_element(word: str) -> None:
    """Whatever stands in a line, it is escaped in every kind of block."""
    for mark in ("# ", "- ", "1. ", "  ", "| ", ""):
        blocks = parse(f"{mark}<b>{word}")
        assert "<b>" not in to_html(blocks, "<b>", "en", frozenset())


@given(st.lists(st.text(alphabet="abc xyz-", max_size=40), max_size=30))
def test_paragraphs_stay_inside_the_width(words: list[str]) -> None:
    """Only a single longer word may stick out."""
    text = to_text((Block(Kind.PARAGRAPH, tuple(words)),))
    assert all(len(line) <= WIDTH or " " not in line for line in text.splitlines())


def test_steps_go_on_after_lines_between_them() -> None:
    """A step may be followed by what is to be typed, and the next one keeps its number."""
    blocks = parse("1. Type:\n\n  a command\n\n2. See:\n")

    assert to_text(blocks) == "1. Type:\n\n  a command\n\n2. See:\n"
    html = to_html(blocks, "t", "en", frozenset())
    assert '<ol start="1"><li>Type:</li></ol>' in html
    assert '<ol start="2"><li>See:</li></ol>' in html


def test_lines_from_right_to_left_are_marked_if_a_latin_word_begins_them() -> None:
    """A mail reader lays out each line by its first letter; commands are never touched."""
    letter = "\u0631\u0633\u0627\u0644\u0629"
    blocks = parse(f"TLP:AMBER - {letter}\n\n  postfix reload\n\n{letter} TLP")

    arabic, english = to_text(blocks, "ar"), to_text(blocks, "en")
    assert arabic.splitlines()[0] == f"\u200fTLP:AMBER - {letter}"
    assert "\n  postfix reload\n" in arabic
    assert arabic.count("\u200f") == 1
    assert "\u200f" not in english


def test_dates_and_paths_keep_their_order_among_words_from_right_to_left() -> None:
    """Else 2026-11-24 would be read as 24-11-2026, and a path would end in its first stroke."""
    word = "\u0645\u0646\u0630"
    blocks = parse(f"{word} 2026-11-24 06:30:09 UTC\n\n{word} /etc/main.cf\n\n  grep /etc/main.cf")
    text, html = to_text(blocks, "ar"), to_html(blocks, "t", "ar", frozenset())

    assert f"{word} \u20662026-11-24 06:30:09 UTC\u2069\n" in text
    assert f"{word} \u2066/etc/main.cf\u2069\n" in text
    assert "  grep /etc/main.cf\n" in text
    assert f'<p>{word} <bdi dir="ltr">2026-11-24 06:30:09 UTC</bdi></p>' in html
    assert '<pre dir="ltr" style="white-space: pre-wrap">grep /etc/main.cf</pre>' in html
    assert "\u2066" not in to_text(blocks, "en")
    assert "bdi" not in to_html(blocks, "t", "en", frozenset())
