"""``/.well-known/security.txt``: where to report a weakness of ours (RFC 9116)."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from survey.targets.campaign import Campaign

PATH = "/.well-known/security.txt"

_LONGEST = timedelta(days=365)
"""It should expire within a year (s2.5.5)."""


def security_text(campaign: Campaign, languages: tuple[str, ...], now: datetime) -> str:
    """The file, with line ends as RFC 9116 has them."""
    said = campaign.identity
    host = urlsplit(said.page).netloc
    lines = (
        f"# {said.operator}",
        f"Contact: mailto:{said.contact}",
        f"Expires: {now.astimezone(UTC) + _LONGEST:%Y-%m-%dT%H:%M:%SZ}",
        f"Canonical: https://{host}{PATH}",
        f"Policy: {said.page.rstrip('/')}/contact/",
        f"Preferred-Languages: {', '.join(languages)}",
    )
    return "".join(f"{line}\r\n" for line in lines)
