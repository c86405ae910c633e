"""The ``survey`` command: parse, call, print."""

import click


@click.group()
def main() -> None:
    """Survey open mail relays and open proxies politely, and help to close them."""
