"""Questions about exposures across runs, as a notebook asks them (docs/lifecycle.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import duckdb
import pyarrow as pa

from survey.analysis.balance import balance, spans
from survey.analysis.churn import churn
from survey.analysis.closure import Closure, closure
from survey.analysis.database import Connection
from survey.analysis.effect import Effect, effect
from survey.analysis.membership import claim
from survey.analysis.notyet import check_there
from survey.analysis.suppression import publishable_effect
from survey.analysis.views import StoredRun
from survey.errors import ConfigError
from survey.model.agency import Jurisdiction
from survey.model.episode import Part, Span
from survey.storage import audit
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.targets.ranges import RangeSet

Relation = duckdb.DuckDBPyRelation

Choice = TypeVar("Choice", Part, Span)

_SCOPE = "CREATE OR REPLACE TEMP VIEW scope_episodes AS FROM {} WHERE campaign = {}"


class Lifecycle:
    """The part of an opened data directory that knows exposures across runs."""

    _layout: Layout
    _connection: Connection
    _runs: tuple[StoredRun, ...]
    _empty: frozenset[str]

    def episodes(self, campaign: str | None = None) -> Relation:
        """Every exposure from its first proof to its end, with its address as text; audited.

        One row per continuous exposure of (campaign, ip, port, kind).
        """
        check_there({"episodes"}, self._empty)
        audit.record(self._layout, "episodes", f"campaign={campaign}" if campaign else "all")
        return self._connection.sql(
            "SELECT ip_text(ip) AS address, * FROM episodes "
            "WHERE $campaign IS NULL OR campaign = $campaign "
            "ORDER BY campaign, ip, port, kind, number",
            params={"campaign": campaign},
        )

    def balance(
        self,
        by: str = "all",
        span: str = "run",
        campaign: str | None = None,
        jurisdiction: Jurisdiction | None = None,
        *,
        known: bool = False,
    ) -> Relation:
        """What became of the open servers in each period, one row per period and part.

        ``open_at_end = open_at_start + new + regressed - fixed - lost`` in every row.

        Args:
            by: ``all, kind, probe, country, registry_country, network, holder, organisation,
                block`` or ``software``.
            span: ``run`` or ``month``.
            campaign: Of which campaign; the newest judged run's if not given.
            jurisdiction: Only what belongs to it.
            known: Date ends when they were known; then a period that is over never changes.

        Raises:
            ConfigError: No such choice, or there are no episodes yet.
        """
        name = self._enter(campaign, jurisdiction)
        part, length = _choice(Part, "by", by), _choice(Span, "span", span)
        stretches = tuple(spans(length, self._ends(name), self._as_of(name)))
        return self._connection.from_arrow(balance(self._connection, stretches, part, known=known))

    def closure(
        self,
        by: str = "all",
        campaign: str | None = None,
        jurisdiction: Jurisdiction | None = None,
        starts: pa.Table | None = None,
    ) -> Relation:
        """Which share was closed after 7, 14, 30 and 90 days, and the median; one row per part.

        Args:
            by: As of ``balance``.
            campaign: As of ``balance``.
            jurisdiction: Only what belongs to it.
            starts: Instead of the first proof, when the clock starts for which target, and the
                group that it is counted in (``campaign, ip, port, kind, started_at, label``).

        Raises:
            ConfigError: As of ``balance``.
        """
        return self._connection.from_arrow(self._closure(by, campaign, jurisdiction, starts).shares)

    def closure_curve(
        self,
        by: str = "all",
        campaign: str | None = None,
        jurisdiction: Jurisdiction | None = None,
        starts: pa.Table | None = None,
    ) -> Relation:
        """Which share is still open after how many days, with its band; arguments as ``closure``.

        One row per part and day on which something closed.
        """
        return self._connection.from_arrow(self._closure(by, campaign, jurisdiction, starts).curve)

    def effect(
        self, campaign: str | None = None, agency: str | None = None, *, public: bool = False
    ) -> Relation:
        """Did the letter help: shares closed of those told and of those held out by lot.

        One row per (compared, arm, against, days): ``letter`` is told against held out; languages,
        media and wordings are compared among those told at once.  Counted by cases, as drawn, from
        the lot on (docs/experiments.md).

        Args:
            campaign: As of ``balance``.
            agency: Only its cases (agency id); each agency's lots are compared within themselves.
            public: Fit to be published: 30 days only, and small cells suppressed.

        Raises:
            ConfigError: There are no episodes yet, or nobody was written to.
        """
        table = self._effect(campaign, agency).differences
        return self._connection.from_arrow(publishable_effect(table) if public else table)

    def arms(self, campaign: str | None = None, agency: str | None = None) -> Relation:
        """What became of the cases that were drawn: letters delivered and bounced, and closed.

        One row per (compared, arm); arguments and errors as of ``effect``.
        """
        return self._connection.from_arrow(self._effect(campaign, agency).arms)

    def churn(
        self, campaign: str | None = None, jurisdiction: Jurisdiction | None = None
    ) -> Relation:
        """Networks whose servers come and go by themselves (``churn_dominated``), one row each.

        Raises:
            ConfigError: There are no episodes yet.
        """
        self._enter(campaign, jurisdiction)
        return self._connection.from_arrow(churn(self._connection))

    def _closure(
        self,
        by: str,
        campaign: str | None,
        jurisdiction: Jurisdiction | None,
        starts: pa.Table | None,
    ) -> Closure:
        self._enter(campaign, jurisdiction)
        return closure(self._connection, _choice(Part, "by", by), starts)

    def _effect(self, campaign: str | None, agency: str | None) -> Effect:
        check_there({"told"}, self._empty)
        name = self._enter(campaign, None)
        letters = self._connection.sql(
            "FROM told WHERE campaign = $campaign AND ($agency IS NULL OR agency = $agency)",
            params={"campaign": name, "agency": agency},
        )
        return effect(self._connection, letters.to_arrow_table())

    def _enter(self, campaign: str | None, jurisdiction: Jurisdiction | None) -> str:
        """Make ``scope_episodes`` the episodes of a campaign that belong to a jurisdiction."""
        check_there({"episodes"}, self._empty)
        judged = [one.plan for one in self._runs if one.judged]
        fitting = [plan for plan in judged if campaign in (None, plan.campaign)]
        if not fitting:
            raise ConfigError(
                self._layout.campaigns,
                "",
                f"no judged run of {campaign or 'any campaign'}",
                "run `survey episodes CAMPAIGN.toml`",
            )
        name = max(fitting, key=lambda plan: (plan.created_at, plan.campaign)).campaign
        source = "episodes"
        if jurisdiction is not None:
            claim(self._connection, jurisdiction, RangeSet.of(()))  # views hide who opted out
            source = "within('episodes')"
        quoted = "'" + name.replace("'", "''") + "'"  # a view can't bind values
        self._connection.execute(_SCOPE.format(source, quoted))
        return name

    def _ends(self, campaign: str) -> Sequence[tuple[str, datetime]]:
        """Each done run of a campaign and when it ended, oldest first."""
        runs = sorted(
            (one for one in self._runs if one.plan.campaign == campaign),
            key=lambda one: (one.plan.created_at, one.plan.run),
        )
        ends = (
            (one.plan.run, read_manifest(one.paths).ended_at)
            for one in runs
            if one.paths.done.exists()
        )
        return [(run, ended_at) for run, ended_at in ends if ended_at is not None]

    def _as_of(self, campaign: str) -> datetime | None:
        """The last moment whose checks count."""
        row = self._connection.execute(
            "SELECT max(as_of) FROM episodes WHERE campaign = $campaign", {"campaign": campaign}
        ).fetchall()[0]
        moment: datetime | None = row[0]
        return moment


def _choice(kinds: type[Choice], name: str, value: str) -> Choice:
    try:
        return kinds(value)
    except ValueError:
        known = ", ".join(kinds)
        raise ConfigError("episodes", name, f"{value!r} is unknown", f"one of {known}") from None
