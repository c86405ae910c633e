"""What every table that a question can name holds, and what its columns mean.

Stored tables say it in their schemas; what is computed says it here.
"""

import pyarrow as pa

from survey.analysis.notyet import MADE_BY
from survey.errors import ConfigError
from survey.model.exposure import By
from survey.storage.schemas import (
    ARRIVALS,
    CHECKS,
    COUNTRY_RANGES,
    COUNTS,
    EPISODES,
    FINDINGS,
    HOSTS,
    LISTING_CHECKS,
    LISTING_NAMES,
    LISTING_RANGES,
    NETWORK_RANGES,
    OBSERVATIONS,
    ORGANISATIONS,
    RECEIPTS,
    REGISTRATION_RANGES,
    SNAPSHOTS,
    TOLD,
)

STORED: dict[str, pa.Schema] = {
    "receipts": RECEIPTS,
    "observations": OBSERVATIONS,
    "arrivals": ARRIVALS,
    "findings": FINDINGS,
    "hosts": HOSTS,
    "counts": COUNTS,
    "checks": CHECKS,
    "episodes": EPISODES,
    "told": TOLD,
    "countries": COUNTRY_RANGES,
    "networks": NETWORK_RANGES,
    "registrations": REGISTRATION_RANGES,
    "organisations": ORGANISATIONS,
    "listings": LISTING_RANGES,
    "listing_names": LISTING_NAMES,
    "listing_checks": LISTING_CHECKS,
    "snapshots": SNAPSHOTS,
}
"""Tables as they lie on disk."""

KEYS: dict[By, tuple[str, ...]] = {
    By.NETWORK: ("asn", "network"),
    By.COUNTRY_AND_NETWORK: ("country", "asn", "network"),
}
"""The columns of a key, if they are not its name."""

_COUNTS = ("open", "suspected", "closed", "unknown", "answering")
_RATES = ("per_100k_answering", "per_100k_low", "per_100k_high")
_RANKS = ("rank", "rate_rank")
_BEFORE = (
    *("open", "open_before", "change", "answering", "answering_before"),
    *("per_100k_answering", "per_100k_before", "rate_change", "clear"),
    *("rank", "rank_before", "rank_change"),
)

MEANINGS: dict[str, str] = {
    "campaign": "campaign id",
    "run": "run id",
    "kind": "any, relay or proxy: which findings count",
    "country": "ISO country where the addresses were on the day they were seen; null: a gap",
    "registry_country": "ISO country where they are registered; EU, AP: a region; null: nobody's",
    "asn": "autonomous system number; null: a gap of the registry",
    "network": "name of the network, a stranger's words",
    "holder": "who they were registered to, registry:opaque id; null: nobody",
    "organisation": "who runs the network; null: not known",
    "block": "first address of a /24; text by block_text(block)",
    "software": "which program answered (fingerprints.md); null: not known",
    "probe": "which test",
    "open": "hosts with an open finding",
    "suspected": "hosts with a suspected finding and no open one",
    "closed": "hosts whose findings are all closed",
    "unknown": "hosts of which nothing certain is known, e.g. after a timeout",
    "answering": "hosts that accepted a connection on a port tested for this kind",
    "addresses": "addresses of the plan there, less opt-outs",
    "open_in_conflict": "open hosts whose registered country is another than where they are",
    "per_100k_answering": "open hosts per 100,000 answering ones",
    "per_100k_low": "lower end of its 95 % interval (Wilson)",
    "per_100k_high": "upper end of its 95 % interval (Wilson)",
    "per_million_addresses": "open hosts per million tested addresses",
    "people": "inhabitants in the last year known by then (World Bank)",
    "per_million_people": "open hosts per million inhabitants",
    "rank": "1 has the most open hosts; equals share a place, gaps have none",
    "rate_rank": "1 has the highest lower end of the interval, so that few hosts don't lead",
    "every": "run, week or month: how long a period is",
    "period": "run id, ISO week (2026-W48) or month (2026-11), UTC",
    "previous_period": "the period before of the same campaign that has a judged run",
    "previous_run": "the run that stands for it",
    "began": "start of the run's first shard, UTC",
    "complete": "whether the period has a complete run",
    "runs": "judged runs in the period; the last complete one stands for it",
    "open_before": "open in the period before",
    "change": "open less open_before; positive is worse",
    "answering_before": "answering in the period before",
    "per_100k_before": "per_100k_answering in the period before",
    "rate_change": "difference of the two rates; positive is worse",
    "clear": "the two 95 % intervals don't overlap: hardly chance alone",
    "rank_before": "rank in the period before",
    "rank_change": "places moved towards rank 1; positive is worse",
    "year": "calendar year",
    "plan_hash": "SHA-256 of the plan, hex",
    "created_at": "when the plan was frozen, UTC",
    "purpose": "what the campaign says it is for",
    "targets": "(address, port) pairs of the plan",
    "shards": "shards of the plan",
    "judged": "whether it has findings",
    "listing": "name of the public database",
    "ip": "address, as a number",
    "port": "port",
}
"""Of computed columns; the same word means the same in every table."""


