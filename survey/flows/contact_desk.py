"""Looks for the contacts of addresses: every source in its order, each mailbox checked."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from survey.enrichment.contacts.asking import Asking
from survey.enrichment.contacts.mailbox_place import why_not_there
from survey.enrichment.contacts.means import Means, read_means
from survey.enrichment.contacts.names import HostsFile, Names, Resolver, UnsureError
from survey.enrichment.contacts.overrides import Override, override_of, read_overrides
from survey.enrichment.contacts.pace import Pace
from survey.enrichment.contacts.sources import NotAskedError, Rdap, Source, open_sources
from survey.enrichment.lookup import contact_in, place_in
from survey.errors import ConfigError, MessageError
from survey.model.agency import Agency, closest_agency
from survey.model.contact import Contact, ContactSource, Sought, Tried
from survey.model.contact_answer import Answer, AnswerState
from survey.model.hostile import show_text
from survey.notify.recipient import check_recipient, is_registrys
from survey.settings import Settings
from survey.storage.agencies import read_agencies
from survey.storage.contact_answers import ContactAnswers
from survey.storage.layout import Layout
from survey.storage.registries import (
    Registries,
    Snapshot,
    SnapshotKind,
    in_force_by_source,
    registries_in_force,
)
from survey.storage.suppression_list import Cause, Suppressions, read_list
from survey.targets.optouts import read_log
from survey.targets.reach import reach

NO_SOURCE = "no source names a contact for this address"
_LANES = 8
"""Registries that are asked at the same time."""
SHOWN = 120
"""Characters of a stranger's words in a line of ours."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one source has for an address.

    Attributes:
        contacts: Best first.
        tried: What came of it, where there is no contact to tell of.
        waits: Nothing else is taken before this source has answered.
    """

    contacts: tuple[Contact, ...] = ()
    tried: Tried | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ContactDesk:
    """What looking for contacts needs, read once."""

    means: Means
    names: Names
    suppressions: Suppressions
    agencies: tuple[Agency, ...]
    overrides: tuple[Override, ...]
    sources: tuple[Source, ...]
    asking: Asking
    registries: Registries
    snapshots: tuple[Snapshot, ...]
    day: date

    def seek_all(self, ips: Iterable[int]) -> dict[int, Sought]:
        """The first usable contact of each; addresses of different registries at the same time.

        Registries limit how often they are asked, so nothing else makes it faster.
        """
        lanes: dict[str | None, list[int]] = {}
        for ip in sorted(set(ips)):
            lanes.setdefault(self._registry(ip), []).append(ip)
        over = threading.Event()

        def walk(lane: list[int]) -> list[Sought]:
            return [self.seek(ip) for ip in lane if not over.is_set()]

        with ThreadPoolExecutor(_LANES) as pool:
            try:
                found = [one for part in pool.map(walk, lanes.values()) for one in part]
            finally:
                over.set()  # after an error or Ctrl-C nobody goes on
        return {one.ip: one for one in sorted(found, key=lambda one: one.ip)}

    @property
    def bootstrap_published(self) -> datetime | None:
        """When IANA published the bootstrap file, UTC; None if there is none."""
        bootstraps = (one.bootstrap for one in self.sources if isinstance(one, Rdap))
        return next((one.published for one in bootstraps), None)

    def _registry(self, ip: int) -> str | None:
        bootstraps = (one.bootstrap for one in self.sources if isinstance(one, Rdap))
        return next((one.server_of(ip) for one in bootstraps), None)

    def seek(self, ip: int) -> Sought:
        """The first usable contact; a source is asked when its turn comes."""
        if ip in self.asking.avoid:
            return Sought(ip, None, "the address has opted out, so nobody is asked about it", ())
        tried: list[Tried] = []
        problem = NO_SOURCE
        for looked in self._look(ip, self._ask):
            if looked.tried:
                tried.append(looked.tried)
            if looked.waits:
                return Sought(ip, None, f"{tried[-1].said}; try again later", tuple(tried))
            for contact in looked.contacts:
                said, over = self._said_of(contact, ip)
                tried.append(Tried(contact.source, contact.server, said or contact.email))
                if not said:
                    return Sought(ip, contact, "", tuple(tried))
                problem = said
                if over:
                    return Sought(ip, None, problem, tuple(tried))
        return Sought(ip, None, problem, tuple(tried))

    def known(self, ip: int) -> tuple[Contact | Tried, ...]:
        """Everything that is known of an address without asking anybody, by source."""
        found: list[Contact | Tried] = []
        for looked in self._look(ip, self._recall):
            found += looked.contacts
            found += [looked.tried] if looked.tried else []
        return tuple(found)

    def _look(self, ip: int, ask: Callable[[Source, int], _Looked]) -> Iterator[_Looked]:
        country, asn = place_in(self.registries, ip)
        agency = closest_agency(self.agencies, ip, country, asn)
        if agency and (one := override_of(self.overrides, agency.id, ip, asn, self.day)):
            yield _Looked((one,))
        snapshot = contact_in(self.snapshots, ip)
        for kind in ContactSource:
            if kind is ContactSource.SNAPSHOT and snapshot:
                yield _Looked((snapshot,))
            for source in self.sources:
                if source.kind is kind:
                    yield ask(source, ip)
        if cert := self.means.cert_of(country):
            yield _Looked((cert,))

    def _ask(self, source: Source, ip: int) -> _Looked:
        try:
            answer = self.asking.answer(source, ip)
        except NotAskedError as error:
            return _Looked(tried=Tried(source.kind, "", f"not asked: {error}"))
        return _looked(answer, waits=self.asking.is_waited_for(source, answer))

    def _recall(self, source: Source, ip: int) -> _Looked:
        answer = self.asking.answers.of(source.kind, ip)
        return _looked(answer) if answer else _Looked()

    def _said_of(self, contact: Contact, ip: int) -> tuple[str, bool]:
        """Why a contact won't do, or ""; and whether nobody else may be looked for."""
        shown = show_text(contact.email, SHOWN)
        try:
            check_recipient(contact)
        except MessageError as error:
            return show_text(str(error), 2 * SHOWN), False
        if entry := self.suppressions.of(contact.email):
            why = show_text(entry.why, SHOWN)
            said = f"{shown} is suppressed since {entry.added_at:%Y-%m-%d}: {why}"
            return said, entry.cause is Cause.ASKED
        try:
            why = why_not_there(self.names, contact.email, [ip])
        except UnsureError as error:
            return f"{shown}: nobody knows now where its mail goes: {error}; try again later", True
        return (f"{shown}: {why}" if why else ""), False


