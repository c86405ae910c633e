"""Closing steps apart from any letter, in the letters' own words: for pages that show the same."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from survey.closing.instructions import Closing
from survey.closing.steps import steps_of
from survey.model.probe import Probe
from survey.notify.letter import CLOSING_TEXTS
from survey.notify.markup import Block, parse


def general_steps(language: str, probe: Probe) -> tuple[Block, ...]:
    """What closes the kind of server that a probe finds, in one of the letters' languages."""
    return parse(_template(language, CLOSING_TEXTS[probe]).render())


def program_steps(language: str, program: Closing) -> tuple[Block, ...]:
    """What closes one program."""
    steps = steps_of(program)
    return parse(
        _template(language, "program").render(
            program=program,
            relay=any(probe.is_relay for probe in program.closes),
            own_network=steps.own_network,
            change=steps.change,
            apply=steps.apply,
            check=steps.check,
        )
    )


def _template(language: str, name: str) -> Template:
    return _environment().get_template(f"closing/{language}/{name}.txt")


@cache
def _environment() -> Environment:
    return Environment(  # noqa: S701 - plain text; whoever shows it escapes it
        loader=PackageLoader("survey.notify", "letters"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
