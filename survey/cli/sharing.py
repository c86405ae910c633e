"""``survey sync``: this machine's copy of a URL, brought up to date."""

import click

from survey.cli.main import settings_of
from survey.cli.screen import say
from survey.errors import ConfigError
from survey.flows.sharing import exchange


@click.command()
@click.pass_context
def sync(ctx: click.Context) -> None:
    """Fetch what other machines wrote at --data s3://bucket/prefix, and put what is new here.

    Scans, judgements and purges do so themselves; a canary's machine needs it, from a timer.
    """
    settings = settings_of(ctx)
    if not settings.url:
        raise ConfigError("--data", "", "is a folder", "sync is for s3://bucket/prefix")
    done = exchange(settings)
    say(
        f"{settings.url}: {done.fetched:,} files fetched, {done.put:,} put; copy in {settings.data}"
    )