def open_desk(settings: Settings, contacts: Path, now: datetime) -> ContactDesk:
    """Everything that ``contacts.toml`` names, read and checked.

    Raises:
        ConfigError: It, the bootstrap file, an override or an agency's file is wrong.
        GateClosedError: The suppression list or the opt-out log can't be trusted.
    """
    means, layout = read_means(contacts), Layout(settings.data)
    names = open_names(means)
    agencies = read_agencies(settings.agencies) if means.overrides else ()
    overrides: tuple[Override, ...] = ()
    if means.overrides:
        overrides = read_overrides(means.overrides, tuple(one.id for one in agencies))
        _check(means.overrides, overrides)
    optouts = read_log(means.optouts).ranges
    day = now.astimezone(UTC).date()
    return ContactDesk(
        means=means,
        names=names,
        suppressions=read_list(means.suppressed),
        agencies=agencies,
        overrides=overrides,
        sources=open_sources(means, names, reach(means.kind), Pace(means.most_questions)),
        asking=Asking(ContactAnswers(layout), means.cache, optouts, now),
        registries=registries_in_force(layout, day),
        snapshots=in_force_by_source(layout, SnapshotKind.CONTACT, day),
        day=day,
    )


def open_names(means: Means) -> Names:
    """The way to look names up.

    Raises:
        ConfigError: The hosts file can't be read.
    """
    if means.names.hosts is not None:
        return HostsFile(means.names.hosts)
    assert means.names.resolver is not None
    return Resolver(means.names.resolver)


def _looked(answer: Answer, *, waits: bool = False) -> _Looked:
    match answer.state:
        case AnswerState.UNSURE:
            said = f"not known: {show_text(answer.trouble, 2 * SHOWN)}"
            return _Looked(tried=Tried(answer.source, answer.server, said), waits=waits)
        case AnswerState.NOBODY:
            return _Looked(tried=Tried(answer.source, answer.server, "names nobody"))
        case AnswerState.FOUND:
            return _Looked(tuple(_contacts(answer)))


def _contacts(answer: Answer) -> Iterator[Contact]:
    for one in answer.mailboxes:
        yield Contact(
            email=one.email,
            name=one.name,
            language=one.language,
            snapshot="",
            source=answer.source,
            server=answer.server,
            found_at=answer.asked_at,
        )


def _check(folder: Path, overrides: tuple[Override, ...]) -> None:
    for one in overrides:
        if is_registrys(one.contact.email):
            raise ConfigError(
                folder / f"{one.agency}.toml",
                "contacts",
                f"{one.contact.email} is a registry's mailbox",
                "name who runs the network",
            )
