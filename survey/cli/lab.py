"""``survey lab``: a whole internet on 127.0.0.0/8, to practise on."""

from dataclasses import replace
from pathlib import Path

import click

from survey.cli.screen import say
from survey.errors import ConfigError
from survey.flows.history import make_history
from survey.flows.lab import LAB_CANARY, lab_up
from survey.lab.history.scale import Scale
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


@lab.command("history")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="history",
    show_default=True,
    help="Where all of it is written; must be empty.",
)
@click.option("--seed", default="history", show_default=True, help="The same seed, the same one.")
@click.option(
    "--weeks", type=click.IntRange(1, 520), default=26, show_default=True, help="How many weeks."
)
@click.option(
    "--servers",
    type=click.IntRange(1, 1_000_000),
    default=600,
    show_default=True,
    help="Servers that are open at some time.",
)
@click.option(
    "--crowd",
    type=click.IntRange(0, 6_000_000),
    default=2000,
    show_default=True,
    help="Hosts that answer and are never open; about 2 rows of each a week.",
)
@click.option(
    "--ranges",
    type=click.IntRange(1, 1_000_000),
    default=300,
    show_default=True,
    help="Address ranges of the registries.",
)
@click.option(
    "--networks",
    type=click.IntRange(1, 400),
    default=40,
    show_default=True,
    help="Autonomous systems.",
)
@click.option(
    "--letters",
    type=click.IntRange(0, 100_000),
    default=60,
    show_default=True,
    help="Operators chosen in a week at most, those held out included.",
)
@click.option(
    "--reacting",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of those told who close their server because of it.",
)
@click.option(
    "--every-week",
    is_flag=True,
    help="No missed week, no unfinished run, no addresses left out of the plan.",
)
def history_command(  # noqa: PLR0917 - one parameter per option
    folder: Path,
    seed: str,
    weeks: int,
    servers: int,
    crowd: int,
    ranges: int,
    networks: int,
    letters: int,
    reacting: float,
    *,
    every_week: bool,
) -> None:
    """Write many weekly campaigns with known truth, without sending anything.

    Churn, closure, letters with a hold-out, opt-outs, gaps.  Then, with --data FOLDER/data: survey
    episodes FOLDER/campaign.toml, and every other command.
    """
    scale = Scale(
        seed=seed,
        weeks=weeks,
        servers=servers,
        crowd=crowd,
        ranges=ranges,
        networks=networks,
        letters=letters,
        reacting=reacting,
    )
    if every_week:
        scale = replace(scale, missed=(), torn=(), narrow=())
    made = make_history(folder, scale, say)
    say(
        f"{made.runs} runs, {made.observations:,} observations in {made.settings.data}; truth in "
        f"{made.truth}; next: survey --data {made.settings.data} episodes "
        f"{made.campaign}"
    )
