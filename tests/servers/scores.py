"""What several tools said, held against what is true: counts, precision, recall, and the tables."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from truth import Situation, Way


class Asked(NamedTuple):
    """One test of one server: the grain of everything here."""

    situation: Situation
    probe: str

    @property
    def true(self) -> Way | None:
        """How far it leads."""
        return self.situation.open.get(self.probe)


Words = Mapping[Asked, str]
"""What a tool said of each: ``open``, ``closed``, another word, or nothing."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool and what it said.

    Attributes:
        name: Of the tool.
        probes: What it can test.
        words: What it said.
    """

    name: str
    probes: Collection[str]
    words: Words


@dataclass(frozen=True, slots=True)
class Score:
    """How often a tool said ``open`` and did not, of servers that are and are not.

    Attributes:
        found: Open, and said so.
        wrong: Not open, and said to be.
        missed: Open, and not said to be.
        right: Not open, and not said to be.
    """

    found: int
    wrong: int
    missed: int
    right: int

    @property
    def precision(self) -> float | None:
        """Of those said to be open, how many are."""
        said = self.found + self.wrong
        return self.found / said if said else None

    @property
    def recall(self) -> float | None:
        """Of those that are open, how many were said to be."""
        are = self.found + self.missed
        return self.found / are if are else None


def score(asked: Iterable[Asked], words: Words) -> Score:
    """Count one tool on one set of tests; what goes only one way is not counted."""
    counts = {(true, said): 0 for true in (True, False) for said in (True, False)}
    for each in asked:
        if each.true is not Way.ONE_WAY:
            counts[each.true is not None, words.get(each) == "open"] += 1
    return Score(
        found=counts[True, True],
        wrong=counts[False, True],
        missed=counts[True, False],
        right=counts[False, False],
    )


def by_probe(asked: Collection[Asked], tools: Iterable[Tool]) -> str:
    """The first table, in Markdown: for each probe, how each tool did."""
    lines = [
        "| probe | tool | tests | TP | FN | FP | TN | precision | recall |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    tools = tuple(tools)
    for probe in dict.fromkeys(each.probe for each in asked):
        of_probe = [each for each in asked if each.probe == probe]
        for tool in tools:
            if probe not in tool.probes:
                lines.append(f"| `{probe}` | {tool.name} | does not test it | | | | | | |")
                continue
            counts = score(of_probe, tool.words)
            total = counts.found + counts.missed + counts.wrong + counts.right
            numbers = (total, counts.found, counts.missed, counts.wrong, counts.right)
            shares = (_share(counts.precision), _share(counts.recall))
            cells = [f"`{probe}`", tool.name, *map(str, numbers), *shares]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def by_situation(asked: Iterable[Asked], tools: Iterable[Tool]) -> str:
    """The second table: for each server, what is true and what each tool said."""
    tools = tuple(tools)
    names = [tool.name for tool in tools]
    lines = [
        f"| server | port | what it does with a stranger | is open to | {' | '.join(names)} |",
        f"|---|--:|---|---|{'---|' * len(names)}",
    ]
    tests: dict[str, list[Asked]] = {}
    for each in asked:
        tests.setdefault(each.situation.daemon.ip, []).append(each)
    for of_server in tests.values():
        situation = of_server[0].situation
        ways = [f"{probe} ({way})" for probe, way in situation.open.items()]
        said = [_said(of_server, tool) for tool in tools]
        cells = [f"`{situation.key}`", str(situation.daemon.port), situation.why]
        lines.append(f"| {' | '.join([*cells, ', '.join(ways) or 'nobody', *said])} |")
    return "\n".join(lines) + "\n"


def _said(of_server: Iterable[Asked], tool: Tool) -> str:
    """Per word, the probes of which it was said; where all have one word, that."""
    asked = [each for each in of_server if each.probe in tool.probes]
    if not asked:
        return "does not test it"
    words: dict[str, list[str]] = {}
    for each in asked:
        if word := tool.words.get(each):
            words.setdefault(word, []).append(each.probe)
    if not words:
        return "nothing"
    if len(words) == 1 and len(asked) == len(next(iter(words.values()))):
        return next(iter(words))
    order = sorted(words, key=lambda word: (word != "open", word))
    return "; ".join(f"{word}: {', '.join(words[word])}" for word in order)


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"
