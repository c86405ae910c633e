"""Which runs there are, found by name."""

from survey.errors import ConfigError
from survey.storage.layout import Layout


def find_run(layout: Layout, run: str, campaign: str | None = None) -> str:
    """The campaign that a run belongs to.

    Args:
        layout: Where to look.
        run: Run id, e.g. ``2026-W48``.
        campaign: Campaign id; needed only if several campaigns have a run of that name.

    Raises:
        ConfigError: There is none, or there are several.
    """
    plans = sorted(layout.campaigns.glob("*/*/plan.json"))
    pairs = [(path.parent.parent.name, path.parent.name) for path in plans]
    found = [name for name, id_ in pairs if id_ == run and campaign in {None, name}]
    if not found:
        known = ", ".join(f"{name}/{id_}" for name, id_ in pairs) or "none"
        raise ConfigError(layout.campaigns, "", f"no run {run!r}", f"runs there: {known}")
    if len(found) > 1:
        raise ConfigError(
            layout.campaigns, "", f"run {run!r} is in {', '.join(found)}", "name the campaign too"
        )
    return found[0]
