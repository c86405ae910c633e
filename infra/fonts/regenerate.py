# ruff: noqa: INP001 - a script, run by its path
"""Cut our PDFs' fonts out of Debian's Noto packages (see the runbook beside this file)."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel import Locale
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[2]
FONTS = ROOT / "survey" / "typesetting" / "fonts"
WORDS = ROOT / "survey" / "reports" / "words"
LETTERS = ROOT / "survey" / "notify" / "letters"
COVERED = FONTS / "covered.txt"

_LATIN_AND_MORE = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
    (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2070, 0x20BF), (0x2100, 0x218F), (0x2190, 0x22FF),
    (0x25A0, 0x25FF),
)  # fmt: skip
_ARABIC = ((0x20, 0x20), (0x600, 0x6FF), (0x750, 0x77F), (0x200C, 0x200F), (0x2066, 0x2069))
_KANA_AND_SIGNS = ((0x3000, 0x30FF), (0xFF00, 0xFFEF), (0x2010, 0x2026), (0x2190, 0x22FF))


@dataclass(frozen=True)
class Cut:
    """One font of ours: where it comes from, and which characters of it we carry."""

    name: str
    source: str
    number: int
    characters: frozenset[int]


def ranged(*ranges: tuple[int, int]) -> frozenset[int]:
    """All code points of ranges, both ends included."""
    return frozenset(point for first, last in ranges for point in range(first, last + 1))


def rows(codec: str, first: int, last: int) -> Iterator[int]:
    """The characters in rows of a Chinese or Japanese character set, by its EUC form."""
    for row in range(first, last + 1):
        for cell in range(1, 95):
            try:
                yield ord(bytes((row + 0xA0, cell + 0xA0)).decode(codec))
            except UnicodeDecodeError:
                continue


def written(catalogue: str, letters: str) -> frozenset[int]:
    """Every character of a catalogue and of the letters of a language, rare ones too."""
    paths = [WORDS / f"{catalogue}.po", *LETTERS.glob(f"*/{letters}/*.txt")]
    texts = (path.read_text(encoding="utf-8") for path in paths if path.is_file())
    return frozenset(map(ord, "".join(texts)))


def places(locale: str) -> frozenset[int]:
    """Every character of the names of countries, which stand in headlines, and of cities."""
    names = Locale.parse(locale)
    cities = (zone.get("city", "") for zone in names.time_zones.values())
    return frozenset(map(ord, "".join([*names.territories.values(), *cities])))


def cuts(truetype: Path, opentype: Path) -> Iterator[Cut]:
    """What we ship, weight by weight."""
    latin = ranged(*_LATIN_AND_MORE)
    signs = ranged(*_KANA_AND_SIGNS)
    # in plain type more than our own words: strangers' names, too
    scripts = (
        ("jp", 0, "ja", "ja", "ja", {*rows("euc_jp", 16, 47)}),
        ("kr", 1, "ko", "ko", "ko", {*rows("euc_kr", 16, 40)}),
        ("sc", 2, "zh", "zh-Hans", "zh_Hans", {*rows("gb2312", 16, 55)}),
        ("tc", 3, "", "zh-Hant", "zh_Hant", set()),
    )
    for weight in ("Regular", "Bold"):
        yield Cut(f"NotoSans-{weight}", str(truetype / f"NotoSans-{weight}.ttf"), -1, latin)
        arabic = truetype / f"NotoSansArabic-{weight}.ttf"
        yield Cut(arabic.stem, str(arabic), -1, ranged(*_ARABIC))
        cjk = str(opentype / f"NotoSansCJK-{weight}.ttc")
        for name, number, catalogue, letters, locale, common in scripts:
            own = signs | written(catalogue, letters) | places(locale)
            more = common if weight == "Regular" else ()
            yield Cut(f"NotoSansCJK{name}-{weight}", cjk, number, own.union(more))
    mono = truetype / "NotoSansMono-Regular.ttf"
    yield Cut(mono.stem, str(mono), -1, latin)
    serif = truetype / "NotoSerif-Bold.ttf"
    yield Cut(serif.stem, str(serif), -1, latin)


def write(cut: Cut) -> frozenset[int]:
    """One font file; returns the characters that it has."""
    options = Options(layout_features=["*"], name_IDs=["*"], notdef_outline=True, hinting=False)
    options.drop_tables += ["DSIG"]
    font = TTFont(cut.source, fontNumber=cut.number, lazy=True, recalcTimestamp=False)
    chosen = Subsetter(options)
    chosen.populate(unicodes=cut.characters)
    chosen.subset(font)
    suffix = ".otf" if "CFF " in font else ".ttf"
    font.save(FONTS / f"{cut.name}{suffix}")
    return frozenset(font.getBestCmap())


def spans(points: Iterable[int]) -> Iterator[str]:
    """Runs of code points, as ``first-last`` in hexadecimal."""
    run: list[int] = []
    for point in sorted(points):
        if run and point == run[-1] + 1:
            run[1:] = [point]
            continue
        if run:
            yield f"{run[0]:04x}-{run[-1]:04x}"
        run = [point]
    if run:
        yield f"{run[0]:04x}-{run[-1]:04x}"


def main() -> None:
    """Write all fonts, and which characters they have; a bold one may fall back to a plain one."""
    truetype, opentype = map(Path, sys.argv[1:])
    FONTS.mkdir(exist_ok=True)
    found = {
        point
        for cut in cuts(truetype, opentype)
        for point in write(cut)
        if "Serif" not in cut.name and "Mono" not in cut.name
    }
    COVERED.write_text("".join(f"{span}\n" for span in spans(found)), encoding="ascii")


if __name__ == "__main__":
    main()
