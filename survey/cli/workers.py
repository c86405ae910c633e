"""Options that say who carries shards out: this process, a cluster of our own, or a given one."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from survey.cluster.executor import Executor
from survey.cluster.serial import SerialExecutor
from survey.errors import ConfigError
from survey.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def executor_options(command: Command) -> Command:
    """``--workers``, ``--scheduler``, ``--leases`` and ``--serial``, for ``executor_for``."""
    for option in (
        click.option("--serial", is_flag=True, help="In this process, one shard after another."),
        click.option(
            "--workers",
            type=click.IntRange(1, 256),
            default=2,
            show_default=True,
            help="Processes of our own cluster, without --scheduler.",
        ),
        click.option(
            "--leases",
            metavar="ADDRESS[:PORT]",
            help="Where the scheduler's workers reach us (default: as we reach the scheduler).",
        ),
        click.option(
            "--scheduler", metavar="ADDRESS", help="An existing Dask cluster, tls://HOST:PORT."
        ),
    ):
        command = option(command)
    return command


def executor_for(
    settings: Settings,
    *,
    serial: bool,
    workers: int,
    scheduler: str | None,
    leases: str | None,
) -> Executor:
    """The executor that the options ask for; Dask is only imported for its own.

    Raises:
        ConfigError: ``--leases`` is no address.
    """
    if serial:
        return SerialExecutor()
    from survey.cluster.dask import DaskExecutor  # noqa: PLC0415 - slow to import

    return DaskExecutor(workers, scheduler, settings.keys, leases_at=address("--leases", leases))


def address(option: str, text: str | None) -> tuple[str, int] | None:
    """Address and port (0 if none is given) of an option; None if that was not given.

    Raises:
        ConfigError: It is no address.
    """
    if text is None:
        return None
    host, _, port = text.partition(":")
    if not host or not (port or "0").isdecimal() or int(port or 0) > 65535:  # noqa: PLR2004
        raise ConfigError(option, "", f"{text!r} won't do", "write it as 192.0.2.7:8790")
    return host, int(port or 0)
