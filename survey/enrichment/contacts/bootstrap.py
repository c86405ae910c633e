"""Which RDAP server has which addresses: IANA's file, as it was fetched on a day (RFC 9224)."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from survey.enrichment.download import Door, Limits, download
from survey.errors import ConfigError, StorageError
from survey.model.address import Range
from survey.storage.files import replacing
from survey.targets.ranges import parse_cidr

CURE = "fetch IANA's ipv4.json again"
OLD = timedelta(days=180)
"""Ranges move between registries now and then."""


URL = "https://data.iana.org/rdap/ipv4.json"
_HOSTS = frozenset({"data.iana.org"})
_LIMITS = Limits(200, 1 << 20, frozenset({"application/json"}))


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


def fetch_bootstrap(  # noqa: D417 - pause is for tests
    path: Path,
    *,
    mirror: str = "",
    pause: Callable[[float], None] = time.sleep,
) -> Bootstrap:
    """Fetch IANA's file; it takes the place of the one at ``path`` if it is whole and no older.

    Args:
        path: Where to put it.
        mirror: Asked instead of IANA: the same path below this address.

    Raises:
        StorageError: It can't be had, or is not what was asked for; the old one stays.
    """
    with replacing(path) as part:
        download(URL, part, Door(_HOSTS, mirror), _LIMITS, progress=_silently, pause=pause)
        try:
            fetched = read_bootstrap(part)
        except ConfigError as error:
            raise StorageError(f"{URL}: {error.problem}; fetch it by hand") from error
        if path.is_file() and fetched.published < read_bootstrap(path).published:
            raise StorageError(f"{URL}: is older than {path}, which stays")
    return fetched


def _silently(here: int, total: int | None) -> None:
    """It is small."""


def _service(service: Any) -> list[tuple[Range, str]]:
    prefixes, urls = service
    secure = [url for url in urls if urlsplit(url).scheme == "https"]
    if not secure:
        return []  # RFC 7481 s3.5: without TLS anybody on the way may answer
    base = secure[0].rstrip("/") + "/"
    return [(parse_cidr(prefix), base) for prefix in prefixes]
