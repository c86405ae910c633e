"""A publisher's file as it came: its bytes, its lines, and how a bad line is refused.

What a publisher sends is a stranger's: nothing in it is taken unchecked, and a packed file may
unpack to a bounded size only.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from survey.errors import ConfigError

MAX_UNPACKED = 2 << 30
"""Bytes; the largest of the files that we know has 60 MB."""

_GZIP = b"\x1f\x8b"  # RFC 1952 s2.3.1


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a publisher.

    Attributes:
        path: Where it was.
        raw: Its bytes as they came.
        data: Unpacked.
    """

    path: Path
    raw: bytes
    data: bytes

    def wrong(self, number: int, problem: str, cure: str) -> ConfigError:
        """The error that refuses it because of one line."""
        return ConfigError(self.path, f"line {number}", problem, cure)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Every line that is not empty, with its number, comments too.

        Raises:
            ConfigError: It is not UTF-8.
        """
        try:
            text = self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            number = self.data[: error.start].count(b"\n") + 1
            raise self.wrong(number, "is not UTF-8", "save it as UTF-8") from error
        # not splitlines(): it also breaks lines at characters that a name may hold
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, line.rstrip("\r")

    def fields(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Line number and fields of every line but comments (``#`` or ``;``).

        Raises:
            ConfigError: It is not UTF-8, or a line is no CSV.
        """
        for number, line in self.lines():
            if line.startswith(("#", ";")):
                continue
            if delimiter != ",":  # only CSV knows quotes: a name elsewhere may hold a lone one
                yield number, line.split(delimiter)
                continue
            try:
                # one line at a time: a quotation mark left open ends with it
                yield number, next(csv.reader([line]))
            except csv.Error as error:
                raise self.wrong(number, f"is no CSV ({error})", "correct it") from error


def read_source(path: Path) -> SourceFile:
    """The file, unpacked if it is gzipped, whatever its name.

    Raises:
        ConfigError: It can't be read or unpacked.
    """
    try:
        raw = path.read_bytes()
        data = _unpacked(raw) if raw.startswith(_GZIP) or path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            path, "", f"can't be read ({reason})", "give the publisher's file"
        ) from error
    if len(data) > MAX_UNPACKED:
        raise ConfigError(
            path, "", f"unpacks to more than {MAX_UNPACKED:,} bytes", "give the publisher's file"
        )
    return SourceFile(path, raw, data)


def _unpacked(raw: bytes) -> bytes:
    with gzip.open(io.BytesIO(raw)) as file:
        return file.read(MAX_UNPACKED + 1)
