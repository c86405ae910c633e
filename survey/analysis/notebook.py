"""The notebook's way in: every table as a DuckDB relation, over the files as they lie on disk.

``s = survey.open("data")``; then ``s.exposure(by="country")``, ``s.findings()``, ``s.sql("...")``:
each a DuckDB relation, so ``.df()``, ``.pl()`` and ``.arrow()`` work.

What each table is and what its columns mean: ``s.tables()``, ``s.columns("findings")``, and
docs/data-dictionary.md and docs/questions.md.  Macros: ``ip_text(ip)``, ``ip_number('192.0.2.1')``,
``block_text(block)``, ``peer_text(exit_ip)``, ``bytes_text(reply)``.  Addresses that have opted out
by now are in no table.  Queries can only read, and only the tables; each one that can name a host
leaves a line in the audit log (law 8).
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import duckdb
import pyarrow as pa

from survey.analysis.database import Limits, connect
from survey.analysis.denominators import Denominators
from survey.analysis.dictionary import columns_table, tables_table
from survey.analysis.exposure import Asked, Exposure
from survey.analysis.judged_with import judged_with
from survey.analysis.lifecycle import Lifecycle
from survey.analysis.notyet import check_there
from survey.analysis.population import population
from survey.analysis.published import published
from survey.analysis.queries import query
from survey.analysis.questions import check_question
from survey.analysis.suppression import publishable
from survey.analysis.views import StoredRun, hidden, lock, make_views, stored_runs
from survey.errors import ConfigError, StorageError
from survey.model.address import parse_ip
from survey.model.agency import Jurisdiction
from survey.model.exposure import By, Every, Weakness
from survey.settings import read_settings
from survey.storage import audit
from survey.storage.damage import damaged_table
from survey.storage.layout import Layout
from survey.storage.remote import Remote
from survey.storage.working_copy import WorkingCopy

Relation = duckdb.DuckDBPyRelation

Choice = TypeVar("Choice", By, Weakness, Every)

MEMORY = "1GB"
"""What a question may use at most, unless it is opened with more."""


def open(  # noqa: A001 - the notebook's word for it
    data: str | Path | None = None,
    *,
    optouts: str | Path | None = None,
    memory: str = MEMORY,
    threads: int | None = None,
) -> "Survey":
    """Open a data directory.

    Args:
        data: The directory, or ``s3://bucket/prefix``, whose tables are copied to this machine
            first (docs/storage.md); ``$SURVEY_DATA`` or ``./data`` if not given.
        optouts: The organisation's opt-out log, if it does not lie where the plans say.
        memory: What a question may use at most, like ``4GB``; what needs more goes to the disk.
        threads: How many cores a question may use; all if not given.

    Raises:
        StorageError: There is no such directory, or a table in it is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    settings = read_settings(data=None if data is None else str(data))
    if settings.url:
        WorkingCopy(Layout(settings.data), Remote(settings.url)).fetch()
    log, layout = Path(optouts) if optouts else None, Layout(settings.data)
    try:
        return Survey(layout, log, Limits(memory, threads))
    except (duckdb.Error, pa.ArrowException) as error:
        raise damaged_table(layout) or error from error


