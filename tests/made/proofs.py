"""Tables that long proofs leave in docs/proofs.md, if SURVEY_PROOFS is set; else on the screen."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "proofs.md"


def record(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Put a table between the page's marks of that name."""
    lines = [header, ["---"] * len(header), *([str(cell) for cell in row] for row in rows)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    if "SURVEY_PROOFS" not in os.environ:
        sys.stdout.write(f"\n{name}\n{table}")
        return
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    assert found.search(page), f"{PAGE} has no place for {name}"
    PAGE.write_text(found.sub(lambda _: f"{begin}{table}{end}", page), encoding="utf-8")
