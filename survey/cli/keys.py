"""``survey keys``: the secret keys of this installation."""

import click

from survey.cli.main import settings_of
from survey.cli.screen import say
from survey.storage.certificates import make_certificates
from survey.storage.keys import EXPERIMENT, LETTERS, SITE, TOKEN, make_key


@click.group()
def keys() -> None:
    """The secret keys; 0600 files apart from the data."""


@keys.command("init")
@click.pass_context
def init_command(ctx: click.Context) -> None:
    """Make what is not there: keys of tokens, lots and letters, certificates of the machines."""
    folder = settings_of(ctx).keys
    make_key(folder, TOKEN)
    made = make_certificates(folder)
    say(f"{folder}: the token key is there; canary and workers need the same one, 0600")
    make_key(folder, EXPERIMENT)
    make_key(folder, LETTERS)
    make_key(folder, SITE)
    say(f"{folder}: the key of letters is there; keep a copy, or no bounce is known again")
    say(f"{folder}: the key of cases' pages is there; with another, links in letters are dead")
    say(f"{folder}: the key of lots is there; it stays on this machine (docs/experiments.md)")
    say(
        f"{folder}: certificates of coordinator and workers {'made' if made else 'are there'}; "
        "every worker needs authority.pem and worker.pem, 0600"
    )
