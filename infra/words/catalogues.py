# ruff: noqa: INP001, T201 - a script, run by its path
"""Bring the catalogues up to date with the code (see the runbook beside this file)."""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "survey" / "reports"
SITE = ROOT / "survey" / "site"
PORTAL = ROOT / "survey" / "portal"
KEYWORDS = {"say": None, "count": (1, 2)}
FORMS = [("**.py", "python"), ("pages/**.html", "jinja2")]


def source(stage: Path = REPORTS) -> Catalog:
    """Every text of a stage's code and pages, in its order."""
    catalogue = Catalog(project="survey", charset="utf-8")
    for file, line, message, comments, _ in extract_from_dir(
        stage, method_map=FORMS, keywords=KEYWORDS, comment_tags=("i18n:",)
    ):
        catalogue.add(
            message, locations=[(f"survey/{stage.name}/{file}", line)], auto_comments=comments
        )
    return catalogue


def catalogues(stage: Path = REPORTS) -> Iterator[tuple[Path, Catalog]]:
    """Every language's file of a stage and what is in it."""
    for path in sorted((stage / "words").glob("*.po")):
        with path.open("rb") as file:
            yield path, read_po(file, locale=path.stem.replace("-", "_"))


def main() -> None:
    """Add new texts to each catalogue, untranslated; drop what the code has no more."""
    for stage in (REPORTS, SITE, PORTAL):
        fresh = source(stage)
        for path, catalogue in catalogues(stage):
            catalogue.update(fresh, no_fuzzy_matching=True, update_creation_date=False)
            with path.open("wb") as file:
                write_po(file, catalogue, width=100, ignore_obsolete=True, no_location=True)
            empty = sum(1 for message in catalogue if message.id and not message.string)
            name = path.relative_to(ROOT / "survey")
            print(f"{name}: {len(catalogue)} texts, {empty} to translate")


if __name__ == "__main__":
    main()
