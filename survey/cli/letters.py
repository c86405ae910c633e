"""``survey notify plan|preview|approve|status``: letters of cases until they may go out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.main import settings_of
from survey.cli.options import contacts_option, json_option
from survey.cli.screen import document, facts, say, table
from survey.errors import ConfigError, SurveyError
from survey.flows.case_contacts import Contacts
from survey.flows.case_view import OutboxStatus, list_cases, status, view_letter
from survey.flows.cases import CaseDesk, open_desk
from survey.flows.deliver import means_of, open_ledger
from survey.flows.dispatches import Means
from survey.flows.letter_approval import approve
from survey.flows.letter_means import letter_means, lot_of
from survey.flows.letter_paper import Papers
from survey.flows.letter_plan import LetterPlan, plan_letters
from survey.flows.letter_review import LIST, approve_list, write_review
from survey.flows.lifecycle import trace
from survey.flows.runs import all_runs
from survey.model.agency import Agency
from survey.model.case import OutboxLetter
from survey.model.experiment import Draw
from survey.model.letter import LetterKind, LetterState
from survey.settings import Settings
from survey.storage.cases import Cases
from survey.storage.files import private_folder, replace_bytes
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.outbox import DAY, Outbox

campaign_option = click.option("--campaign", metavar="ID", help="Only this one (default: all).")
letter_option = click.option(
    "--letter",
    type=click.Choice([kind.value for kind in LetterKind]),
    help="Which letter of the case.",
)


class HeldError(SurveyError):
    """Letters wait for something that a person or another command must do."""


@contextmanager
def opened_ledger(settings: Settings, means: Means) -> Iterator[Ledger]:
    """The ledger, closed at the end."""
    ledger = open_ledger(settings, means)
    try:
        yield ledger
    finally:
        ledger.close()


def kind_of_letter(name: str | None) -> LetterKind | None:
    """The kind that an option names."""
    return None if name is None else LetterKind(name)


def desks(
    settings: Settings, ledger: Ledger, contacts: Path, campaign: str | None
) -> Iterator[CaseDesk]:
    """The desk of each campaign that has a run, or of one.

    Raises:
        ConfigError: It has none.
    """
    reach = Contacts(settings, contacts)
    names = {plan.campaign for plan in all_runs(settings)}
    if campaign is not None and campaign not in names:
        raise ConfigError("--campaign", "", f"{campaign!r} has no run", "begin with `survey plan`")
    for name in sorted(names if campaign is None else {campaign}):
        yield open_desk(settings, ledger, reach, name)


def desk_of(settings: Settings, ledger: Ledger, contacts: Path, number: str) -> CaseDesk:
    """The desk of a case's campaign.

    Raises:
        ConfigError: There is no such case.
    """
    case = Cases(ledger).get(number)
    return open_desk(settings, ledger, Contacts(settings, contacts), case.key.campaign)


@click.command("plan")
@campaign_option
@contacts_option
@outgoing_option
@json_option
@click.pass_context
def plan_command(
    ctx: click.Context, campaign: str | None, contacts: Path, outgoing: Path, *, as_json: bool
) -> None:
    """Bring cases up to date by the newest verdicts, and write the letters that are due."""
    settings = settings_of(ctx)
    means = means_of(settings, outgoing.absolute())
    letters = letter_means(settings, means)
    now = datetime.now(UTC)

    def lot(agency: Agency, name: str, number: str, at: datetime) -> Draw:
        return lot_of(settings, agency, name, number, at)

    plans = []
    with opened_ledger(settings, means) as ledger:
        for desk in desks(settings, ledger, contacts.absolute(), campaign):
            trace(settings, desk.plan.campaign)
            plans.append(plan_letters(desk, letters, lot, now))
    if as_json:
        document(plans)
        return
    for one in plans:
        _show_plan(one)


@click.command("approve")
@click.argument("case", required=False)
@click.option("--agency", required=True, metavar="ID", help="Which agency approves.")
@click.option("--content", metavar="SHA256", help="Of what is approved, as the preview says.")
@click.option(
    "--list",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Instead of one case: the approve.csv of a review, without the lines that are not meant.",
)
@click.option("--by", required=True, metavar="WHO", help="Who approves for the agency.")
@letter_option
@contacts_option
@outgoing_option
@click.pass_context
def approve_command(  # noqa: PLR0917 - one parameter per option
    ctx: click.Context,
    case: str | None,
    agency: str,
    content: str | None,
    path: Path | None,
    by: str,
    letter: str | None,
    contacts: Path,
    outgoing: Path,
) -> None:
    """Let letters go out, exactly as they were shown; a changed one needs another approval."""
    if (case is None) == (path is None) or (case is None) != (content is None):
        raise click.UsageError("give CASE and --content, or --list FILE")
    settings, now = settings_of(ctx), datetime.now(UTC)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        if path is not None:
            _approve_list(settings, ledger, contacts.absolute(), path, agency, by)
            return
        assert case is not None
        assert content is not None
        done = approve(
            desk_of(settings, ledger, contacts.absolute(), case),
            case,
            content.lower(),
            agency=agency,
            by=by,
            kind=kind_of_letter(letter),
            now=now,
        )
    say(f"{done.case}: its {done.kind} may go out; `survey notify send --really` sends it")


def _approve_list(  # noqa: PLR0917 - the command's own
    settings: Settings, ledger: Ledger, contacts: Path, path: Path, agency: str, by: str
) -> None:
    # any campaign's desk will do: a case is found by its number
    desk = next(desks(settings, ledger, contacts, None), None)
    if desk is None:
        raise ConfigError(settings.data, "", "has no campaign", "begin with `survey plan`")
    done = approve_list(desk, path, agency, by, datetime.now(UTC))
    for text in done.refused:
        say(f"not approved: {text}")
    say(f"{done.letters:,} letters may go out; `survey notify send --really` sends them")
    if done.refused:
        raise HeldError(f"{len(done.refused):,} were not approved")


def write_reviews(
    settings: Settings, outgoing: Path, contacts: Path, agency: str, folder: Path, *, paper: bool
) -> None:
    """Everything that waits for an agency's approval, in a folder of each campaign."""
    means = means_of(settings, outgoing.absolute())
    letters = letter_means(settings, means) if paper else None
    with opened_ledger(settings, means) as ledger:
        for desk in desks(settings, ledger, contacts.absolute(), None):
            place = folder / desk.plan.campaign
            papers = None if letters is None else Papers(desk, letters)
            count = write_review(desk, agency, place, datetime.now(UTC), papers)
            say(f"{place}: {count:,} letters to read, and {LIST}")


