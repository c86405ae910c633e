"""Every kind of file that a data directory has: why it is kept, until when, and what erases it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of file of a data directory.

    Attributes:
        name: Its name; that of the table, where it is one.
        files: Glob pattern below the data directory.
        purpose: Why it is kept.
        period: The key of ``[retention]`` that ends it, or "" if nothing about a host is in it.
        counted_from: From when its days are counted.
        erasure: What an erasure does to it.
    """

    name: str
    files: str
    purpose: str
    period: str
    counted_from: str
    erasure: str


_ROWS = "rows about the address go; its text in other rows becomes asterisks"
_RUN = "campaigns/*/*/"
_ROUND = "campaigns/*/*/rounds/*/"

HOLDINGS = (
    Holding(
        "plan",
        f"{_RUN}plan.json",
        "what was to be tested, and on whose authority",
        "",
        "",
        "stays: it has ranges only; see below",
    ),
    Holding(
        "observations",
        f"{_RUN}shards/shard-*.parquet",
        "what verdicts rest on, and what `survey explain` tells an operator",
        "observations",
        "end of its shard; its bytes (`reply`, `received`, `sent`) go after `evidence`",
        _ROWS,
    ),
    Holding(
        "observations of rounds",
        f"{_ROUND}shards/shard-*.parquet",
        "as observations",
        "observations",
        "as observations",
        _ROWS,
    ),
    Holding(
        "compacted observations",
        f"{_RUN}observations.parquet",
        "as observations",
        "observations",
        "made again from the shards",
        "made again from the shards",
    ),
    Holding(
        "manifest",
        f"{_RUN}manifest.json",
        "which shards are committed, with their receipts: counts",
        "",
        "",
        "has no address",
    ),
    Holding(
        "manifest of rounds", f"{_ROUND}manifest.json", "as manifest", "", "", "has no address"
    ),
    Holding(
        "found",
        f"{_RUN}found.parquet",
        "what another scanner found open, for a scan to use",
        "evidence",
        "end of the run",
        "rows of the address go, once the run is done",
    ),
    Holding(
        "messages",
        f"{_RUN}messages/shard-*.log",
        "so that no host gets more test messages than it may",
        "observations",
        "last line",
        "lines about the address go",
    ),
    Holding(
        "messages of rounds",
        f"{_ROUND}messages/shard-*.log",
        "as messages",
        "observations",
        "last line",
        "lines about the address go",
    ),
    Holding(
        "followups",
        f"{_RUN}followups.log",
        "which targets are tested again, why and when",
        "observations",
        "when it was queued",
        "lines about the address go",
    ),
    Holding(
        "rounds",
        f"{_ROUND}round.json",
        "which follow-ups were made together",
        "observations",
        "when it was planned",
        "the address becomes one of 0.0.0.0/8",
    ),
    Holding(
        "findings",
        f"{_RUN}findings.parquet",
        "the verdicts, and whether doors were closed",
        "findings",
        "last observation of the run; `reply` and `banner` go after `evidence`",
        _ROWS,
    ),
    Holding(
        "hosts",
        f"{_RUN}hosts.parquet",
        "the verdicts by address",
        "findings",
        "last observation of the run",
        _ROWS,
    ),
    Holding(
        "counts",
        f"{_RUN}counts.parquet",
        "what remains of findings that went: counts, by country, network, program and verdict",
        "",
        "",
        "has no address",
    ),
    Holding(
        "tables of a campaign",
        "campaigns/**/*.parquet",
        "what analyses made of findings",
        "findings",
        "last time in its rows",
        _ROWS,
    ),
    Holding("retention", "campaigns/*/retention.json", "these periods", "", "", "has no address"),
    Holding(
        "run state",
        f"{_RUN}*.json",
        "how a run stands: `done`, `status`, `wishes`",
        "",
        "",
        "has no address",
    ),
    Holding("round state", f"{_ROUND}*.json", "how a round stands", "", "", "has no address"),
    Holding(
        "handouts",
        f"{_RUN}handouts.log",
        "when each shard was handed out",
        "",
        "",
        "has no address",
    ),
    Holding("handouts of rounds", f"{_ROUND}handouts.log", "as handouts", "", "", "has no address"),
    Holding(
        "arrivals log",
        "arrivals/*.log",
        "what reached our canary, as it came",
        "arrivals",
        "its day; `sender`, `helo` and `headers` go after `evidence`",
        _ROWS,
    ),
    Holding(
        "arrivals",
        "arrivals/*.parquet",
        "what proves a relay or proxy open",
        "arrivals",
        "made again from the log",
        _ROWS,
    ),
    Holding(
        "postmaster",
        "arrivals/postmaster/*",
        "what people wrote to us",
        "mail",
        "when it came",
        "messages that name the address go",
    ),
    Holding(
        "contacts",
        "registries/contact/*/*.parquet",
        "to whom a letter goes",
        "contacts",
        "retrieval",
        "entries for nothing but the address go",
    ),
    Holding(
        "contact_answers",
        "contacts/*.parquet",
        "to whom a letter goes, without asking again",
        "contacts",
        "when it was last asked",
        "answers for nothing but the address go",
    ),
    Holding(
        "listing snapshots",
        "registries/listing/*/*.parquet",
        "which public databases name an address, and since when",
        "listings",
        "retrieval",
        "entries for nothing but the address go",
    ),
    Holding(
        "registries",
        "registries/*/*/*.parquet",
        "which country and network ranges belong to",
        "registries",
        "when a newer one came into force; the newest stays",
        "stays: public registries of ranges, on which every count rests",
    ),
    Holding(
        "snapshots",
        "registries/*/*/snapshot.json",
        "whose data, when fetched, on which terms",
        "",
        "",
        "has no address",
    ),
    Holding(
        "listing_checks",
        "listings/*.parquet",
        "what DNSBLs answered about an address",
        "findings",
        "when it was last asked",
        _ROWS,
    ),
    Holding(
        "reports",
        "reports/**/*",
        "what an agency was given",
        "reports",
        "when it was written",
        "a report whose lists name the address goes, its pages and counts with them",
    ),
    Holding(
        "letters",
        "letters/**/*",
        "what an operator was told or would be told",
        "reports",
        "when it was written",
        "letters that name the address go",
    ),
    Holding(
        "ledger",
        "ledger.db*",
        "what was delivered to which agency, and how we know; cases, their letters and history; "
        "who has a key of the portal",
        "findings",
        "the last event of a case; its mailbox goes after `contacts`, marks of mail after `mail`, "
        "a key of the portal `contacts` days after its end",
        "findings of a case and events about the address go; so does whom it was about, if nothing "
        "else is left of it",
    ),
    Holding(
        "audit",
        "audit.log",
        "who exported what, when, by which filter",
        "audit",
        "when it was written",
        "its text becomes asterisks",
    ),
    Holding(
        "scratch",
        "scratch/**/*",
        "queries that need more than the memory",
        "",
        "a day after its last change",
        "has what a query works on; gone with it",
    ),
    Holding("copy", "copy.json", "which objects of a URL the files are", "", "", "has no address"),
    Holding("locks", "**/*.lock", "one process at a time", "", "", "empty"),
    Holding("coordinator", "coordinator.json", "who coordinated last", "", "", "has no address"),
)
"""Every file of a data directory is one of these; the first whose pattern fits says what."""
