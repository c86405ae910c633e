"""Whether somebody who looks us up finds us: names, reverse names, probing file, explanation."""

from collections.abc import Callable, Iterator
from datetime import datetime
from html import unescape

from survey.identity.door import IdentityDoor, SilentError, UnseenError
from survey.identity.probing import read_probing, where
from survey.model.address import format_ip
from survey.model.plan import Identity


def unseen(identity: Identity, door: IdentityDoor, now: datetime) -> tuple[str, ...]:
    """What is wrong with how an identity is seen from outside, one line each, with the cure."""
    if not identity.source_addresses:
        return (
            "identity.source_addresses: nobody can tell whose packets they are; name the addresses",
        )
    looks: tuple[Callable[[Identity, IdentityDoor, datetime], Iterator[str]], ...] = (
        _forward,
        _reverse,
        _probing,
        _explanation,
    )
    problems: list[str] = []
    for look in looks:
        try:
            problems.extend(look(identity, door, now))
        except SilentError as error:
            return (*problems, str(error))
        except UnseenError as error:
            problems.append(str(error))
    return tuple(problems)


def _forward(identity: Identity, door: IdentityDoor, _: datetime) -> Iterator[str]:
    found = door.addresses(identity.helo)
    for ip in identity.source_addresses:
        if ip not in found:
            yield (
                f"{identity.helo} does not resolve to {format_ip(ip)}, from which probes come; "
                "add an A record"
            )


def _reverse(identity: Identity, door: IdentityDoor, _: datetime) -> Iterator[str]:
    for ip in identity.source_addresses:
        try:
            names = door.names(ip)
        except SilentError:
            raise
        except UnseenError as error:
            yield f"{format_ip(ip)} has no name: {error}; add a PTR record for {identity.helo}"
            continue
        if identity.helo not in names:
            yield (
                f"{format_ip(ip)} is called {', '.join(names)[:200]} in reverse DNS; "
                f"make that {identity.helo}"
            )


def _probing(identity: Identity, door: IdentityDoor, now: datetime) -> Iterator[str]:
    url = where(identity.helo)
    said = read_probing(door.page(url))
    if f"mailto:{identity.contact}".lower() not in [one.lower() for one in said.contacts]:
        yield f"{url} does not name {identity.contact} as its contact; serve it as it was made"
    if said.expires is None or said.expires <= now:
        yield f"{url} has expired, or does not say when it does; make it anew"
    if url not in said.canonical:
        yield f"{url} says that it belongs elsewhere; make it anew for this campaign"


def _explanation(identity: Identity, door: IdentityDoor, _: datetime) -> Iterator[str]:
    text = unescape(door.page(identity.page))
    if identity.contact.lower() not in text.lower():
        yield (
            f"{identity.page} does not name {identity.contact}, to whom to write; serve the page "
            "as it was made"
        )