def print_letter(
    settings: Settings, outgoing: Path, contacts: Path, letter: OutboxLetter, folder: Path
) -> None:
    """A case's letter on its agency's paper, in a folder of whoever asks."""
    means = means_of(settings, outgoing.absolute())
    letters = letter_means(settings, means)
    with opened_ledger(settings, means) as ledger:
        desk = desk_of(settings, ledger, contacts.absolute(), letter.case)
        sheets = Papers(desk, letters).of(letter)
    path = folder / f"{letter.case}-{letter.kind}.pdf"
    private_folder(folder)
    replace_bytes(path, sheets)
    say(f"on paper: {path}")


@click.command("status")
@campaign_option
@outgoing_option
@json_option
@click.pass_context
def status_command(
    ctx: click.Context, campaign: str | None, outgoing: Path, *, as_json: bool
) -> None:
    """How cases and letters stand, and what waits for an approval; nothing about a host."""
    settings = settings_of(ctx)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        now = datetime.now(UTC)
        standing = status(ledger, now - DAY, campaign)
        agencies = {case.number: case.key.agency for case in list_cases(ledger, campaign)}
        waiting = [
            one for one in Outbox(ledger).letters(campaign) if one.state is LetterState.PLANNED
        ]
    if as_json:
        document({"status": standing, "to_approve": waiting})
        return
    _show_status(standing)
    if waiting:
        table(
            ["case", "letter", "agency", "findings", "language", "content", "since"],
            (
                (
                    one.case,
                    one.kind.value,
                    agencies[one.case],
                    one.tests,
                    one.language,
                    one.sha256[:16],
                    one.planned_at,
                )
                for one in waiting
            ),
        )


def show_letter(
    settings: Settings, outgoing: Path, number: str, letter: str | None, *, as_json: bool
) -> OutboxLetter:
    """The text of a planned or sent letter, and the hash that an approval must name."""
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        view = view_letter(Layout(settings.data), ledger, number, kind_of_letter(letter))
    if as_json:
        document({"letter": view.letter, "subject": view.subject, "text": view.text})
        return view.letter
    click.echo(view.text)
    facts(
        [
            ("case", view.letter.case),
            ("letter", f"{view.letter.kind}, {view.letter.state}"),
            ("to", view.letter.recipient),
            ("subject", view.subject),
            ("content", view.letter.sha256),
            ("file", Layout(settings.data).root / view.letter.content),
        ]
    )
    return view.letter


def _show_plan(plan: LetterPlan) -> None:
    facts(
        [
            ("run", f"{plan.campaign} {plan.run}"),
            ("cases", counts(plan.cases)),
            ("left out", counts(plan.left_out)),
            ("letters planned", counts(plan.letters)),
            ("waiting", counts(plan.waiting)),
            ("tests queued", f"{plan.queued:,}"),
        ]
    )
    if plan.queued:
        say("run `survey retest --due`: nothing is sent without a proof of the last 24 hours")
    if plan.letters:
        say("see them with `survey notify preview --case`, then `survey notify approve`")


def counts(found: dict[str, int]) -> str:
    """How many of what, in one line."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(found.items())) or "none"


def _show_status(standing: OutboxStatus) -> None:
    facts(
        [
            *((f"cases {name}", count) for name, count in sorted(standing.cases.items())),
            *((f"letters {name}", count) for name, count in sorted(standing.letters.items())),
            ("handed over in 24 hours", standing.handed_today),
            *((f"read: {name}", count) for name, count in sorted(standing.read.items())),
        ]
    )
    for name in standing.in_doubt:
        say(f"in doubt: {name}; find out, and say so with `survey notify settle`")
