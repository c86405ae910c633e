"""The participating agencies: where two see the same, and whether their files can be used today."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations

from survey.analysis.space import territory
from survey.errors import ConfigError
from survey.mail.openpgp import read_certificate
from survey.model.agency import Agency
from survey.notify.experiment import check_languages
from survey.settings import Settings
from survey.storage.agencies import overlaps, read_agencies
from survey.storage.keys import EXPERIMENT, read_key
from survey.storage.layout import Layout
from survey.storage.logo import read_logo
from survey.storage.registries import registries_in_force


@dataclass(frozen=True, slots=True)
class SharedSpace:
    """Two agencies that both see some addresses, by the registries in force.

    Attributes:
        first: Agency id.
        second: Agency id, after ``first`` in order.
        claims: What both claim in the same words; empty if the registries alone tell.
        addresses: How many addresses both see; None while no registry can tell.
    """

    first: str
    second: str
    claims: tuple[str, ...]
    addresses: int | None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about an agency that a person should know before its next report.

    Attributes:
        agency: Agency id.
        text: What, and what would be right; one line.
        wrong: Whether a delivery would fail over it.
    """

    agency: str
    text: str
    wrong: bool


def shared_space(settings: Settings, now: datetime | None = None) -> tuple[SharedSpace, ...]:
    """Every pair of agencies that claim the same, or see the same by the registries in force.

    Raises:
        ConfigError: An agency's file is wrong.
    """
    agencies = read_agencies(settings.agencies)
    claims: dict[tuple[str, str], list[str]] = {}
    for one in overlaps(agencies):
        claims.setdefault((one.first, one.second), []).append(one.shared)
    known = registries_in_force(Layout(settings.data), (now or datetime.now(UTC)).date())
    space = {
        agency.id: territory(agency.jurisdiction, known.country, known.network)
        for agency in agencies
    }
    told = known.country is not None or known.network is not None
    found = []
    for first, second in combinations(sorted(space), 2):
        size = (space[first] & space[second]).size
        words = tuple(claims.get((first, second), ()))
        if size or words:
            found.append(SharedSpace(first, second, words, size if told else None))
    return tuple(found)


def check_agencies(settings: Settings) -> tuple[Remark, ...]:
    """What is amiss with the agencies' files today; an empty answer is good.

    Raises:
        ConfigError: A file can't be read as an agency at all.
    """
    return tuple(
        remark
        for agency in read_agencies(settings.agencies)
        for remark in (*_remarks(agency), *_experiment(settings, agency))
    )


def _remarks(agency: Agency) -> Iterator[Remark]:
    if agency.openpgp is not None:
        try:
            read_certificate(agency.openpgp, agency.fingerprint)
        except ConfigError as error:
            yield Remark(agency.id, str(error), wrong=True)
    elif agency.delivery:
        yield Remark(
            agency.id,
            "gives no OpenPGP key: what is delivered is protected on its way only; "
            "ask for one and name it in [keys]",
            wrong=False,
        )
    if not agency.delivery:
        yield Remark(
            agency.id, "has no delivery: reports are made and stay here; add one", wrong=False
        )
    if agency.logo is not None:
        try:
            read_logo(agency.logo)
        except ConfigError as error:
            yield Remark(agency.id, str(error), wrong=True)
    if not agency.contacts:
        yield Remark(
            agency.id, "names nobody to call when something goes wrong; add contacts", wrong=False
        )


def _experiment(settings: Settings, agency: Agency) -> Iterator[Remark]:
    """What it signed, in words, so that nobody waits for a letter unnoticed."""
    signed = agency.experiment
    if signed is None:
        return
    try:
        check_languages(agency)
        read_key(settings.keys, EXPERIMENT)
    except ConfigError as error:
        yield Remark(agency.id, str(error), wrong=True)
    waits = f"{signed.share:.0%} of its cases wait up to {max(signed.days)} days for their letter"
    until = "without an end" if signed.until is None else f"until {signed.until}"
    yield Remark(
        agency.id,
        f"signed by {signed.signed_by} on {signed.signed_on}, {signed.reference}: by lot "
        f"{waits if signed.share else 'letters differ'}, {until}",
        wrong=False,
    )
