"""DNSBL zone files, read as rbldnsd serves them: ip4set, ip4tset, ip4trie, dnset, combined.

What rbldnsd would answer for an address or a name is what a snapshot holds: exclusions are taken
out of what they are excluded from, and of nothing else.  rbldnsd decides between entries by size:
an ip4set keeps whole /8, /16, /24 and single addresses apart and asks the smallest first, an
ip4trie asks the longest prefix, a dnset the name itself and then the longest name above it.  On one
step, an exclusion wins.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple

from survey.enrichment.content import Content
from survey.enrichment.source_file import SourceFile
from survey.enrichment.zone_lines import (
    DEFAULT,
    Specials,
    Value,
    reversed_range,
    split_entry,
    zone_name,
    zone_range,
    zone_value,
)
from survey.model.address import Range, format_ip
from survey.targets.ranges import RangeSet

_BITS = 32
_SPECIAL = ("$", "#$", ";$", ":$")


class _Part(NamedTuple):
    """Addresses that one entry speaks of, on the step where rbldnsd finds it; 0 is asked first."""

    step: int
    start: int
    end: int
    value: Value | None


class _Name(NamedTuple):
    """A listed (or, without a value, excluded) name: itself, or what is below it."""

    name: str
    below: bool
    value: Value | None


@dataclass(slots=True)
class _Dataset:
    """One dataset as it is being read.

    Attributes:
        read: Takes one line that is no comment and no special entry.
        listings: Names of the public databases that it is part of.
        specials: What its ``$`` lines say.
        default: What an entry without a value says.
        fixed: The default was set; an ip4tset takes only the first.
        prefixes: Those of an ip4trie, which may stand there once each.
        parts: What it says of addresses.
        names: What it says of names.
    """

    read: "Callable[[_Dataset, str], None]"
    listings: tuple[str, ...]
    specials: Specials = field(default_factory=Specials)
    default: Value = DEFAULT
    fixed: bool = False
    prefixes: set[tuple[int, int]] = field(default_factory=set)
    parts: list[_Part] = field(default_factory=list)
    names: list[_Name] = field(default_factory=list)


def zone_reader(type_: str) -> Callable[[Sequence[SourceFile], str], Content]:
    """The reader of a dataset type; its second argument names the public database.

    In a combined file that is the zone; its subzones are databases of their own.
    """

    def read(files: Sequence[SourceFile], listing: str) -> Content:
        datasets = [part for file in files for part in _read(file, type_, listing)]
        rows = [row for one in datasets for row in _rows(one)]
        names = [row for one in datasets for row in _names(one)]
        return Content(sorted(rows, key=itemgetter(0, 1)), names=sorted(names, key=_by_name))

    return read


def _by_name(row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(map(str, row[:3]))


def _read(file: SourceFile, type_: str, listing: str) -> list[_Dataset]:
    """The datasets of a file, all lines read.

    Raises:
        ConfigError: One line can't be read.
    """
    now = datetime.now(UTC)
    datasets = [_Dataset(_READERS[type_], (listing,))]
    for number, raw in file.lines():
        line = raw.strip(" \t\r")
        try:
            if line.startswith(_SPECIAL):
                word = line.lstrip("#;:")[1:]
                if type_ == COMBINED and word[:8].lower() == "dataset ":
                    datasets.append(_section(word[8:], listing, datasets))
                else:
                    datasets[-1].specials.obey(word, now)
            elif line and not line.startswith(("#", ";")):
                datasets[-1].read(datasets[-1], line)
        except ValueError as error:
            problem, _, cure = str(error).partition("; ")
            raise file.wrong(number, problem, cure) from error
    return datasets


def _section(text: str, zone: str, before: Sequence[_Dataset]) -> _Dataset:
    """The dataset that ``$DATASET type[:name] subzone...`` begins.

    It inherits the variables of the common part; a limit of size holds to the end of the file.
    """
    words = []
    for word in text.split():
        if word.startswith(("#", ";")):
            break
        words.append(word)
    type_ = words[0].partition(":")[0] if words else ""
    if type_ not in _READERS or type_ == COMBINED:
        raise ValueError(
            f"{type_[:20]!r} is no dataset of IPv4 addresses or names; cut that section out"
        )
    if not words[1:]:
        raise ValueError("the dataset is in no subzone; name one, or @ for the zone itself")
    subzones = (None if word == "@" else zone_name(word)[0] for word in words[1:])
    listings = tuple(zone if sub is None else f"{sub}.{zone}" for sub in subzones)
    specials = before[0].specials.copy()
    specials.max_size = before[-1].specials.max_size
    return _Dataset(_READERS[type_], listings, specials)


def _ip4set(dataset: _Dataset, line: str) -> None:
    if line.startswith(":"):
        dataset.default = zone_value(line, DEFAULT)
        return
    excluded, text, said = split_entry(line)
    part, _ = zone_range(text)
    value = None if excluded else zone_value(said, dataset.default)
    if _small_enough(dataset, part):
        dataset.parts += (_Part(*piece, value) for piece in _pieces(part))


def _ip4trie(dataset: _Dataset, line: str) -> None:
    if line.startswith(":"):
        dataset.default = zone_value(line, DEFAULT)
        return
    excluded, text, said = split_entry(line)
    part, bits = zone_range(text, prefixes_only=True)
    value = None if excluded else zone_value(said, dataset.default)
    if _small_enough(dataset, part):
        if (bits, part.start) in dataset.prefixes:
            raise ValueError(f"{text!r} stands there twice; keep one of the two")
        dataset.prefixes.add((bits, part.start))
        dataset.parts.append(_Part(_BITS - bits, part.start, part.end, value))


def _ip4tset(dataset: _Dataset, line: str) -> None:
    if line.startswith(":"):
        if not dataset.fixed:
            dataset.default, dataset.fixed = zone_value(line, DEFAULT), True
        return
    excluded, text, _ = split_entry(line)
    part, _ = zone_range(text)
    if excluded or len(part) != 1 or text.count(".") != 3:  # noqa: PLR2004 - four octets
        raise ValueError(f"{line[:40]!r} is no single address; an ip4tset holds nothing else")
    dataset.parts.append(_Part(0, part.start, part.end, dataset.default))


def _dnset(dataset: _Dataset, line: str) -> None:
    if line.startswith(":"):
        dataset.default = zone_value(line, DEFAULT)
        return
    excluded, text, said = split_entry(line, name=True)
    name, itself, below = zone_name(text)
    value = None if excluded else zone_value(said, dataset.default)
    for scope in [False] * itself + [True] * below:
        addresses = reversed_range(name, below=scope)
        if addresses is None:
            dataset.names.append(_Name(name, scope, value))
        else:
            step = (len(addresses).bit_length() - 1) // 8
            dataset.parts.append(_Part(step, addresses.start, addresses.end, value))


def _generic(dataset: _Dataset, line: str) -> None:
    """Records of a zone; only an A of a reversed address lists something."""
    words = line.split(None, 3)
    if len(words) == 4 and words[1].isdigit():  # noqa: PLR2004 - name, TTL, type, value
        words = [words[0], words[2], words[3]]
    elif len(words) == 4:  # noqa: PLR2004
        words = [words[0], words[1], f"{words[2]} {words[3]}"]
    if len(words) != 3 or words[1].upper() not in {"A", "TXT", "MX"}:  # noqa: PLR2004
        raise ValueError(f"{line[:40]!r} is no A, TXT or MX record; correct it")
    name, type_, data = words
    addresses = None if name == "@" else reversed_range(zone_name(name)[0], below=False)
    if addresses is not None and type_.upper() == "A":
        value = zone_value(f":{data}:", DEFAULT)
        dataset.parts.append(_Part(0, addresses.start, addresses.end, value))


def _outside(dataset: _Dataset, line: str) -> None:  # noqa: ARG001 - a reader's signature
    raise ValueError(f"{line[:40]!r} stands before the first $DATASET; correct that")


COMBINED = "combined"
_READERS: dict[str, Callable[[_Dataset, str], None]] = {
    "ip4set": _ip4set,
    "ip4tset": _ip4tset,
    "ip4trie": _ip4trie,
    "dnset": _dnset,
    "generic": _generic,
    COMBINED: _outside,
}


def _small_enough(dataset: _Dataset, part: Range) -> bool:
    """Whether the file's own limit lets the entry count; one above it is not served either."""
    return dataset.specials.max_size is None or len(part) <= dataset.specials.max_size


