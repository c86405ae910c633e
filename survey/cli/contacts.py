"""``survey contacts``: to whom a letter about an address goes, and who gets none."""

import getpass
from collections.abc import Iterable
from pathlib import Path

import click

from survey.cli.main import settings_of
from survey.cli.options import contacts_option, json_option
from survey.cli.screen import document, facts, say, table
from survey.errors import ConfigError, SurveyError
from survey.flows.contacts import (
    contacts_for,
    init_suppressions,
    known_contacts,
    note_export,
    suppress_contact,
    suppressions,
)
from survey.flows.contacts_standing import renew_bootstrap, standing
from survey.model.address import format_ip, parse_ip
from survey.model.contact import Contact, Sought, Tried
from survey.storage.suppression_list import Cause

ips_argument = click.argument("ips", nargs=-1, required=True, metavar="IP...")


class NobodyError(SurveyError):
    """Some address has nobody who may be written to."""


@click.group()
def contacts() -> None:
    """Who answers for an address, who said so and when; who gets no letters."""


@contacts.command("init")
@contacts_option
def init_command(contacts: Path) -> None:
    """Make the empty suppression list that contacts.toml names; without one no letter leaves."""
    say(f"{init_suppressions(contacts)}: an empty suppression list")


@contacts.command("bootstrap")
@contacts_option
@click.option(
    "--mirror",
    envvar="SURVEY_REGISTRY_MIRROR",
    default="",
    metavar="URL",
    help="Ask this address instead of IANA; the same path lies below it.",
)
def bootstrap_command(contacts: Path, mirror: str) -> None:
    """Fetch IANA's list of RDAP servers to where contacts.toml has it."""
    one = renew_bootstrap(contacts, mirror)
    say(f"{one.path}: published on {one.published:%Y-%m-%d}, {one.ranges:,} ranges")
    for server in one.not_asked:
        say(f"{server} has some of them, and is not among the hosts of [rdap]")


@contacts.command("check")
@contacts_option
@json_option
@click.pass_context
def check_command(ctx: click.Context, contacts: Path, *, as_json: bool) -> None:
    """Read contacts.toml and all that it names, and say whom it allows to be asked; asks nobody."""
    one = standing(settings_of(ctx), contacts)
    if as_json:
        document(one)
        return
    if one.asked:
        table(("source", "asked"), ((source, place or None) for source, place in one.asked))
    facts(
        (
            ("overrides", one.overrides),
            ("suppressed", one.suppressed),
            ("addresses opted out", one.opted_out),
            ("CERTs of", ", ".join(one.certs) or None),
            ("bootstrap published", one.bootstrap),
        )
    )
    for remark in one.remarks:
        say(remark)


@contacts.command("find")
@ips_argument
@contacts_option
@json_option
@click.pass_context
def find_command(
    ctx: click.Context, ips: tuple[str, ...], contacts: Path, *, as_json: bool
) -> None:
    """Find whom a letter about an address would go to; asks registries as contacts.toml allows.

    What was answered lately is not asked again.  Says of each source what it said.
    """
    settings, wanted = settings_of(ctx), _addresses(ips)
    note_export(settings, "contacts find", wanted)
    for remark in standing(settings, contacts).remarks:
        say(remark)
    found = contacts_for(settings, wanted, contacts=contacts)
    if as_json:
        document([_content(one) for one in found.values()])
    else:
        if rows := [_row(one) for one in found.values() if one.contact]:
            table(("ip", "contact", "source", "said by", "found", "language", "name"), rows)
        for one in found.values():
            _tell(one)
    without = [format_ip(ip) for ip, one in found.items() if one.contact is None]
    if without:
        raise NobodyError(
            f"nobody to write to about {len(without):,} of {len(found):,} addresses, "
            f"such as {without[0]}"
        )


