"""Arguments and options that several commands share."""

from pathlib import Path

import click

campaign_argument = click.argument(
    "campaign", type=click.Path(path_type=Path, dir_okay=False), metavar="CAMPAIGN.toml"
)
run_option = click.option("--run", metavar="ID", help="A run, e.g. 2026-W48 (default: the newest).")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
contacts_option = click.option(
    "--contacts",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SURVEY_CONTACTS",
    default="contacts.toml",
    show_default=True,
    metavar="FILE",
    help="Where contacts are looked for, and the suppression list (SURVEY_CONTACTS).",
)
