"""A logo is small, holds nothing but itself, and says what is wrong with it."""

import struct
import zlib
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.storage.logo import MOST_BYTES, MOST_PIXELS, MOST_SHAPES, read_logo

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'


def png(width: int, height: int, rows: bytes | None = None) -> bytes:
    """A grey picture; ``rows`` instead of as many as it should have."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    pixels = bytes(height * (1 + width)) if rows is None else rows
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def test_plain_drawing_and_picture_are_taken(tmp_path: Path) -> None:
    """As they are."""
    drawing, picture = tmp_path / "logo.svg", tmp_path / "logo.png"
    drawing.write_text(SVG.format('<!-- by hand --><path d="M0 0h9v9z" fill="url(#a)"/>'))
    picture.write_bytes(png(40, 10))
    assert read_logo(drawing).format == "svg"
    assert read_logo(picture).format == "png"
    assert read_logo(picture).data == picture.read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SVG.format("<text>x</text>").encode(), "holds <text>"),
        (SVG.format("<script>1</script>").encode(), "holds <script>"),
        (SVG.format('<image href="https://evil.example/x"/>').encode(), "holds <image>"),
        (SVG.format('<use href="#a"/>').encode(), "holds <use>"),
        (SVG.format("<foreignObject/>").encode(), "holds <foreignObject>"),
        (SVG.format("<style>@import url(x)</style>").encode(), "holds <style>"),
        (SVG.format('<path onclick="x"/>').encode(), "has onclick"),
        (SVG.format('<path fill="url(https://evil.example/)"/>').encode(), "has fill"),
        (b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + SVG.format("").encode(), "document type"),
        (SVG.format("<g/>" * MOST_SHAPES).encode(), f"at most {MOST_SHAPES} elements"),
        (b"<html></html>", "is no SVG"),
        (b"GIF89a", "neither PNG nor SVG"),
        (b"", "neither PNG nor SVG"),
        (b"\x00" * (MOST_BYTES + 1), "is larger than"),
        (png(MOST_PIXELS + 1, 1), "pixels"),
        (png(0, 1), "pixels"),
        (png(40, 10)[:-20], "no whole PNG"),
        (png(40, 10)[:60] + b"x" + png(40, 10)[61:], "no whole PNG"),
        (png(10, 10, bytes(1_000_000)), "no whole PNG"),
        (png(10, 10, bytes(10)), "no whole PNG"),
    ],
)
def test_what_could_reach_out_or_swell_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """One line that names the file, the key and what to do."""
    path = tmp_path / "logo"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_logo(path)
    text = str(caught.value)
    assert said in text
    assert str(path) in text
    assert "logo" in text
    assert "\n" not in text


def test_missing_file_is_told(tmp_path: Path) -> None:
    """Before a letter would go out without it."""
    with pytest.raises(ConfigError, match="can't be read"):
        read_logo(tmp_path / "gone.svg")