@contacts.command("show")
@ips_argument
@contacts_option
@json_option
@click.pass_context
def show_command(
    ctx: click.Context, ips: tuple[str, ...], contacts: Path, *, as_json: bool
) -> None:
    """Show every contact that is known of an address, usable or not; asks nobody."""
    settings, wanted = settings_of(ctx), _addresses(ips)
    note_export(settings, "contacts show", wanted)
    known = known_contacts(settings, wanted, contacts=contacts)
    if as_json:
        document([{"ip": format_ip(ip), "known": some} for ip, some in known.items()])
        return
    if rows := [_known_row(ip, one) for ip, some in known.items() for one in some]:
        table(("ip", "source", "contact", "said by", "found", "language", "name"), rows)
    for ip in (ip for ip, some in known.items() if not some):
        say(f"{format_ip(ip)}: nothing is known; `survey contacts find` asks")


@contacts.command("suppress")
@click.argument("what", metavar="MAILBOX|DOMAIN")
@click.option("--by", help="Who said so (default: the user of this process).")
@click.option("--why", required=True, help="In their words, one line.")
@click.option(
    "--dead",
    is_flag=True,
    help="Nobody reads it: the next best contact is looked for. Without it: somebody there does "
    "not want letters, and nobody else is looked for.",
)
@contacts_option
@click.pass_context
def suppress_command(
    ctx: click.Context, what: str, by: str | None, why: str, contacts: Path, *, dead: bool
) -> None:
    """Send nothing more to a mailbox, or a domain and all below it; never taken back."""
    cause = Cause.DEAD if dead else Cause.ASKED
    who = getpass.getuser() if by is None else by
    entry = suppress_contact(settings_of(ctx), contacts, what, cause, who, why)
    say(f"{entry.what} is suppressed: {entry.cause}; in force for every letter from now on")


@contacts.command("suppressed")
@click.argument("mailbox", required=False, metavar="[MAILBOX]")
@contacts_option
@json_option
@click.pass_context
def suppressed_command(
    ctx: click.Context, mailbox: str | None, contacts: Path, *, as_json: bool
) -> None:
    """Show the suppression list, or whether it forbids one mailbox."""
    known = suppressions(contacts)
    if mailbox is None:
        note_export(settings_of(ctx), "contacts suppressed")
        entries = known.entries
    else:
        one = known.of(mailbox)
        entries = (one,) if one else ()
    if as_json:
        document(entries)
        return
    if mailbox is not None and not entries:
        say(f"{mailbox} is not suppressed")
        return
    table(
        ("what", "cause", "added", "by", "why"),
        ((one.what, one.cause, one.added_at, one.by, one.why) for one in entries),
    )


def _addresses(texts: Iterable[str]) -> list[int]:
    found = []
    for text in texts:
        try:
            found.append(parse_ip(text))
        except ValueError as error:
            raise ConfigError(
                "IP", "", f"{text[:60]!r} is no IPv4 address", "such as 192.0.2.7"
            ) from error
    return found


def _row(one: Sought) -> tuple[object, ...]:
    contact = one.contact
    assert contact is not None
    return (
        format_ip(one.ip),
        contact.email,
        contact.source,
        contact.server,
        contact.found_at,
        contact.language or None,
        contact.name or None,
    )


def _known_row(ip: int, one: Contact | Tried) -> tuple[object, ...]:
    if isinstance(one, Tried):
        return (format_ip(ip), one.source, one.said, one.server or None, None, None, None)
    return (
        format_ip(ip),
        one.source,
        one.email,
        one.server,
        one.found_at,
        one.language or None,
        one.name or None,
    )


def _tell(one: Sought) -> None:
    """What each source said, where it is not the contact itself."""
    ip = format_ip(one.ip)
    for tried in one.tried:
        if one.contact is None or tried.said != one.contact.email:
            say(f"{ip}: {tried.source}: {tried.said}")
    if one.problem and (not one.tried or one.tried[-1].said != one.problem):
        say(f"{ip}: {one.problem}")


def _content(one: Sought) -> dict[str, object]:
    return {
        "ip": format_ip(one.ip),
        "contact": one.contact,
        "problem": one.problem,
        "tried": one.tried,
    }
