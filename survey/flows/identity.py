"""``survey identity``: make what says who we are, and see that it is served (law 7)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.errors import LocalError
from survey.identity.check import unseen
from survey.identity.door import IdentityDoor
from survey.identity.explanation import explanation_page
from survey.identity.probing import PATH, probing_text
from survey.identity.records import zone_lines
from survey.model.address import parse_ip
from survey.model.plan import Endpoint, Identity, Kind, Plan
from survey.storage.files import replace_text
from survey.targets.campaign import Campaign
from survey.targets.reach import reach


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """What was made.

    Attributes:
        page: The page that explains the survey; to be served at ``identity.page``.
        probing: The probe description file; to be served by every host that probes come from.
        records: Lines for the DNS zones.
    """

    page: Path
    probing: Path
    records: Path


def make_identity(campaign: Campaign, folder: Path, now: datetime | None = None) -> IdentityFiles:
    """Write all of it into a folder, as a web server may serve it; an earlier one is replaced."""
    moment = now or datetime.now(UTC)
    made = IdentityFiles(folder / "index.html", folder / PATH.lstrip("/"), folder / "records.zone")
    for path, text in (
        (made.page, explanation_page(campaign)),
        (made.probing, probing_text(campaign, moment)),
        (made.records, zone_lines(campaign)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text)
        path.chmod(0o644)  # it is for everybody
    return made


def unseen_of_campaign(campaign: Campaign) -> tuple[str, ...]:
    """What is wrong with how a campaign's identity is seen from outside, one line each."""
    said = campaign.identity
    identity = Identity(said.operator, said.contact, said.page, said.helo, said.source_addresses)
    return _unseen(identity, campaign.kind, campaign.names.source)


def unseen_of_plan(plan: Plan) -> tuple[str, ...]:
    """The same of a plan; nothing in a lab, which nobody outside ever hears."""
    return _unseen(plan.identity, plan.kind, plan.names) if plan.kind is Kind.SURVEY else ()


def assure_seen(plan: Plan) -> None:
    """See that a survey can be looked up before it sends anything.

    Raises:
        LocalError: It can't.
    """
    problems = unseen_of_plan(plan)
    if problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise LocalError(
            f"identity: {problems[0]}{more}; nothing is sent before all is in order, see "
            "`survey identity check`"
        )


def _unseen(identity: Identity, kind: Kind, names: str) -> tuple[str, ...]:
    resolver = _resolver(names)
    if kind is Kind.LAB and resolver is None:
        return ("names.resolver: is missing; in a lab no resolver but its own is asked",)
    door = IdentityDoor(identity, resolver, reach(kind))
    return unseen(identity, door, datetime.now(UTC))


def _resolver(names: str) -> Endpoint | None:
    """The campaign's own resolver, if it has one."""
    way, _, at = names.partition(":")
    if way != "dns":
        return None
    ip, _, port = at.rpartition(":")
    return Endpoint(parse_ip(ip), int(port))
