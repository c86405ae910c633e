"""``survey lab``: a whole internet on 127.0.0.0/8, to practise on."""

from pathlib import Path

import click

from survey.cli.screen import say
from survey.errors import ConfigError
from survey.flows.lab import LAB_CANARY, lab_up
from survey.lab.world import DEFAULT_RANGES, World
from survey.targets.ranges import parse_cidr


@click.group()
def lab() -> None:
    """Invented machines with known truth, on this machine's loopback only."""


@lab.command("up")
@click.option("--seed", default="lab", show_default=True, help="The same seed, the same world.")
@click.option(
    "--range",
    "ranges",
    multiple=True,
    metavar="CIDR",
    help="Part of 127.0.0.0/8 (default: 127.16.0.0/12).",
)
@click.option(
    "--answering",
    type=click.IntRange(1, 12_000),
    default=4000,
    show_default=True,
    help="About how many addresses answer.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="lab",
    show_default=True,
    help="Where its campaign, opt-out log and registry files are written.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the truth there, Parquet or CSV by its ending.",
)
def up_command(
    seed: str, ranges: tuple[str, ...], answering: int, folder: Path, truth: Path | None
) -> None:
    """Run the lab until Ctrl-C; then, elsewhere: survey canary, survey scan."""
    try:
        chosen = tuple(parse_cidr(text) for text in ranges) or DEFAULT_RANGES
    except ValueError as error:
        raise ConfigError("--range", "", str(error), "such as 127.16.0.0/16") from error
    lab_up(World(seed, chosen, answering), LAB_CANARY, say, folder=folder, truth=truth)
