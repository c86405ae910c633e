"""A language that we write in: words from a gettext catalogue, numbers and dates from CLDR.

English is written in the code; every other language is ``<language>.po`` in a stage's folder of
words, read as it is, so that nothing has to be built.  Catalogues are extracted by ``say`` and
``count``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

SOURCE = "en"
"""The language of the code itself."""

_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT ISOLATE}"
_PLACES = {SOURCE: "en", "pt": "pt_BR", "zh": "zh_Hans"}
"""Whose CLDR data a language of ours takes, where that is not its own."""
_TAGS = {"zh": "zh-Hans"}


@dataclass(frozen=True, slots=True)
class Language:
    """One language that we write in.

    Attributes:
        code: As in the folder of words, and in an agency's file.
        tag: BCP 47, for the documents.
        locale: Its CLDR data.
        zone: Where the reader's days begin.
    """

    code: str
    tag: str
    locale: Locale
    zone: ZoneInfo
    _words: NullTranslations

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return bool(self.locale.text_direction == "rtl")

    def say(self, text: str, **values: object) -> str:
        """A text in this language, its ``%(name)s`` filled in."""
        return self._fill(self._words.gettext(text), values)

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """A text with a number in it, in the form that it wants; ``%(n)s`` is the number."""
        text = self._words.ngettext(one, many, number)
        return self._fill(text, {"n": self.number(number), **values})

    def together(self, sentences: Sequence[str]) -> str:
        """Sentences after one another; Chinese and Japanese have no space between them."""
        return ("" if self.code in {"ja", "zh", "zh-Hans", "zh-Hant"} else " ").join(sentences)

    def number(self, value: float) -> str:
        """A whole number, grouped."""
        return str(format_decimal(value, "#,##0", locale=self.locale))

    def signed(self, value: int) -> str:
        """A difference, with its sign."""
        if value == 0:
            return self.number(0)
        sign = "+" if value > 0 else "\N{MINUS SIGN}"
        return self.in_a_row(sign + self.number(abs(value)))

    def decimal(self, value: float, places: int = 2) -> str:
        """A number with decimals."""
        return str(format_decimal(value, "#,##0." + "0" * places, locale=self.locale))

    def percent(self, share: float, places: int = 0) -> str:
        """A share of one, in per cent with so many decimals."""
        pattern = str(self.locale.percent_formats[None].pattern)
        if places:
            pattern = pattern.replace("0", "0." + "0" * places)
        return str(format_percent(share, pattern, locale=self.locale))

    def day(self, moment: datetime) -> str:
        """The day of a moment, in the reader's zone."""
        return str(format_date(moment.astimezone(self.zone).date(), "long", locale=self.locale))

    def short_day(self, moment: datetime) -> str:
        """A moment's day and month, short, for an axis."""
        return str(
            format_skeleton("MMMd", moment.astimezone(self.zone), self.zone, locale=self.locale)
        )

    def month(self, moment: datetime) -> str:
        """A moment's month and year, short, for an axis."""
        return str(
            format_skeleton("yMMM", moment.astimezone(self.zone), self.zone, locale=self.locale)
        )

    def calendar_month(self, first: date) -> str:
        """A month and its year, written out."""
        return str(format_skeleton("yMMMM", datetime.combine(first, time()), locale=self.locale))

    def days(self, first: date, last: date) -> str:
        """A run of days."""
        return str(format_interval(first, last, "yMMMMd", locale=self.locale))

    def between(self, first: datetime, last: datetime) -> str:
        """The days that something took, in the reader's zone."""
        return self.days(first.astimezone(self.zone).date(), last.astimezone(self.zone).date())

    def moment(self, moment: datetime) -> str:
        """A day and a time with its distance from UTC, in the reader's zone."""
        local = moment.astimezone(self.zone)
        offset = local.utcoffset() or timedelta()
        clock = format_time(local, "HH:mm", tzinfo=self.zone, locale=self.locale)
        minutes = round(offset.total_seconds() / 60)
        hours, rest = divmod(abs(minutes), 60)
        distance = "UTC"
        if minutes:
            distance += ("+" if minutes > 0 else "\N{MINUS SIGN}") + str(hours)
            distance += f":{rest:02d}" if rest else ""
        both = str(self.locale.datetime_formats["medium"]).replace("'", "")
        return f"{both.format(clock, self.day(moment))} {self._whole(distance)}"

    def country(self, code: str) -> str:
        """A country's name."""
        return str(self.locale.territories.get(code, code))

    def listed(self, names: Sequence[str]) -> str:
        """Several names as one."""
        return str(format_list(names, locale=self.locale)) if names else ""

    def span(self, low: str, high: str) -> str:
        """From one number to another."""
        return self.in_a_row(f"{low} \N{EN DASH} {high}")

    def in_a_row(self, text: str) -> str:
        """Signs and numbers that stand from left to right in every language."""
        return f"{_LEFT_TO_RIGHT}{text}{_END}" if self.right_to_left else text

    def _fill(self, text: str, values: dict[str, object]) -> str:
        return text % {name: self._whole(str(value)) for name, value in values.items()}

    def _whole(self, value: str) -> str:
        """A value that keeps its own direction inside a sentence that runs the other way."""
        if self.right_to_left and any(letter.isascii() and letter.isalpha() for letter in value):
            return f"{_ISOLATE}{value}{_END}"
        return value


@cache
def written(words: Path) -> tuple[str, ...]:
    """Languages with a catalogue in a folder, and English, sorted."""
    return tuple(sorted({SOURCE, *(path.stem for path in words.glob("*.po"))}))


def speak(
    words: Path,
    code: str,
    zone: ZoneInfo = ZoneInfo("UTC"),  # noqa: B008 - immutable
    place: str | None = None,
) -> Language:
    """One of ``written(words)``, for a reader in a time zone, with a place's CLDR data."""
    locale = Locale.parse(place or _place(code))
    return Language(code, _TAGS.get(code, code), locale, zone, _catalogue(words, code))


def _place(code: str) -> str:
    return _PLACES.get(code, code.replace("-", "_"))


@cache
def _catalogue(words: Path, code: str) -> NullTranslations:
    if code == SOURCE:
        return NullTranslations()
    with (words / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=_place(code))
    built = BytesIO()
    write_mo(built, catalogue)
    built.seek(0)
    return GNUTranslations(built)
