"""What the pages tell: gathered by the flow, nothing decided here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from survey.model.agency import Agency
from survey.site.figures import PublicFigures
from survey.targets.campaign import Campaign


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of instructions: a ``paragraph``, ``steps`` that begin at ``first``, or ``lines``."""

    kind: str
    lines: tuple[str, ...]
    first: int = 1


@dataclass(frozen=True, slots=True)
class Guides:
    """Closing steps in one language.

    Attributes:
        kinds: By kind of server (``model.site``).
        programs: By program.
    """

    kinds: Mapping[str, tuple[Piece, ...]]
    programs: Mapping[str, tuple[Piece, ...]]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it.

    Attributes:
        campaign: Whose survey it is, what it sends and what it keeps.
        agencies: Who takes part.
        guides: By language; the site is written in each of them.
        signs: By program, patterns of what it says of itself.
        figures: What of the results everybody may see; None before the first survey.
        served: Whether the pages that answer are served, too (``site.app``).
        made_at: When the site is made (UTC).
    """

    campaign: Campaign
    agencies: tuple[Agency, ...]
    guides: Mapping[str, Guides]
    signs: Mapping[str, tuple[str, ...]]
    figures: PublicFigures | None
    served: bool
    made_at: datetime
