"""Generated pages are as they would be made now."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = runpy.run_path(str(ROOT / "infra" / "generated-docs" / "regenerate.py"))["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(name: str) -> None:
    """After a change of a schema or rule, run ``infra/generated-docs/regenerate.py``."""
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name]()
