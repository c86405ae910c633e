"""A report in words, before it is a page or a PDF: both show this, so both say the same.

Every text is finished: translated, numbers and dates formatted, strangers' words made visible.
What a form of output needs to escape, it escapes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Where a reader can go on; ``target`` is an https or mailto address of ours."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One of the large numbers at the front."""

    value: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """Short statements in a list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What one colour of a drawing stands for; ``kind`` names the colour."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its number, and how long its parts are (shares of the longest bar)."""

    name: str
    detail: str
    count: str
    more: str
    parts: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars under one another; the numbers stand beside them, so that nobody must measure."""

    legend: tuple[Key, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: who it is about, then its cells; a quiet row sums up several."""

    name: str
    detail: str
    cells: tuple[str, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names the rows.

    Attributes:
        label: What it shows, for those who only hear it.
        head: Column titles, the first column's too.
        rows: In their order.
        foot: The last row, set apart, or None.
        prose: Columns (from 1) that hold sentences rather than numbers.
        wide: Whether it needs the page's whole width.
    """

    label: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    foot: Row | None = None
    prose: tuple[int, ...] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing as SVG of our own making, and what it shows in words."""

    svg: str
    alt: str
    legend: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that we ask of the reader."""

    title: str
    text: str
    link: Link | None


@dataclass(frozen=True, slots=True)
class Asks:
    """What we ask, in order."""

    asks: tuple[Ask, ...]


Block = Paragraph | Bullets | Bars | Table | Picture | Facts | Asks


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a section under a heading of its own."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section; two narrow ones stand side by side where there is room.

    Attributes:
        id: Name of the place in the page.
        title: Its heading.
        note: A line below it, or "".
        blocks: What it shows.
        parts: Smaller pieces below that, in columns.
        narrow: Whether half the width is enough.
    """

    id: str
    title: str
    note: str
    blocks: tuple[Block, ...]
    parts: tuple[Part, ...] = ()
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report.

    Attributes:
        language: BCP 47 tag.
        right_to_left: Which way it runs.
        skip: Words of the link past the head of the page.
        title: Of the file.
        marking: TLP 2.0, never translated.
        marking_meaning: What the reader may do with it.
        operation: Name of the operation.
        eyebrow: The line above the headline: where and when.
        headline: The one sentence to remember.
        lede: A few sentences more.
        prepared: For whom, as two parts: words and name.
        warning: What must be known before any figure is read, or "".
        key_label: What the key figures are, for those who only hear it.
        key: The key figures.
        sections: In their order.
        closing: Lines at the foot.
        about: Where to read more.
        author: Who made it.
        day: When, ``YYYY-MM-DD``, for the file's own record.
    """

    language: str
    right_to_left: bool
    skip: str
    title: str
    marking: str
    marking_meaning: str
    operation: str
    eyebrow: str
    headline: str
    lede: str
    prepared: tuple[str, str]
    warning: str
    key_label: str
    key: tuple[KeyFigure, ...]
    sections: tuple[Section, ...]
    closing: tuple[str, ...]
    about: Link
    author: str
    day: str
