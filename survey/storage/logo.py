"""An agency's logo: a small drawing or picture that holds nothing but itself.

It is set into letters that go to strangers under our name, so it may not reach for anything: no
text (a font that is not ours), no picture within it, no link, no script.
"""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from survey.errors import ConfigError

MOST_BYTES = 200_000
MOST_PIXELS = 2000
"""Of each side of a PNG."""
MOST_SHAPES = 2000
"""Elements of an SVG."""

_SHAPES = frozenset(
    (
        *("svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line"),
        *("polyline", "polygon", "linearGradient", "radialGradient", "stop", "clipPath"),
    )
)
_SVG = "{http://www.w3.org/2000/svg}"
_REACHES_OUT = re.compile(r"url\(\s*['\"]?(?!#)|@import|javascript:|data:", re.IGNORECASE)
_PNG = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values a pixel, by a PNG's colour type."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo that was checked.

    Attributes:
        format: What it is.
        data: The file.
    """

    format: Literal["svg", "png"]
    data: bytes


def read_logo(path: Path) -> Logo:
    """The logo of one file.

    Raises:
        ConfigError: It can't be read or used; what is wrong with it, and the cure.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _wrong(path, f"can't be read: {error.strerror}", "put the file there") from error
    if len(data) > MOST_BYTES:
        raise _wrong(path, f"is larger than {MOST_BYTES} bytes", "make it smaller")
    if data.startswith(_PNG):
        _check_png(path, data)
        return Logo("png", data)
    _check_svg(path, data)
    return Logo("svg", data)


def _wrong(path: Path, what: str, cure: str) -> ConfigError:
    return ConfigError(path, "logo", what, cure)


def _check_svg(path: Path, data: bytes) -> None:
    if b"<!" in data.replace(b"<!--", b""):
        raise _wrong(path, "has a document type or CDATA", "save it as plain SVG, without them")
    try:
        root = ET.fromstring(data)  # noqa: S314 - bounded, and without a DTD nothing expands
    except (ET.ParseError, ValueError, LookupError) as error:
        raise _wrong(path, f"is neither PNG nor SVG: {error}", "save it as one of them") from error
    shapes = list(root.iter())
    if root.tag != f"{_SVG}svg" or len(shapes) > MOST_SHAPES:
        raise _wrong(
            path, f"is no SVG of at most {MOST_SHAPES} elements", "save a simpler drawing as SVG"
        )
    for shape in shapes:
        name = str(shape.tag).removeprefix(_SVG)
        if name not in _SHAPES:
            raise _wrong(
                path, f"holds <{name}>", "turn text into outlines, and draw with plain shapes only"
            )
        for key, value in shape.attrib.items():
            if key.endswith("href") or key.startswith("on") or _REACHES_OUT.search(value):
                raise _wrong(path, f"<{name}> has {key}={value[:40]!r}", "take it out")


def _check_png(path: Path, data: bytes) -> None:
    """Whole, and as many pixels as it says: a picture that would unpack without end is refused."""
    broken = _wrong(path, "is no whole PNG", "save it anew, not interlaced")
    at, packed = len(_PNG), b""
    header: bytes | None = None
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if zlib.crc32(kind + body) != int.from_bytes(data[at + 8 + size : at + 12 + size]):
            raise broken
        if kind == b"IHDR":
            header = body
        if kind == b"IDAT":
            packed += body
        at += 12 + size
    if header is None or len(header) != 13 or header[9] not in _SAMPLES or header[12]:  # noqa: PLR2004 - as PNG has it
        raise broken
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise _wrong(path, f"is {width} by {height} pixels", f"at most {MOST_PIXELS} each way")
    row = 1 + (width * header[8] * _SAMPLES[header[9]] + 7) // 8
    try:
        pixels = zlib.decompressobj().decompress(packed, height * row + 1)
    except zlib.error as error:
        raise broken from error
    if len(pixels) != height * row:
        raise broken
