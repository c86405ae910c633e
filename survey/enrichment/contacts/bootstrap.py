"""Which RDAP server has which addresses: IANA's file, as it was fetched on a day (RFC 9224)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from survey.errors import ConfigError
from survey.model.address import Range
from survey.targets.ranges import parse_cidr

CURE = "fetch IANA's ipv4.json again"
OLD = timedelta(days=180)
"""Ranges move between registries now and then."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The file.

    Attributes:
        published: When IANA published it, UTC.
        services: Each range with its server's base URL.
    """

    published: datetime
    services: tuple[tuple[Range, str], ...]

    def server_of(self, ip: int) -> str | None:
        """Base URL of the server that has an address, by the narrowest range; None if none has."""
        near = [(len(part), url) for part, url in self.services if ip in part]
        return min(near)[1] if near else None


def read_bootstrap(path: Path) -> Bootstrap:
    """The file, checked.

    Raises:
        ConfigError: It is missing, or no such file.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(path, "", f"can't be read ({error.strerror})", CURE) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(path, "", "is no JSON", CURE) from error
    try:
        published = datetime.fromisoformat(content["publication"])
        services = tuple(one for service in content["services"] for one in _service(service))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(path, "", f"is no RDAP bootstrap file ({error})", CURE) from error
    if published.tzinfo is None:
        published = published.replace(tzinfo=UTC)
    return Bootstrap(published.astimezone(UTC), services)


def _service(service: Any) -> list[tuple[Range, str]]:
    prefixes, urls = service
    secure = [url for url in urls if urlsplit(url).scheme == "https"]
    if not secure:
        return []  # RFC 7481 s3.5: without TLS anybody on the way may answer
    base = secure[0].rstrip("/") + "/"
    return [(parse_cidr(prefix), base) for prefix in prefixes]