def _pieces(part: Range) -> Iterator[tuple[int, int, int]]:
    """A range cut where an ip4set cuts it: single addresses, whole /24s, /16s and /8s."""
    start, end = part.start, part.end
    for step in range(3):
        size = 256 << (8 * step)
        first, behind = -(-start // size) * size, (end + 1) // size * size
        if first >= behind:
            yield step, start, end
            return
        if start < first:
            yield step, start, first - 1
        if behind <= end:
            yield step, behind, end
        start, end = first, behind - 1
    yield 3, start, end


def _rows(dataset: _Dataset) -> Iterator[tuple[object, ...]]:
    """The listed addresses in the order of the schema, without what is excluded."""
    taken: dict[int, RangeSet] = {}
    gone = RangeSet.of(())
    for step in sorted({part.step for part in dataset.parts}):
        gone |= RangeSet.of(
            Range(part.start, part.end)
            for part in dataset.parts
            if part.step == step and part.value is None
        )
        taken[step] = gone
    for part in dataset.parts:
        if part.value is None:
            continue
        for kept in _left(Range(part.start, part.end), taken[part.step]):
            reason = dataset.specials.text(part.value.text, _address_text(part))
            for listing in dataset.listings:
                yield kept.start, kept.end, listing, None, part.value.code, reason or None


def _left(part: Range, taken: RangeSet) -> tuple[Range, ...]:
    """What is left of a range; nearly always all of it."""
    if not taken.size or not _touches(part, taken):
        return (part,)
    return (RangeSet.of((part,)) - taken).ranges


def _touches(part: Range, taken: RangeSet) -> bool:
    at = int(taken.starts.searchsorted(part.end, side="right")) - 1
    return at >= 0 and int(taken.ends[at]) >= part.start


def _address_text(part: _Part) -> str:
    if part.start == part.end:
        return format_ip(part.start)
    return f"{format_ip(part.start)}-{format_ip(part.end)}"


def _names(dataset: _Dataset) -> Iterator[tuple[object, ...]]:
    """The listed and excluded names in the order of the schema."""
    for name, below, value in dataset.names:
        reason = dataset.specials.text(value.text, name) if value else ""
        for listing in dataset.listings:
            yield (
                name,
                below,
                listing,
                value is None,
                value.code if value else None,
                reason or None,
            )
