"""``survey site``: the operators' site, from the campaign, the agencies and the letters' words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.analysis.fingerprints import NAMED
from survey.closing.instructions import closings
from survey.flows.site_figures import Published, published_figures
from survey.identity.probing import PATH as PROBING
from survey.identity.probing import probing_text
from survey.model.site import closing_kinds, probe_of_kind
from survey.notify.closing_steps import general_steps, program_steps
from survey.notify.letter import written as written_letters
from survey.notify.markup import Block, Kind
from survey.reports.participants import participants_json
from survey.settings import Settings
from survey.site.build import site_files
from survey.site.facts import Facts, Guides, Piece
from survey.site.folder import write_site
from survey.site.languages import written
from survey.site.security import PATH as SECURITY
from survey.site.security import security_text
from survey.storage.agencies import read_agencies
from survey.targets.campaign import Campaign


@dataclass(frozen=True, slots=True)
class BuiltSite:
    """What was made.

    Attributes:
        folder: Where it lies, as a web server may serve it.
        languages: In which it is written.
        pages: How many pages it has.
        largest: Bytes of the largest page.
        bytes: Of all files.
    """

    folder: Path
    languages: tuple[str, ...]
    pages: int
    largest: int
    bytes: int


def build_site(
    settings: Settings,
    campaign: Campaign,
    folder: Path,
    now: datetime | None = None,
    *,
    served: bool = False,
) -> BuiltSite:
    """Write the whole site into a folder, in one step; an earlier one is replaced.

    ``served``: the pages that answer are served, too, and linked to (``flows.site_serving``).

    Raises:
        ConfigError: An agency's file is wrong, or something else than a site is in the folder.
    """
    published = published_figures(settings, campaign.id)
    facts = site_facts(settings, campaign, now or datetime.now(UTC), published, served=served)
    made = site_files(facts)
    if published is not None:
        made |= {f"figures/{name}": data for name, data in published.files.items()}
    made["agencies.json"] = participants_json(facts.agencies, facts.made_at).encode()
    for path, text in (
        (PROBING, probing_text(campaign, facts.made_at)),
        (SECURITY, security_text(campaign, tuple(facts.guides), facts.made_at)),
    ):
        made[path.lstrip("/")] = text.encode()
    write_site(folder, made)
    pages = [len(data) for path, data in made.items() if path.endswith(".html")]
    return BuiltSite(
        folder, tuple(facts.guides), len(pages), max(pages), sum(map(len, made.values()))
    )


def site_facts(
    settings: Settings,
    campaign: Campaign,
    now: datetime,
    published: Published | None = None,
    *,
    served: bool = False,
) -> Facts:
    """What the pages tell."""
    languages = sorted(set(written()) & set(written_letters()))
    return Facts(
        campaign=campaign,
        agencies=tuple(read_agencies(settings.agencies)),
        guides={language: _guides(language) for language in languages},
        signs=_signs(),
        figures=published.figures if published else None,
        served=served,
        made_at=now,
    )


def _guides(language: str) -> Guides:
    return Guides(
        kinds={
            kind: _pieces(general_steps(language, probe_of_kind(kind))) for kind in closing_kinds()
        },
        programs={
            software: _pieces(program_steps(language, closing))
            for software, closing in closings().items()
        },
    )


def _pieces(blocks: Iterable[Block]) -> tuple[Piece, ...]:
    return tuple(map(_piece, blocks))


def _piece(block: Block) -> Piece:
    if block.kind is Kind.STEPS:
        first = int(block.lines[0].partition(".")[0])
        return Piece("steps", tuple(line.partition(" ")[2] for line in block.lines), first)
    return Piece("lines" if block.kind is Kind.LINES else "paragraph", block.lines)


def _signs() -> dict[str, tuple[str, ...]]:
    """What programs say of themselves, as patterns that a browser understands as well."""
    found: dict[str, list[str]] = {}
    for row in NAMED:
        found.setdefault(row.software, []).extend(sign.pattern for sign in row.signs[:1])
    return {software: tuple(dict.fromkeys(patterns)) for software, patterns in found.items()}
