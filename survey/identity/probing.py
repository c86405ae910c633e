"""The probe description file of RFC 9511, in the format of RFC 9116."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from survey.targets.campaign import Campaign

PATH = "/.well-known/probing.txt"
"""Where it lies on every host that probes come from (RFC 9511 s3)."""

LONGEST = timedelta(days=365)
"""It should expire within a year (RFC 9116 s2.5.5)."""

LANGUAGES = ("en", "es")
"""In which the page that explains the survey is written."""


@dataclass(frozen=True, slots=True)
class Probing:
    """What such a file says; hostile where it was fetched.

    Attributes:
        contacts: URIs of whom to ask.
        expires: Until when it holds, or None if it does not say so.
        canonical: URLs at which it should be found.
        description: What the probes are for.
    """

    contacts: tuple[str, ...]
    expires: datetime | None
    canonical: tuple[str, ...]
    description: str


def where(helo: str) -> str:
    """The URL of the file on the host of that name."""
    return f"https://{helo}{PATH}"


def probing_text(campaign: Campaign, now: datetime) -> str:
    """The file of a campaign, with line ends as RFC 9116 has them; ASCII where the campaign is."""
    said = campaign.identity
    expires = now.astimezone(UTC) + LONGEST
    if campaign.valid_until is not None:
        expires = min(expires, campaign.valid_until.astimezone(UTC))
    lines = [
        f"# {said.operator}",
        f"Canonical: {where(said.helo)}",
        f"Contact: mailto:{said.contact}",
        f"Contact: {said.page}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(LANGUAGES)}",
        (
            f"Description: {campaign.campaign.purpose}; explained, with the way to opt out, at "
            f"{said.page}"
        ),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def read_probing(text: str) -> Probing:
    """What a file says; lines that are no field are passed over, as are fields unknown here."""
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    (expires,) = fields.get("expires", [""])[:1]
    return Probing(
        contacts=tuple(fields.get("contact", ())),
        expires=_moment(expires),
        canonical=tuple(fields.get("canonical", ())),
        description=" ".join(fields.get("description", ())),
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
