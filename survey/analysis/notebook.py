"""The notebook's way in: every table as a DuckDB relation, over the files as they lie on disk.

``s = survey.open("data")``; then ``s.exposure(by="country")``, ``s.findings()``, ``s.sql("...")``:
each a DuckDB relation, so ``.df()``, ``.pl()`` and ``.arrow()`` work.

Views: ``runs, findings, hosts, observations, receipts, arrivals``; of registries in force today
``countries, networks, registrations, organisations, listings, listing_names``; ``snapshots`` says
whose they are; ``listing_checks`` what was answered over DNS, ``listed`` which finding is listed.
Macros: ``ip_text(ip)``, ``ip_number('192.0.2.1')``, ``peer_text(exit_ip)``, ``bytes_text(reply)``.
Addresses that have opted out by now are in none of them.  Queries can only read, and only the files
behind the views; each one that can name a host leaves a line in the audit log (law 8).
"""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import duckdb
import pyarrow as pa

from survey.analysis.database import connect
from survey.analysis.exposure import By, Scope, Weakness, measure
from survey.analysis.judged_with import judged_with
from survey.analysis.queries import query
from survey.analysis.views import StoredRun, hidden, lock, make_views, stored_runs
from survey.errors import ConfigError, StorageError
from survey.model.agency import Jurisdiction
from survey.settings import read_settings
from survey.storage import audit
from survey.storage.layout import Layout
from survey.targets.ranges import RangeSet

Relation = duckdb.DuckDBPyRelation

Choice = TypeVar("Choice", By, Weakness)

_READ_ONLY = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


def open(  # noqa: A001 - the notebook's word for it
    data: str | Path | None = None, *, optouts: str | Path | None = None
) -> "Survey":
    """Open a data directory.

    Args:
        data: The directory; ``$SURVEY_DATA`` or ``./data`` if not given.
        optouts: The organisation's opt-out log, if it does not lie where the plans say.

    Raises:
        StorageError: There is no such directory, or a table in it is damaged.
        GateClosedError: The opt-out log can't be read, so nobody knows who must be left out.
    """
    settings = read_settings(data=None if data is None else str(data))
    return Survey(Layout(settings.data), Path(optouts) if optouts else None)


class Survey:
    """A data directory, opened for questions; one thread at a time."""

    def __init__(self, layout: Layout, optouts: Path | None = None) -> None:
        """See ``open``."""
        if not layout.root.is_dir():
            raise StorageError(f"{layout.root}: there is no such data directory; check --data")
        self._layout = layout
        self._runs = stored_runs(layout)
        self._hidden = hidden(self._runs, optouts)
        self._connection = connect(layout)
        files = make_views(self._connection, layout, self._runs, self._hidden)
        lock(self._connection, files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; relations of this survey are of no use afterwards."""
        self._connection.close()

    def runs(self) -> Relation:
        """One row per planned run, newest first."""
        return self._connection.sql("FROM runs ORDER BY created_at DESC, campaign, run")

    def findings(self, campaign: str | None = None, run: str | None = None) -> Relation:
        """The verdicts, with each address as text; of one campaign or run if given."""
        wanted = {"campaign": campaign, "run": run}
        stated = " ".join(f"{name}={value}" for name, value in wanted.items() if value)
        audit.record(self._layout, "findings", stated or "all")
        return self._connection.sql(query("named_findings"), params=wanted)

    def listed(self, campaign: str | None = None, run: str | None = None) -> Relation:
        """Which public listings name each finding's server, and since when; as of today.

        One row per finding and listing: ``since`` as the publisher says, ``seen_since`` and
        ``last_seen`` by our own copies and look-ups, ``known_since`` the first of the two.
        """
        wanted = {"campaign": campaign, "run": run}
        stated = " ".join(f"{name}={value}" for name, value in wanted.items() if value)
        audit.record(self._layout, "listed", stated or "all")
        return self._connection.sql(query("named_listed"), params=wanted)

    def exposure(
        self,
        by: str = "country",
        kind: str = "any",
        campaign: str | None = None,
        run: str | None = None,
        jurisdiction: Jurisdiction | None = None,
    ) -> Relation:
        """Open, suspected, closed and unknown hosts per country, network or program, with rates.

        Args:
            by: ``country``, ``network`` or ``software``.
            kind: ``relay``, ``proxy`` or ``any``.
            campaign: Of which campaign; the newest judged run's if not given.
            run: Of which run; the newest judged one if not given.
            jurisdiction: Only what belongs to it.

        Raises:
            ConfigError: No such ``by`` or ``kind``, or no such judged run.
        """
        scope = self._scope(campaign, run, jurisdiction)
        table = measure(
            self._connection, scope, _choice(By, "by", by), _choice(Weakness, "kind", kind)
        )
        return self._connection.from_arrow(table)

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
        """Whose registries a run's figures rest on: ``kind, source, licence, attribution``.

        Say them wherever the figures are shown; some licences ask for it.

        Raises:
            ConfigError: No such judged run.
        """
        used = judged_with(self._layout, self._judged(campaign, run).plan).every
        columns = ("kind", "source", "licence", "attribution")
        return self._connection.from_arrow(
            pa.table(
                {
                    name: pa.array([getattr(one, name) for one in used], pa.string())
                    for name in columns
                }
            )
        )

    def sql(self, question: str) -> Relation:
        """The answer to one SELECT, not yet fetched.

        Raises:
            ConfigError: It is not one statement that only reads.
            duckdb.Error: DuckDB does not understand it.
        """
        _check_reads_only(question)
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

    def _scope(
        self,
        campaign: str | None,
        run: str | None,
        jurisdiction: Jurisdiction | None,
    ) -> Scope:
        """Which hosts of which run are counted, with the snapshots that it was judged with.

        Raises:
            ConfigError: No such judged run.
        """
        plan = self._judged(campaign, run).plan
        main = judged_with(self._layout, plan).main
        return Scope(
            campaign=plan.campaign,
            run=plan.run,
            space=RangeSet.of(plan.ranges) - self._hidden.ever,
            jurisdiction=jurisdiction,
            registries=main,
        )

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


def _check_reads_only(question: str) -> None:
    try:
        statements = duckdb.extract_statements(question)
    except duckdb.Error as error:
        raise ConfigError("query", "", str(error).partition("\n")[0], "correct it") from error
    if len(statements) != 1 or statements[0].type not in _READ_ONLY:
        raise ConfigError("query", "", "is not one statement that only reads", "write one SELECT")


def _choice(kinds: type[Choice], name: str, value: str) -> Choice:
    try:
        return kinds(value)
    except ValueError:
        known = ", ".join(kinds)
        raise ConfigError("exposure", name, f"{value!r} is unknown", f"one of {known}") from None
