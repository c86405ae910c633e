"""Options that say who else watches a scan: a file of JSON lines, and Prometheus."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from survey.cli.live import Live
from survey.cli.screen import say
from survey.cli.workers import address
from survey.flows.metrics import MetricsServer
from survey.flows.standing import ScanStatus

Command = TypeVar("Command", bound=Callable[..., Any])


def watch_options(command: Command) -> Command:
    """``--progress`` and ``--metrics``, for ``watching``."""
    for option in (
        click.option(
            "--metrics",
            metavar="ADDRESS[:PORT]",
            help="Answer Prometheus there (GET /metrics); counts only, nothing about a host.",
        ),
        click.option(
            "--progress",
            type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
            help="Append every status to this file, one JSON object a line; - is stdout.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def watching(progress: Path | None, metrics: str | None) -> Iterator[Callable[[ScanStatus], None]]:
    """What to call with each status, until the end of the block."""
    with ExitStack() as stack:
        watchers: list[Callable[[ScanStatus], None]] = []
        if progress is not None:
            file = stack.enter_context(click.open_file(str(progress), "a", encoding="utf-8"))

            def write(status: ScanStatus) -> None:
                file.write(json.dumps(asdict(status)) + "\n")
                file.flush()

            watchers.append(write)
        if place := address("--metrics", metrics):
            server = stack.enter_context(MetricsServer(*place))
            say(f"metrics: http://{server.address}/metrics")
            watchers.append(server.show)
        watchers.append(stack.enter_context(Live()).show)

        def show(status: ScanStatus) -> None:
            for watcher in watchers:
                watcher(status)

        yield show
