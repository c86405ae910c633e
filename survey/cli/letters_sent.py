"""``survey notify send|settle|bounces``: letters on their way, and what comes back."""

import asyncio
import getpass
from datetime import UTC, datetime
from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.letters import (
    HeldError,
    campaign_option,
    counts,
    desk_of,
    desks,
    opened_ledger,
)
from survey.cli.main import settings_of
from survey.cli.options import contacts_option, json_option
from survey.cli.screen import document, facts, say
from survey.errors import StoppedError
from survey.flows.case_contacts import Contacts
from survey.flows.deliver import means_of
from survey.flows.letter_answers import read_answers
from survey.flows.letter_following import follow
from survey.flows.letter_means import answers_from, letter_means, letter_post, way_out
from survey.flows.letter_sending import Sending, send_letters
from survey.flows.letter_settling import settle
from survey.model.letter import LetterKind


@click.command("send")
@click.argument("cases", nargs=-1)
@click.option("--really", is_flag=True, help="Send; without it everything is checked and written.")
@campaign_option
@contacts_option
@outgoing_option
@json_option
@click.pass_context
def send_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    cases: tuple[str, ...],
    really: bool,  # noqa: FBT001 - a flag
    campaign: str | None,
    contacts: Path,
    outgoing: Path,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Send approved letters, or (without --really) write what would leave; nothing goes twice.

    Exit codes: 1 some wait for a person or another command, 3 some are put off.
    """
    settings = settings_of(ctx)
    means = means_of(settings, outgoing.absolute())
    way = way_out(settings, means)
    done: list[Sending] = []
    with opened_ledger(settings, means) as ledger:
        for desk in desks(settings, ledger, contacts.absolute(), campaign):
            post = letter_post(means)
            done.append(
                asyncio.run(send_letters(desk, way, post, only=cases, really=really, say=say))
            )
    if as_json:
        document(done)
    _end(done, really=really)


@click.command("settle")
@click.argument("case")
@click.option("--letter", required=True, type=click.Choice([one.value for one in LetterKind]))
@click.option("--arrived/--not-arrived", required=True, help="Whether it went out.")
@click.option("--by", metavar="WHO", help="Who found out, and how (default: this user).")
@contacts_option
@outgoing_option
@click.pass_context
def settle_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    case: str,
    letter: str,
    by: str | None,
    contacts: Path,
    outgoing: Path,
    *,
    arrived: bool,
) -> None:
    """Say what became of a letter in doubt; one that did not go out is sent again."""
    settings = settings_of(ctx)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        desk = desk_of(settings, ledger, contacts.absolute(), case)
        done = settle(
            desk,
            case,
            LetterKind(letter),
            arrived=arrived,
            by=by or getpass.getuser(),
            now=datetime.now(UTC),
        )
    say(f"{done.case}: its {done.kind} is {done.state} now")


@click.command("bounces")
@contacts_option
@outgoing_option
@json_option
@click.pass_context
def bounces_command(ctx: click.Context, contacts: Path, outgoing: Path, *, as_json: bool) -> None:
    """Read what came back: bounces, machines' answers, complaints, wishes, and people's answers.

    The mailbox is left as it is.
    """
    settings = settings_of(ctx)
    means = means_of(settings, outgoing.absolute())
    key, now = letter_means(settings, means).key, datetime.now(UTC)
    reach = Contacts(settings, contacts.absolute())
    with opened_ledger(settings, means) as ledger:
        done = read_answers(ledger, reach, key, answers_from(means), now)
        for desk in desks(settings, ledger, contacts.absolute(), None):
            follow(desk, now)
    if as_json:
        document(done)
        return
    facts(
        [
            ("read", counts(done.read)),
            ("matched by", counts(done.matched)),
            ("letters", counts(done.letters)),
            ("about no letter", done.unmatched),
        ]
    )


def _end(done: list[Sending], *, really: bool) -> None:
    for one in done:
        for text in one.suppressed:
            say(f"not sent any more: {text}")
        for text in one.put_off:
            say(f"put off: {text}")
        for text in one.held + one.doubts:
            say(f"waits: {text}")
    if spent := sum(one.spent for one in done):
        say(f"{spent:,} relays got all the messages that they may in a run; the next run asks them")
    sent = sum(len(one.sent) for one in done)
    say(f"{sent:,} letters {'sent' if really else 'would be sent; see letters/*/dry-run'}")
    waiting = sum(len(one.held) + len(one.doubts) for one in done)
    if waiting:
        raise HeldError(f"{waiting:,} wait for a person or another command")
    if put_off := sum(len(one.put_off) for one in done):
        raise StoppedError(f"{put_off:,} put off; run this again later")
