"""What ``contacts.toml`` and the files that it names come to, for the person who keeps them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from survey.enrichment.contacts.bootstrap import CURE, OLD, fetch_bootstrap
from survey.enrichment.contacts.means import read_means
from survey.errors import ConfigError
from survey.flows.contact_desk import open_desk
from survey.model.contact import ContactSource
from survey.settings import Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """What ``contacts.toml`` and what it names come to; everything was read, nobody was asked.

    Attributes:
        asked: Whom it allows to be asked: source and host, zone or nothing.
        overrides: How many entries agencies have.
        suppressed: Entries of the suppression list.
        opted_out: Addresses about which nobody is asked.
        certs: Countries whose CERT is known.
        bootstrap: When IANA published the bootstrap file (UTC), or None if there is none.
        remarks: What a person should know, one line each.
    """

    asked: tuple[tuple[ContactSource, str], ...]
    overrides: int
    suppressed: int
    opted_out: int
    certs: tuple[str, ...]
    bootstrap: datetime | None
    remarks: tuple[str, ...]


def standing(settings: Settings, contacts: Path, now: datetime | None = None) -> Standing:
    """Read everything that finding contacts needs, and say what it comes to.

    Raises:
        ConfigError: ``contacts.toml`` or what it names, or an agency's file is wrong.
        GateClosedError: The suppression list or the opt-out log can't be trusted.
    """
    moment = now or datetime.now(UTC)
    desk = open_desk(settings, contacts, moment)
    published, means = desk.bootstrap_published, desk.means
    remarks = []
    if published and means.rdap and moment - published >= OLD:
        remarks.append(f"{means.rdap.bootstrap}: was published on {published:%Y-%m-%d}; {CURE}")
    if not desk.sources:
        remarks.append(
            f"{contacts}: allows nobody to be asked, so only tables of ours are looked at"
        )
    return Standing(
        asked=tuple((one.kind, place) for one in desk.sources for place in one.places),
        overrides=len(desk.overrides),
        suppressed=len(desk.suppressions.entries),
        opted_out=desk.asking.avoid.size,
        certs=tuple(sorted(one.country for one in means.certs)),
        bootstrap=published,
        remarks=tuple(remarks),
    )


@dataclass(frozen=True, slots=True)
class Renewed:
    """A bootstrap file that was fetched.

    Attributes:
        path: Where it is.
        published: When IANA published it, UTC.
        ranges: How many ranges it has.
        not_asked: Servers in it that ``contacts.toml`` does not allow to be asked.
    """

    path: Path
    published: datetime
    ranges: int
    not_asked: tuple[str, ...]


def renew_bootstrap(contacts: Path, mirror: str = "") -> Renewed:
    """Fetch the bootstrap file that ``contacts.toml`` names.

    Raises:
        ConfigError: ``contacts.toml`` is wrong, or names none.
        StorageError: It can't be had; the old one stays.
    """
    rdap = read_means(contacts).rdap
    if rdap is None:
        raise ConfigError(contacts, "rdap", "is missing", "add it, with bootstrap and hosts")
    fetched = fetch_bootstrap(rdap.bootstrap, mirror=mirror)
    servers = {urlsplit(url).netloc for _, url in fetched.services}
    return Renewed(
        path=rdap.bootstrap,
        published=fetched.published,
        ranges=len(fetched.services),
        not_asked=tuple(sorted(servers - set(rdap.hosts))),
    )
