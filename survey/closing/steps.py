"""One program's instructions as lines to show: what to change, how to apply it, how to see it."""

from collections.abc import Iterable
from dataclasses import dataclass

from survey.closing.instructions import OWN_NETWORK, Closing

_OWN = OWN_NETWORK.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Steps:
    """What ``program.txt`` of a language puts its sentences around.

    Attributes:
        own_network: Whether addresses stand in it that the reader replaces with his own.
        change: The lines of the change itself.
        apply: Commands that put it into force.
        check: Commands that show whether it is.
    """

    own_network: bool
    change: tuple[str, ...]
    apply: tuple[str, ...]
    check: tuple[str, ...]


def steps_of(program: Closing) -> Steps:
    """The lines of one program's instructions; none of them is empty."""
    change: tuple[str, ...] = program.choose
    if program.file:
        change = (program.write,) if program.write else program.remove
    elif program.run:
        change = program.run
    apply = (*program.run, program.reload) if program.file else (program.reload,)
    return Steps(
        own_network=any(_OWN in text for text in change),
        change=_lines(change),
        apply=_lines(apply),
        check=_lines((program.check,)),
    )


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(line for text in texts for line in text.splitlines() if line)
