"""Secure Your Server: a polite survey of open mail relays and open proxies.

In a notebook, ``survey.open("data")`` gives the tables as DuckDB relations.  It is loaded lazily,
so that a scan worker never imports the analysis.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from survey.analysis.notebook import open  # noqa: A004 - the notebook's word for it

__all__ = ["open"]


def __getattr__(name: str) -> Any:
    """Import ``open`` at its first use (PEP 562)."""
    if name == "open":
        from survey.analysis.notebook import open as open_  # noqa: PLC0415 - lazy on purpose

        return open_
    raise AttributeError(f"module 'survey' has no attribute {name!r}")
