"""``survey case``: one case with its findings, letters and history; or all of them, listed."""

from pathlib import Path

import click

from survey.cli.delivery import outgoing_option
from survey.cli.letters import campaign_option, opened_ledger
from survey.cli.main import settings_of
from survey.cli.options import json_option
from survey.cli.screen import document, facts, table
from survey.flows.case_view import CaseView, list_cases, view_case
from survey.flows.deliver import means_of
from survey.model.address import format_ip
from survey.model.case import Case, CaseEvent
from survey.storage.layout import Layout


@click.command()
@click.argument("number", required=False)
@campaign_option
@outgoing_option
@json_option
@click.pass_context
def case(
    ctx: click.Context, number: str | None, campaign: str | None, outgoing: Path, *, as_json: bool
) -> None:
    """One case with its findings, letters and whole history (audited); without NUMBER, all cases.

    The list names no host.
    """
    settings = settings_of(ctx)
    with opened_ledger(settings, means_of(settings, outgoing.absolute())) as ledger:
        if number is None:
            _list(list_cases(ledger, campaign), as_json=as_json)
            return
        view = view_case(Layout(settings.data), ledger, number)
    if as_json:
        document(view)
        return
    _show(view)


def _list(cases: tuple[Case, ...], *, as_json: bool) -> None:
    if as_json:
        document(
            [{"number": one.number, "state": one.state, "agency": one.key.agency} for one in cases]
        )
        return
    table(
        ["case", "campaign", "agency", "kind", "state", "why", "opened", "changed"],
        (
            (
                one.number,
                one.key.campaign,
                one.key.agency,
                one.key.kind.value,
                one.state.value,
                one.closed_by.value if one.closed_by else one.successor or None,
                one.opened_at,
                one.changed_at,
            )
            for one in cases
        ),
    )


def _show(view: CaseView) -> None:
    one = view.case
    state = f"{one.state}, closed by {one.closed_by}" if one.closed_by else str(one.state)
    facts(
        [
            ("case", one.number),
            ("state", f"{state}{f', see {one.successor}' if one.successor else ''}"),
            ("campaign", one.key.campaign),
            ("agency", one.key.agency),
            ("kind", one.key.kind.value),
            ("network", f"AS{one.key.asn} {one.network}" if one.key.asn else one.network or None),
            ("contact", f"{one.key.email} ({one.source})"),
            ("opened", one.opened_at),
            ("closed", one.closed_at),
            ("lot", one.draw and f"{one.draw.group}, {one.draw.experiment or 'no experiment'}"),
        ]
    )
    table(
        ["address", "port", "test", "run", "since", "proven", "left"],
        (
            (
                format_ip(each.ip),
                str(each.port),
                each.probe.value,
                each.run,
                each.added_at,
                each.proven_at,
                each.left_at,
            )
            for each in view.findings
        ),
    )
    if view.letters:
        table(
            ["letter", "state", "to", "approved by", "sent", "receipt"],
            (
                (
                    each.kind.value,
                    "in doubt" if each.in_doubt else each.state.value,
                    each.recipient,
                    each.approved_by or None,
                    each.sent_at,
                    each.receipt or None,
                )
                for each in view.letters
            ),
        )
    table(
        ["at", "what", "letter", "about", "detail", "by"],
        (
            (
                each.at,
                each.what.value,
                each.letter.value if each.letter else None,
                _about(each),
                each.detail or None,
                each.by or None,
            )
            for each in view.history
        ),
    )


def _about(event: CaseEvent) -> str | None:
    if event.test is None:
        return None
    ip, port, probe = event.test
    return f"{format_ip(ip)}:{port}/{probe}"
