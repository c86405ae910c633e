"""How exposed countries, networks, holders, programs are: findings counted, with denominators.

Hosts are distinct addresses.  Rates have three denominators: hosts that answered, addresses that
were tested, and people; the first has a Wilson interval, since it is a sample of the answering
hosts.  Nobody knows what an address that did not answer would have run, so a program has the first
one only.  The formulas are in ``sql/counted.sql``, comparisons in ``sql/changed.sql``.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from survey.analysis.database import Connection, hold
from survey.analysis.denominators import Denominators
from survey.analysis.membership import claim
from survey.analysis.population import population
from survey.analysis.queries import query
from survey.errors import ConfigError
from survey.model.agency import Jurisdiction
from survey.model.exposure import By, Every, Weakness
from survey.model.plan import Plan
from survey.targets.ranges import RangeSet

_SHARED = (
    *("kinds", "periods", "run_years", "scoped", "seen_hosts", "seen_findings"),
    *("counted", "changed"),
)
_NAMED = re.compile(rf"\b(?:exposure|changes|counted)_by_({'|'.join(By)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted, and of whom.

    Attributes:
        by: The key.
        weakness: Which findings.
        jurisdiction: Only what belongs to it; None for all.
    """

    by: By
    weakness: Weakness = Weakness.ANY
    jurisdiction: Jurisdiction | None = None


@dataclass(frozen=True, slots=True)
class _Period:
    """A period with the run that stands for it, and the same of the one before."""

    period: str
    run: str
    previous_period: str | None
    previous_run: str | None


class Exposure:
    """The views ``exposure_by_*`` and ``changes_by_*`` of an open data directory, and answers."""

    def __init__(
        self, connection: Connection, plans: Sequence[Plan], denominators: Denominators
    ) -> None:
        """Make what all of them share; each pair of views is made when it is first needed."""
        self._connection = connection
        self._plans = {(plan.campaign, plan.run): plan for plan in plans}
        self._denominators = denominators
        self._made: set[By] = set()
        hold(connection, "population", population().table)
        for name in _SHARED:
            connection.execute(query(name))

    def prepare(self, question: str) -> None:
        """Have the views ready that a question names."""
        for name in _NAMED.findall(question):
            by = By(name.lower())
            self._make(by)
            self._denominators.count(by)

    def of_run(self, asked: Asked, plan: Plan) -> pa.Table:
        """One run's exposure: one row per key, most open hosts first."""
        with self._scope(asked, plan.campaign, (plan.run,)):
            return self._connection.sql(
                f"SELECT * EXCLUDE (campaign, run, kind) FROM exposure_by_{asked.by} "  # noqa: S608
                "WHERE campaign = $campaign AND run = $run AND kind = $kind "
                f"ORDER BY {_worst_first(asked.by)}",
                params={
                    "campaign": plan.campaign,
                    "run": plan.run,
                    "kind": str(asked.weakness),
                },
            ).to_arrow_table()

    def trend(self, asked: Asked, campaign: str, every: Every) -> pa.Table:
        """Every period's exposure: one row per period and key, oldest first."""
        runs = tuple(one.run for one in self._periods(campaign, every))
        with self._scope(asked, campaign, runs):
            return self._connection.sql(
                "SELECT p.period, p.began, e.* EXCLUDE (campaign, run, kind) "  # noqa: S608
                f"FROM exposure_by_{asked.by} AS e "
                "JOIN periods AS p ON e.campaign = p.campaign AND e.run = p.run "
                "WHERE p.campaign = $campaign AND p.every = $every AND e.kind = $kind "
                f"ORDER BY p.began, {_worst_first(asked.by)}",
                params={
                    "campaign": campaign,
                    "every": str(every),
                    "kind": str(asked.weakness),
                },
            ).to_arrow_table()

    def changes(
        self, asked: Asked, campaign: str, every: Every, period: str | None = None
    ) -> pa.Table:
        """A period (the newest, if not given) beside the one before: what got worse first.

        Raises:
            ConfigError: There is no such period, or none before it.
        """
        now = self._period(campaign, every, period)
        assert now.previous_run is not None
        with self._scope(asked, campaign, (now.run, now.previous_run)):
            return self._connection.sql(
                "SELECT period, previous_period, * EXCLUDE "  # noqa: S608
                "(campaign, every, period, previous_period, kind) "
                f"FROM changes_by_{asked.by} "
                "WHERE campaign = $campaign AND every = $every AND period = $period "
                "AND kind = $kind "
                "ORDER BY change DESC, rate_change DESC NULLS LAST, open DESC, "
                f"{_key(asked.by)}",
                params={
                    "campaign": campaign,
                    "every": str(every),
                    "period": now.period,
                    "kind": str(asked.weakness),
                },
            ).to_arrow_table()

    def _make(self, by: By) -> None:
        if by not in self._made:
            self._connection.execute(query(f"exposure_by_{by}"))
            self._made.add(by)

    @contextmanager
    def _scope(self, asked: Asked, campaign: str, runs: Sequence[str]) -> Iterator[None]:
        """Count only these runs, and only what is a jurisdiction's."""
        self._make(asked.by)
        plans = [self._plans[campaign, run] for run in dict.fromkeys(runs)]
        self._denominators.count(asked.by, plans, asked.jurisdiction)
        # a view can't bind values; these are names of folders that the plans are in
        listed = ", ".join(_literal(run) for run in runs)
        only = f"WHERE campaign = {_literal(campaign)} AND run IN ({listed})"
        if asked.jurisdiction is not None:
            claim(self._connection, asked.jurisdiction, RangeSet.of(()))  # views hide opt-outs
        try:
            for name in ("hosts", "findings"):
                source = f"within('{name}')" if asked.jurisdiction is not None else name
                self._connection.execute(
                    f"CREATE OR REPLACE TEMP VIEW scoped_{name} AS FROM {source} {only}"
                )
            yield
        finally:
            self._connection.execute(query("scoped"))

    def _periods(self, campaign: str, every: Every) -> list[_Period]:
        """Newest first."""
        rows = self._connection.execute(
            query("periods_of"), {"campaign": campaign, "every": str(every)}
        ).fetchall()
        return [_Period(*row[:4]) for row in rows]

    def _period(self, campaign: str, every: Every, wanted: str | None) -> _Period:
        known = self._periods(campaign, every)
        found = [one for one in known if wanted in (None, one.period)]
        if not found:
            names = ", ".join(one.period for one in known[:6]) or "none"
            raise ConfigError(
                "exposure",
                "period",
                f"no judged {every} {wanted!r} of {campaign}",
                f"one of {names}",
            )
        if found[0].previous_run is None:
            raise ConfigError(
                "exposure",
                "every",
                f"{campaign} has no judged {every} before {found[0].period}",
                "judge an earlier run with `survey findings`, or compare every run",
            )
        return found[0]


def _worst_first(by: By) -> str:
    return f"open DESC, suspected DESC, answering DESC, {_key(by)}"


def _key(by: By) -> str:
    """The columns of a key, gaps last."""
    names = {By.NETWORK: ("asn",), By.COUNTRY_AND_NETWORK: ("country", "asn")}.get(by, (by,))
    return ", ".join(f"{name} NULLS LAST" for name in names)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
