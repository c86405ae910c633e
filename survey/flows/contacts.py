"""To whom a letter about an address goes, and whether it may still go there.

A mailbox is never a registry's, never suppressed, and never at the server under report; each of
that is asked again right before a letter leaves (``why_not``).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from survey.enrichment.contacts.mailbox_place import why_not_there
from survey.enrichment.contacts.means import read_means
from survey.enrichment.contacts.names import UnsureError
from survey.errors import MessageError
from survey.flows.contact_desk import SHOWN, open_desk, open_names
from survey.mail.message import check_address
from survey.model.address import format_ip
from survey.model.contact import Contact, Sought, Tried
from survey.model.hostile import show_text
from survey.notify.recipient import is_registrys
from survey.settings import Settings
from survey.storage import audit
from survey.storage.layout import Layout
from survey.storage.suppression_list import (
    Cause,
    Suppression,
    Suppressions,
    init_list,
    read_list,
    suppress,
)
from survey.targets.optouts import read_log

CONTACTS = Path("contacts.toml")
"""Where contacts are looked for, if nothing else is said (``SURVEY_CONTACTS``)."""
_NAMED = 50
"""Addresses that an audit line names; of more it says how many."""


def contacts_for(
    settings: Settings,
    ips: Iterable[int],
    *,
    contacts: Path = CONTACTS,
    now: datetime | None = None,
) -> dict[int, Sought]:
    """The contact of each address, or why there is none.

    What sources answer is kept (``contacts/answers.parquet``) and used again while it is young.
    Nobody is asked about who opted out.

    Args:
        settings: Where things are.
        ips: Addresses; once each is enough.
        contacts: ``contacts.toml``.
        now: UTC; this moment if not given.

    Raises:
        ConfigError: ``contacts.toml`` or what it names, or an agency's file is wrong.
        GateClosedError: The suppression list or the opt-out log can't be trusted.
    """
    desk = open_desk(settings, contacts, now or datetime.now(UTC))
    try:
        return desk.seek_all(ips)
    finally:
        desk.asking.save()


def known_contacts(
    settings: Settings,
    ips: Iterable[int],
    *,
    contacts: Path = CONTACTS,
    now: datetime | None = None,
) -> dict[int, tuple[Contact | Tried, ...]]:
    """Everything that is known of each address, usable or not; nobody is asked.

    Raises:
        ConfigError: As above.
        GateClosedError: As above.
    """
    desk = open_desk(settings, contacts, now or datetime.now(UTC))
    return {ip: desk.known(ip) for ip in sorted(set(ips))}


def why_not(contacts: Path, email: str, ips: Iterable[int]) -> str:
    """Why a mailbox must not be written to now about some servers, or "": to ask before sending.

    Args:
        contacts: ``contacts.toml``.
        email: To whom the letter goes.
        ips: All servers that it tells of.

    Raises:
        ConfigError: ``contacts.toml`` is wrong.
        GateClosedError: The suppression list or the opt-out log can't be trusted.
    """
    means, servers = read_means(contacts), tuple(ips)
    try:
        check_address(email)
    except MessageError as error:
        return str(error)
    if is_registrys(email):
        return "it is a registry's mailbox"
    if entry := read_list(means.suppressed).of(email):
        return f"it is suppressed since {entry.added_at:%Y-%m-%d}: {show_text(entry.why, SHOWN)}"
    optouts = read_log(means.optouts).ranges
    if gone := [format_ip(ip) for ip in servers if ip in optouts]:
        return f"{gone[0]} has opted out"
    try:
        return why_not_there(open_names(means), email, servers)
    except UnsureError as error:
        return f"nobody knows now where its mail goes: {error}; try again later"


def cert_for(contacts: Path, country: str) -> Contact | None:
    """The national CERT of a country (ISO 3166-1), if ``contacts.toml`` names it and we may write.

    Raises:
        ConfigError: ``contacts.toml`` is wrong.
        GateClosedError: The suppression list can't be trusted.
    """
    means = read_means(contacts)
    found = means.cert_of(country)
    return None if found is None or read_list(means.suppressed).of(found.email) else found


def init_suppressions(contacts: Path) -> Path:
    """Make the empty suppression list that ``contacts.toml`` names, and say where.

    Raises:
        ConfigError: ``contacts.toml`` is wrong, or there is a list already.
    """
    path = read_means(contacts).suppressed
    init_list(path)
    return path


def suppressions(contacts: Path) -> Suppressions:
    """The suppression list.

    Raises:
        ConfigError: ``contacts.toml`` is wrong.
        GateClosedError: The list can't be trusted.
    """
    return read_list(read_means(contacts).suppressed)


def suppress_contact(  # noqa: PLR0917 - the columns of one entry, in their order
    settings: Settings,
    contacts: Path,
    what: str,
    cause: Cause,
    by: str,
    why: str,
    now: datetime | None = None,
) -> Suppression:
    """Write nothing more to a mailbox or domain; an audit line that names neither is left.

    Raises:
        ConfigError: ``contacts.toml`` is wrong, or it is neither a mailbox nor a domain.
        GateClosedError: The list can't be trusted.
    """
    moment = now or datetime.now(UTC)
    after = suppress(read_means(contacts).suppressed, what, cause, by, why, moment)
    audit.record(
        Layout(settings.data),
        "contact suppressed",
        f"entry={len(after.entries)} cause={cause}",
        now=moment,
    )
    return after.entries[-1]


def note_export(settings: Settings, what: str, ips: Iterable[int] | None = None) -> None:
    """An audit line about contacts that a person is shown: of some addresses, or all."""
    shown = [format_ip(ip) for ip in sorted(set(ips or ()))]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    which = "all" if ips is None else f"ip={','.join(shown[:_NAMED])}{more}"
    audit.record(Layout(settings.data), what, which)