def _exposure(by: By) -> tuple[str, ...]:
    addresses = () if by is By.SOFTWARE else ("addresses",)
    rates = () if by is By.SOFTWARE else ("per_million_addresses",)
    people: tuple[str, ...] = ()
    if by in {By.COUNTRY, By.REGISTRY_COUNTRY}:
        people = ("people", "per_million_people")
    return (
        *("campaign", "run", "kind", *KEYS.get(by, (by.value,)), *_COUNTS, *addresses),
        *("open_in_conflict", *_RATES, *rates, *_RANKS, *people),
    )


def _changes(by: By) -> tuple[str, ...]:
    key = KEYS.get(by, (by.value,))
    return ("campaign", "every", "period", "previous_period", "kind", *key, *_BEFORE)


def _spelt(by: By) -> str:
    return ", ".join(KEYS.get(by, (by.value,))[: 2 if by is By.COUNTRY_AND_NETWORK else 1])


COMPUTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "runs": (
        "one per planned run",
        (
            *("campaign", "run", "plan_hash", "created_at", "purpose", "addresses", "targets"),
            *("shards", "complete", "judged"),
        ),
    ),
    "periods": (
        "one per (campaign, every, period) with a judged run",
        (
            *("campaign", "every", "period", "run", "began", "complete", "runs"),
            *("previous_period", "previous_run"),
        ),
    ),
    "population": ("one per (country, year)", ("country", "year", "people")),
    **{
        f"exposure_by_{by}": (f"one per (campaign, run, kind, {_spelt(by)})", _exposure(by))
        for by in By
    },
    **{
        f"changes_by_{by}": (
            f"one per (campaign, every, period, kind, {_spelt(by)})",
            _changes(by),
        )
        for by in By
    },
}
"""Tables that are computed when asked: grain and columns."""

_MORE = {
    "listings": {
        "snapshot": "the copy it is from",
        "last_seen": "when that copy was fetched",
    },
    "listing_names": {
        "snapshot": "the copy it is from",
        "last_seen": "when that copy was fetched",
    },
}


def meanings(table: str) -> dict[str, str]:
    """What each column of a table means, in order.

    Raises:
        ConfigError: No such table.
    """
    if table in STORED:
        said = {field.name: (field.metadata or {})[b"doc"].decode() for field in STORED[table]}
        return said | _MORE.get(table, {})
    if table not in COMPUTED:
        known = ", ".join((*STORED, *COMPUTED))
        raise ConfigError("columns", "", f"there is no table {table!r}", f"one of {known}")
    return {name: MEANINGS[name] for name in COMPUTED[table][1]}


def columns_table(table: str | None) -> pa.Table:
    """Columns ``table, column, meaning``: of one table, or of all.

    Raises:
        ConfigError: No such table.
    """
    wanted = (table,) if table else (*STORED, *COMPUTED)
    rows = [(name, *said) for name in wanted for said in meanings(name).items()]
    names = ("table", "column", "meaning")
    return pa.table({name: [row[at] for row in rows] for at, name in enumerate(names)})


def tables_table(empty: frozenset[str]) -> pa.Table:
    """Columns ``table, grain, there, made_by``: all tables; what makes one that is not there."""
    grains = {name: (schema.metadata or {})[b"grain"].decode() for name, schema in STORED.items()}
    grains |= {name: grain for name, (grain, _) in COMPUTED.items()}
    missing = {
        name: "hosts" if name.startswith(("exposure_by_", "changes_by_")) else name
        for name in grains
    }
    there = [missing[name] not in empty for name in grains]
    cures = [MADE_BY.get(missing[name]) for name in grains]
    return pa.table(
        {
            "table": list(grains),
            "grain": list(grains.values()),
            "there": there,
            "made_by": [None if ready else cure for ready, cure in zip(there, cures, strict=True)],
        }
    )
