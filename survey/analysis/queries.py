"""The questions, one per file in ``sql/``; values are bound, never formatted in."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
