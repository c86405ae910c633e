"""To whom a letter about an address goes: every source in its order, each mailbox checked.

A mailbox is never a registry's, never suppressed, and never at the server under report; each of
that is asked again right before a letter leaves (``why_not``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from survey.enrichment.contacts.asking import Asking
from survey.enrichment.contacts.mailbox_place import why_not_there
from survey.enrichment.contacts.means import Means, read_means
from survey.enrichment.contacts.names import HostsFile, Names, Resolver, UnsureError
from survey.enrichment.contacts.overrides import Override, override_of, read_overrides
from survey.enrichment.contacts.pace import Pace
from survey.enrichment.contacts.sources import NotAskedError, Source, open_sources
from survey.enrichment.lookup import contact_of, place_of
from survey.errors import ConfigError, MessageError
from survey.mail.message import check_address
from survey.model.agency import Agency
from survey.model.contact import Contact, ContactSource, Sought, Tried
from survey.model.contact_answer import AnswerState
from survey.model.hostile import show_text
from survey.notify.recipient import check_recipient, is_registrys
from survey.settings import Settings
from survey.storage.agencies import read_agencies
from survey.storage.contact_answers import ContactAnswers
from survey.storage.layout import Layout
from survey.storage.suppression_list import Cause, Suppressions, read_list
from survey.targets.ranges import RangeSet
from survey.targets.reach import reach

CONTACTS = Path("contacts.toml")
"""Where contacts are looked for, if nothing else is said (``SURVEY_CONTACTS``)."""

NOBODY = RangeSet.of(())
NO_SOURCE = "no source names a contact for this address"
_SHOWN = 120


def contacts_for(
    settings: Settings,
    ips: Iterable[int],
    *,
    contacts: Path = CONTACTS,
    optouts: RangeSet = NOBODY,
    now: datetime | None = None,
) -> dict[int, Sought]:
    """The contact of each address, or why there is none.

    What sources answer is kept (``contacts/answers.parquet``) and used again while it is young.

    Args:
        settings: Where things are.
        ips: Addresses; once each is enough.
        contacts: ``contacts.toml``.
        optouts: Addresses that have opted out: nobody is asked about them.
        now: UTC; this moment if not given.

    Raises:
        ConfigError: ``contacts.toml``, an override or an agency's file is wrong.
        GateClosedError: The suppression list can't be trusted.
    """
    desk = _open(settings, contacts, optouts, now or datetime.now(UTC))
    try:
        return {ip: desk.seek(ip) for ip in sorted(set(ips))}
    finally:
        desk.asking.save()


def cert_for(contacts: Path, country: str) -> Contact | None:
    """The national CERT of a country (ISO 3166-1), if ``contacts.toml`` names it and we may write.

    Raises:
        ConfigError: ``contacts.toml`` is wrong.
        GateClosedError: The suppression list can't be trusted.
    """
    means = read_means(contacts)
    found = means.cert_of(country)
    return None if found is None or read_list(means.suppressed).of(found.email) else found


def why_not(contacts: Path, email: str, ips: Iterable[int]) -> str:
    """Why a mailbox must not be written to now about some servers, or "": to ask before sending.

    Args:
        contacts: ``contacts.toml``.
        email: To whom the letter goes.
        ips: All servers that it tells of.

    Raises:
        ConfigError: ``contacts.toml`` is wrong.
        GateClosedError: The suppression list can't be trusted.
    """
    means = read_means(contacts)
    try:
        check_address(email)
    except MessageError as error:
        return str(error)
    if is_registrys(email):
        return "it is a registry's mailbox"
    if entry := read_list(means.suppressed).of(email):
        return f"it is suppressed since {entry.added_at:%Y-%m-%d}: {show_text(entry.why, _SHOWN)}"
    try:
        return why_not_there(open_names(means), email, ips)
    except UnsureError as error:
        return f"nobody knows now where its mail goes: {error}; try again later"


def open_names(means: Means) -> Names:
    """The way to look names up.

    Raises:
        ConfigError: The hosts file can't be read.
    """
    if means.names.hosts is not None:
        return HostsFile(means.names.hosts)
    assert means.names.resolver is not None
    return Resolver(means.names.resolver)


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
class _Desk:
    """What looking for contacts needs, read once."""

    layout: Layout
    means: Means
    names: Names
    suppressions: Suppressions
    agencies: tuple[Agency, ...]
    overrides: tuple[Override, ...]
    sources: tuple[Source, ...]
    asking: Asking
    day: date

    def seek(self, ip: int) -> Sought:
        """The first usable contact."""
        if ip in self.asking.avoid:
            return Sought(ip, None, "the address has opted out, so nobody is asked about it", ())
        tried: list[Tried] = []
        problem = NO_SOURCE
        for looked in self._look(ip):
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

    def _look(self, ip: int) -> Iterator[_Looked]:
        """Every source in its order; one is looked at when its turn comes."""
        country, asn = place_of(self.layout, ip, self.day)
        agency = _agency_of(self.agencies, ip, country, asn)
        if agency and (one := override_of(self.overrides, agency.id, ip, asn, self.day)):
            yield _Looked((one,))
        snapshot = contact_of(self.layout, ip, self.day)
        for kind in ContactSource:
            if kind is ContactSource.SNAPSHOT and snapshot:
                yield _Looked((snapshot,))
            for source in self.sources:
                if source.kind is kind:
                    yield self._asked(source, ip)
        if cert := self.means.cert_of(country):
            yield _Looked((cert,))

    def _asked(self, source: Source, ip: int) -> _Looked:
        try:
            answer = self.asking.answer(source, ip)
        except NotAskedError as error:
            return _Looked(tried=Tried(source.kind, "", f"not asked: {error}"))
        if answer.state is AnswerState.UNSURE:
            said = f"not known: {show_text(answer.trouble, 2 * _SHOWN)}"
            waits = self.asking.is_waited_for(source, answer)
            return _Looked(tried=Tried(source.kind, answer.server, said), waits=waits)
        if answer.state is AnswerState.NOBODY:
            return _Looked(tried=Tried(source.kind, answer.server, "names nobody"))
        return _Looked(
            tuple(
                Contact(
                    email=one.email,
                    name=one.name,
                    language=one.language,
                    snapshot="",
                    source=source.kind,
                    server=answer.server,
                    found_at=answer.asked_at,
                )
                for one in answer.mailboxes
            )
        )

    def _said_of(self, contact: Contact, ip: int) -> tuple[str, bool]:
        """Why a contact won't do, or ""; and whether nobody else may be looked for."""
        shown = show_text(contact.email, _SHOWN)
        try:
            check_recipient(contact)
        except MessageError as error:
            return show_text(str(error), 2 * _SHOWN), False
        if entry := self.suppressions.of(contact.email):
            why = show_text(entry.why, _SHOWN)
            said = f"{shown} is suppressed since {entry.added_at:%Y-%m-%d}: {why}"
            return said, entry.cause is Cause.ASKED
        try:
            why = why_not_there(self.names, contact.email, [ip])
        except UnsureError as error:
            return f"{shown}: nobody knows now where its mail goes: {error}; try again later", True
        return (f"{shown}: {why}" if why else ""), False


