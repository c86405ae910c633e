r"""Recorded conversations: what real servers, and those of the lab, said to our probes.

One file per situation, ``tests/recordings/<probe>/<situation>.talk``, made by
``tests/recordings/record.py``.  A line is ``> `` (we said) or ``< `` (it said) and bytes as text,
``\xNN`` for what is no printable ASCII; lines of one direction in a row are one turn.  ``<|`` means
that it closed the connection.  A blank line ends a connection, ``#`` begins a remark.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from survey.model.probe import Probe

FOLDER = Path(__file__).resolve().parent.parent / "recordings"


@dataclass(slots=True)
class Turn:
    """We said something, it answered; either may be nothing."""

    said: bytes = b""
    heard: bytes = b""


@dataclass(slots=True)
class Talk:
    """One connection.

    Attributes:
        turns: In order.
        closed: The server ended it.
    """

    turns: list[Turn] = field(default_factory=list)
    closed: bool = False

    @property
    def heard(self) -> bytes:
        """All that the server said."""
        return b"".join(turn.heard for turn in self.turns)

    def said(self, data: bytes) -> None:
        """We say something more."""
        if not self.turns or self.turns[-1].heard:
            self.turns.append(Turn())
        self.turns[-1].said += data

    def hear(self, data: bytes) -> None:
        """The server says something more."""
        if not self.turns:
            self.turns.append(Turn())
        self.turns[-1].heard += data


@dataclass(frozen=True, slots=True)
class Recording:
    """One test of one server.

    Attributes:
        probe: Which test.
        situation: What server it was.
        talks: Its connections.
    """

    probe: Probe
    situation: str
    talks: tuple[Talk, ...]

    @property
    def name(self) -> str:
        """For the list of tests."""
        return f"{self.probe.value}/{self.situation}"


def recordings(*probes: Probe) -> list[Recording]:
    """Those of some probes, or all, in a fixed order."""
    return [
        Recording(Probe(path.parent.name), path.stem, tuple(parse(path.read_text("ascii"))))
        for path in sorted(FOLDER.glob("*/*.talk"))
        if not probes or Probe(path.parent.name) in probes
    ]


def parse(text: str) -> Iterable[Talk]:
    """The connections of a file."""
    talk = Talk()
    for line in text.splitlines():
        match line[:2]:
            case "> ":
                talk.said(_bytes(line[2:]))
            case "< ":
                talk.hear(_bytes(line[2:]))
            case "<|":
                talk.closed = True
            case "":
                yield talk
                talk = Talk()
            case _:
                assert line.startswith("#"), line
    assert not talk.turns, "a blank line ends a connection"


def render(remark: str, talks: Iterable[Talk]) -> str:
    """The text of a file."""
    lines = [f"# {remark}"]
    for talk in talks:
        for turn in talk.turns:
            lines += [f"> {_text(line)}" for line in turn.said.splitlines(keepends=True)]
            lines += [f"< {_text(line)}" for line in turn.heard.splitlines(keepends=True)]
        lines += ["<|"] * talk.closed + [""]
    return "\n".join(lines) + "\n"


def _bytes(text: str) -> bytes:
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


def _text(data: bytes) -> str:
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")
