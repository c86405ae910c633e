"""``survey demo``: the whole loop on the lab, measured against its truth."""

from pathlib import Path

import click

from survey.cli.live import Live
from survey.cli.options import json_option
from survey.cli.screen import document, facts, say
from survey.flows.demo import demo as run_demo


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    help="Where everything is made; an earlier demo there is cleared.",
)
@json_option
def demo(folder: Path, *, as_json: bool) -> None:
    """The whole loop on a lab, from scan to letters and their effect, in a minute and a half."""
    with Live() as live:
        result = run_demo(folder.absolute(), say, live.show)
    if as_json:
        document(result)
        return
    letters = result.letters
    facts(
        [
            ("targets", f"{result.targets:,}, coverage {result.coverage:.3f}"),
            ("scan", f"{result.scan_seconds:.1f} s, {result.packets:,} packets"),
            ("called open", f"{result.open:,}, {result.reproduced:,} reproduced by others"),
            ("precision", f"{result.precision:.3f}"),
            ("recall", f"{result.recall:.3f}"),
            ("took", f"{result.seconds:.1f} s"),
            (
                "letters",
                f"{letters.sent:,} about {letters.cases:,} cases, in {letters.languages} languages",
            ),
            ("came back", f"{letters.bounced:,}; answered by people: {letters.answered:,}"),
            ("closed", f"{letters.closed:,} cases, by a new test; {letters.thanked:,} thanked"),
            *(("report", path) for path in result.reports),
            *(("letter", path) for path in letters.shown),
        ]
    )
    say(f"go on with: survey --data {result.folder}/data --agencies {result.folder}/agencies ...")
