"""``survey keys``: the secret keys of this installation."""

import click

from survey.cli.main import settings_of
from survey.cli.screen import say
from survey.storage.keys import TOKEN, make_key


@click.group()
def keys() -> None:
    """The secret keys; 0600 files apart from the data."""


@keys.command("init")
@click.pass_context
def init_command(ctx: click.Context) -> None:
    """Make the token key if there is none; canary and workers need the same one."""
    folder = settings_of(ctx).keys
    make_key(folder, TOKEN)
    say(f"{folder}: the token key is there; copy it to the canary and to every worker, 0600")
