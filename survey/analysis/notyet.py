"""Which command makes a table that is not there yet.

An empty answer would look like good news, so a question about such a table is refused.
"""

from collections.abc import Iterable

from survey.errors import ConfigError

_REGISTRY = "import one with `survey registry import {} FILE`, or see `survey registry sources`"

MADE_BY = {
    "runs": "make a run with `survey plan CAMPAIGN.toml`",
    "receipts": "run `survey scan CAMPAIGN.toml`",
    "observations": "run `survey scan CAMPAIGN.toml`",
    "arrivals": "run `survey canary CAMPAIGN.toml` while scanning; nothing has arrived yet",
    "findings": "run `survey findings CAMPAIGN.toml`",
    "hosts": "run `survey findings CAMPAIGN.toml`",
    "counts": "no run's verdicts have gone yet; `survey purge` leaves their counts here",
    "checks": "run `survey findings CAMPAIGN.toml`",
    "episodes": "run `survey episodes CAMPAIGN.toml`",
    "told": "nobody was written to yet; see `survey notify`",
    "countries": _REGISTRY.format("country"),
    "networks": _REGISTRY.format("network"),
    "registrations": _REGISTRY.format("registration"),
    "organisations": _REGISTRY.format("organisation"),
    "listings": "import one with `survey listings import FILE`",
    "listing_names": "import one with `survey listings import FILE`",
    "listing_checks": "ask with `survey listings check CAMPAIGN.toml`",
}
"""By table: what to do."""


def check_there(asked: Iterable[str], empty: frozenset[str]) -> None:
    """Nothing, if every table that is asked for has been written.

    Raises:
        ConfigError: One has not; says which command makes it.
    """
    for name in sorted(asked):
        needed = "hosts" if name.startswith(("exposure_by_", "changes_by_")) else name
        if needed in empty and needed in MADE_BY:
            raise ConfigError("query", "", f"the table {name} is not there yet", MADE_BY[needed])
