# ruff: noqa: INP001 - a script, run by its path
"""Make ``docs/data-dictionary.md`` and ``docs/rules.md`` from the schemas and the rule tables."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from survey.analysis.rules import RELAY_RULES, TUNNEL_RULES, Rule
from survey.storage.schemas import TABLES

DOCS = Path(__file__).resolve().parents[2] / "docs"
MADE_BY = "<!-- made by infra/generated-docs/regenerate.py -->"


def data_dictionary() -> str:
    """Every table with its grain and fields."""
    parts = [
        f"""# Data dictionary

{MADE_BY}

Every table is Parquet with the schema below; the meaning of each field is also in the files
themselves (`metadata["doc"]`). Times are microseconds UTC. An `ip` is an IPv4 number
([decision 0001](decisions/0001-ipv4-numbers.md)); in a notebook `ip_text(ip)` gives the dotted
text. Bytes marked *hostile* came from strangers and are escaped wherever they are shown.
"""
    ]
    for name, schema in TABLES.items():
        grain = (schema.metadata or {})[b"grain"].decode()
        parts.append(f"## {name}\n\nGrain: {grain}.\n")
        parts.append(_table(("field", "type", "meaning"), map(_field, schema)))
    return "\n".join(parts)


def rules() -> str:
    """Both rule tables, in the order in which they are tried."""
    return f"""# Rules

{MADE_BY}

Every verdict names the rule that decided, by an id that is published here and never reused.

One observation (one variant of one probe) meets the rules of its table in this order, and the
first that applies decides. A target has several observations; the one that got highest on the
[ladder](architecture.md#proof) decides, and on one rung the one whose rule stands first. So a doubt
that may hide an open server (blocked, greylisted, the far end failed) outweighs a refusal, and a
refusal outweighs a silence. Controls (variants `C0`, `C1`) never decide. A later attempt replaces
an earlier one, but never a proof.

Nothing is *open* that our own canary has not confirmed. The conditions are in
`survey/analysis/rules.py`; why they are as they are, in
[decision 0050](decisions/0050-verdicts-are-rules.md).

## Mail relays

{_rule_table(RELAY_RULES)}
## Proxies

{_rule_table(TUNNEL_RULES)}"""


def _field(field: pa.Field) -> tuple[str, str, str]:
    meaning = (field.metadata or {})[b"doc"].decode()
    kind = str(field.type) + (", or null" if field.nullable else "")
    return f"`{field.name}`", kind, meaning


def _rule_table(table: Sequence[Rule]) -> str:
    rows = ((f"`{rule.id}`", rule.verdict, rule.rung.name, rule.comment) for rule in table)
    return _table(("rule", "verdict", "rung", "why"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PAGES = {"data-dictionary.md": data_dictionary, "rules.md": rules}


def main() -> None:
    """Write both pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