class Survey(Lifecycle):
    """A data directory, opened for questions; one thread at a time."""

    def __init__(
        self, layout: Layout, optouts: Path | None = None, limits: Limits | None = None
    ) -> None:
        """See ``open``."""
        if not layout.root.is_dir():
            raise StorageError(f"{layout.root}: there is no such data directory; check --data")
        self._layout = layout
        self._runs = stored_runs(layout)
        gone = hidden(self._runs, optouts)
        self._connection = connect(layout, limits or Limits(MEMORY))
        views = make_views(self._connection, layout, self._runs, gone)
        self._empty = views.empty
        plans = [one.plan for one in self._runs if one.judged]
        denominators = Denominators(self._connection, layout, plans, gone.ever)
        self._exposure = Exposure(self._connection, plans, denominators)
        lock(self._connection, views.files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        """What is open, and where to go on."""
        judged = sum(one.judged for one in self._runs)
        return (
            f"<survey {self._layout.root.name}: {len(self._runs)} runs, {judged} judged; "
            "see .tables(), .columns(table), .exposure(), .changes(), .trend(), .sql()>"
        )

    def close(self) -> None:
        """Let go of the files; relations of this survey are of no use afterwards."""
        self._connection.close()

    def tables(self) -> Relation:
        """Every table that a question can name: ``name, grain, there``, and what makes it."""
        return self._connection.from_arrow(tables_table(self._empty))

    def columns(self, table: str | None = None) -> Relation:
        """What each column means: ``table, column, meaning``; of one table if given.

        Raises:
            ConfigError: No such table.
        """
        return self._connection.from_arrow(columns_table(table))

    def runs(self) -> Relation:
        """One row per planned run, newest first."""
        return self._connection.sql("FROM runs ORDER BY created_at DESC, campaign, run")

    def findings(self, campaign: str | None = None, run: str | None = None) -> Relation:
        """The verdicts, with each address as text; of one campaign or run if given.

        Raises:
            ConfigError: Nothing is judged yet.
        """
        return self._of_hosts("findings", campaign, run)

    def listed(self, campaign: str | None = None, run: str | None = None) -> Relation:
        """Which public listings name each finding's server, and since when; as of today.

        One row per finding and listing: ``since`` as the publisher says, ``seen_since`` and
        ``last_seen`` by our own copies and look-ups, ``known_since`` the first of the two.

        Raises:
            ConfigError: Nothing is judged yet.
        """
        return self._of_hosts("listed", campaign, run)

    def history(self, address: str) -> Relation:
        """What every run found on one address, oldest first.

        Raises:
            ConfigError: It is no IPv4 address, or nothing is judged yet.
        """
        check_there({"findings"}, self._empty)
        try:
            ip = parse_ip(address)
        except ValueError as error:
            raise ConfigError("history", "", f"{address!r} is no address", str(error)) from error
        audit.record(self._layout, "history", address)
        return self._connection.sql(query("history"), params={"ip": ip})

    def exposure(
        self,
        by: str = "country",
        kind: str = "any",
        campaign: str | None = None,
        run: str | None = None,
        *,
        country: str | None = None,
        jurisdiction: Jurisdiction | None = None,
        public: bool = False,
    ) -> Relation:
        """One run's open, suspected, closed and unknown hosts by some key, with rates and ranks.

        Args:
            by: ``country``, ``registry_country``, ``network``, ``country_and_network``,
                ``holder``, ``organisation``, ``block`` (/24), ``software`` or ``probe``.
            kind: ``relay``, ``proxy`` or ``any``.
            campaign: Of which campaign; the newest judged run's if not given.
            run: Of which run; the newest judged one if not given.
            country: Only what is in this country (ISO code).
            jurisdiction: Only what belongs to it; instead of ``country``.
            public: Fit to be published: a total, and small cells suppressed (docs/exposure.md).

        Raises:
            ConfigError: No such ``by`` or ``kind``, no such judged run, or no table to publish.
        """
        plan = self._judged(campaign, run).plan
        asked = _asked(by, kind, country, jurisdiction)
        table = self._exposure.of_run(asked, plan)
        return self._connection.from_arrow(publishable(table, asked.by) if public else table)

    def changes(
        self,
        by: str = "country",
        kind: str = "any",
        every: str = "month",
        period: str | None = None,
        *,
        campaign: str | None = None,
        country: str | None = None,
        jurisdiction: Jurisdiction | None = None,
    ) -> Relation:
        """A period beside the one before, by some key; what got worse first.

        ``change`` is in open hosts, ``rate_change`` in open hosts per 100,000 answering;
        ``clear`` says that the 95 % intervals of the two rates don't overlap.

        Args:
            by: As for ``exposure``.
            kind: ``relay``, ``proxy`` or ``any``.
            every: ``run``, ``week`` or ``month``; the last judged run of each counts.
            period: Like ``2026-11`` or ``2026-W48``; the newest if not given.
            campaign: Of which campaign; the newest judged run's if not given.
            country: Only what is in this country (ISO code).
            jurisdiction: Only what belongs to it; instead of ``country``.

        Raises:
            ConfigError: No such choice, no such period, or none before it.
        """
        campaign = self._judged(campaign, None).plan.campaign
        asked = _asked(by, kind, country, jurisdiction)
        table = self._exposure.changes(asked, campaign, _choice(Every, "every", every), period)
        return self._connection.from_arrow(table)

    def trend(
        self,
        by: str = "country",
        kind: str = "any",
        every: str = "run",
        *,
        campaign: str | None = None,
        country: str | None = None,
        jurisdiction: Jurisdiction | None = None,
    ) -> Relation:
        """Every period's exposure by some key, oldest first; arguments as for ``changes``.

        Raises:
            ConfigError: No such choice, or nothing is judged.
        """
        campaign = self._judged(campaign, None).plan.campaign
        asked = _asked(by, kind, country, jurisdiction)
        table = self._exposure.trend(asked, campaign, _choice(Every, "every", every))
        return self._connection.from_arrow(table)

    def published(self, campaign: str | None = None, every: str = "week") -> Relation:
        """Every whole period's exposure by country, fit to be published, oldest first.

        A period whose run is not complete is left out.  Relays and proxies together; a
        total in each period, small cells suppressed (docs/exposure.md).

        Raises:
            ConfigError: No such choice, or nothing is judged.
        """
        campaign = self._judged(campaign, None).plan.campaign
        rows = self._connection.execute(
            query("periods_of"),
            {"campaign": campaign, "every": str(_choice(Every, "every", every))},
        ).fetchall()
        plans = {one.plan.run: one.plan for one in self._runs if one.plan.campaign == campaign}
        periods = [
            (period, began, plans[run]) for period, run, _, _, began, complete in rows if complete
        ]
        table = published(self._exposure, periods)
        return self._connection.from_arrow(table).order(
            "began, total, suppressed, open DESC, country NULLS LAST"
        )

    def coverage(self, campaign: str | None = None, run: str | None = None) -> Relation:
        """What a run did, one row: targets planned, sent, excluded, opted out, and how they ended.

        Raises:
            ConfigError: No such judged run.
        """
        plan = self._judged(campaign, run).plan
        return self._connection.sql(
            query("coverage"), params={"campaign": plan.campaign, "run": plan.run}
        )

    def sources(self, campaign: str | None = None, run: str | None = None) -> Relation:
        """Whose data a run's figures rest on: ``kind, source, licence, attribution``.

        Say them wherever the figures are shown; some licences ask for it.

        Raises:
            ConfigError: No such judged run.
        """
        used = judged_with(self._layout, self._judged(campaign, run).plan).every
        people = population()
        rows = [(str(one.kind), one.source, one.licence, one.attribution) for one in used]
        rows.append(("population", people.source, people.licence, people.attribution))
        columns = ("kind", "source", "licence", "attribution")
        return self._connection.from_arrow(
            pa.table(
                {
                    name: pa.array(values, pa.string())
                    for name, values in zip(columns, zip(*rows, strict=True), strict=True)
                }
            )
        )

    def sql(self, question: str) -> Relation:
        """The answer to one SELECT, not yet fetched.

        Raises:
            ConfigError: It is not one statement that only reads our tables, or a table that it
                names is not there yet.
            duckdb.Error: DuckDB does not understand it.
        """
        check_there(check_question(self._connection, question), self._empty)
        self._exposure.prepare(question)
        audit.record(self._layout, "sql", question)
        return self._connection.sql(question)

    def table(self, question: str, *, rows: int, seconds: float) -> pa.Table:
        """The answer to one SELECT, fetched within limits: at most ``rows`` rows.

        Raises:
            ConfigError: DuckDB does not understand it, it does not only read, or it takes longer
                than ``seconds``.
        """
        clock = threading.Timer(seconds, self._connection.interrupt)
        clock.daemon = True
        clock.start()
        try:
            return self.sql(question).limit(rows).to_arrow_table()
        except duckdb.InterruptException as error:
            raise ConfigError(
                "query", "", f"takes longer than {seconds:g} s", "ask for less"
            ) from error
        except duckdb.Error as error:
            raise ConfigError("query", "", str(error).partition("\n")[0], "correct it") from error
        finally:
            clock.cancel()

    def _of_hosts(self, what: str, campaign: str | None, run: str | None) -> Relation:
        """Rows that name hosts, written down in the audit log."""
        check_there({"findings"}, self._empty)
        wanted = {"campaign": campaign, "run": run}
        stated = " ".join(f"{name}={value}" for name, value in wanted.items() if value)
        audit.record(self._layout, what, stated or "all")
        return self._connection.sql(query(f"named_{what}"), params=wanted)

    def _judged(self, campaign: str | None, run: str | None) -> StoredRun:
        """The newest judged run of those that fit."""
        fitting = [
            one
            for one in self._runs
            if one.judged and campaign in (None, one.plan.campaign) and run in (None, one.plan.run)
        ]
        if not fitting:
            wanted = "/".join(part for part in (campaign, run) if part) or "any campaign"
            raise ConfigError(
                self._layout.campaigns, "", f"no judged run of {wanted}", "run `survey findings`"
            )
        return max(fitting, key=lambda one: (one.plan.created_at, one.plan.campaign, one.plan.run))


def _asked(by: str, kind: str, country: str | None, jurisdiction: Jurisdiction | None) -> Asked:
    if country is not None:
        if jurisdiction is not None:
            raise ConfigError("exposure", "country", "stands beside a jurisdiction", "give one")
        jurisdiction = Jurisdiction(frozenset({country.upper()}), frozenset(), (), ())
    return Asked(_choice(By, "by", by), _choice(Weakness, "kind", kind), jurisdiction)


def _choice(kinds: type[Choice], name: str, value: str) -> Choice:
    try:
        return kinds(value)
    except ValueError:
        known = ", ".join(kinds)
        raise ConfigError("exposure", name, f"{value!r} is unknown", f"one of {known}") from None
