"""Open findings as the portal tells of them: what every feed says, no word more."""

from collections.abc import Iterable, Iterator

from survey.model.exposure import OpenServer
from survey.model.plan import Plan
from survey.portal.desk import FindingRow
from survey.reports.feeds.row import make_rows


def finding_rows(servers: Iterable[OpenServer], plan: Plan, page: str) -> Iterator[FindingRow]:
    """The rows of a run's servers, in their order; ``page`` is the operation's."""
    for row in make_rows(servers, plan.campaign, plan.run, page):
        yield FindingRow(
            id=str(row.id),
            ip=row.ip,
            port=row.port,
            probe=row.probe,
            rung=row.rung,
            rule=row.rule,
            confidence=row.confidence,
            severity=row.severity,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            hostname=row.hostname,
            asn=row.asn,
            network=row.network,
            country=row.geo,
            egress_ip=row.egress_ip,
            egress_elsewhere=row.egress_elsewhere,
            banner=row.banner,
            software=row.software,
            software_version=row.software_version,
            advice_url=row.advice_url,
        )
