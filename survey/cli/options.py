"""Arguments and options that several commands share."""

from pathlib import Path

import click

campaign_argument = click.argument(
    "campaign", type=click.Path(path_type=Path, dir_okay=False), metavar="CAMPAIGN.toml"
)
run_option = click.option("--run", metavar="ID", help="A run, e.g. 2026-W48 (default: the newest).")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