def _open(settings: Settings, contacts: Path, optouts: RangeSet, now: datetime) -> _Desk:
    means, layout = read_means(contacts), Layout(settings.data)
    names = open_names(means)
    agencies = read_agencies(settings.agencies) if means.overrides else ()
    overrides: tuple[Override, ...] = ()
    if means.overrides:
        overrides = read_overrides(means.overrides, tuple(one.id for one in agencies))
        _check(means.overrides, overrides)
    return _Desk(
        layout=layout,
        means=means,
        names=names,
        suppressions=read_list(means.suppressed),
        agencies=agencies,
        overrides=overrides,
        sources=open_sources(means, names, reach(means.kind), Pace(means.most_questions)),
        asking=Asking(ContactAnswers(layout), means.cache, optouts, now),
        day=now.astimezone(UTC).date(),
    )


def _agency_of(
    agencies: tuple[Agency, ...], ip: int, country: str, asn: int | None
) -> Agency | None:
    """The agency that answers for an address: the closest; the first by id of equals."""

    def closeness(agency: Agency) -> int:
        return agency.jurisdiction.closeness(ip, country, asn)

    best = max(agencies, key=closeness, default=None)
    return best if best is not None and closeness(best) else None


def _check(folder: Path, overrides: tuple[Override, ...]) -> None:
    for one in overrides:
        if is_registrys(one.contact.email):
            raise ConfigError(
                folder / f"{one.agency}.toml",
                "contacts",
                f"{one.contact.email} is a registry's mailbox",
                "name who runs the network",
            )
