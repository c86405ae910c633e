"""A letter as it reads: what its mail, its HTML and its paper are all made of."""

from dataclasses import dataclass

from survey.notify.markup import Block

MARKING = "TLP:AMBER"
"""Of every letter: AMBER+STRICT would forbid what we ask, to pass it on to a customer."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered letter.

    Attributes:
        subject: One line.
        text: Plain text.
        html: The same words.
        language: BCP 47.
        blocks: The same words, as the markup has them.
        links: The lines of it that are addresses of ours.
    """

    subject: str
    text: str
    html: str
    language: str
    blocks: tuple[Block, ...]
    links: frozenset[str]
