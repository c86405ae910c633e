"""How the pages that answer are served: where they listen, and behind what."""

import re
from collections.abc import Callable
from typing import Any

import click

from survey.errors import ConfigError

_LISTEN = re.compile(r"([0-9.]{7,15}|\[[0-9a-f:]{2,39}\]):([0-9]{1,5})")
_MOST = 65_535

proxy_option = click.option(
    "--proxy",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The reverse proxy; its X-Forwarded-For says who asks.",
)
refresh_option = click.option(
    "--refresh",
    type=click.FloatRange(1),
    default=20.0,
    show_default=True,
    help="Seconds until what is new in ledger and tables is on the pages.",
)


def listen_option(port: int) -> Callable[[Any], Any]:
    """``--listen``, on loopback if nothing else is said."""
    return click.option(
        "--listen",
        default=f"127.0.0.1:{port}",
        show_default=True,
        metavar="ADDRESS:PORT",
        help="Where the reverse proxy finds it.",
    )


def listen_at(text: str) -> tuple[str, int]:
    """Address and port of ``--listen``.

    Raises:
        ConfigError: It is none.
    """
    parts = _LISTEN.fullmatch(text)
    if parts is None or not 0 < int(parts[2]) <= _MOST:
        raise ConfigError("--listen", "", f"{text[:60]!r} won't do", "write 127.0.0.1:8080")
    return parts[1].strip("[]"), int(parts[2])
