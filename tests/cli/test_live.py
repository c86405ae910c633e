"""All figures of a scan fit a terminal, and one line where there is none."""

from rich.console import Console

from survey.cli.live import line, view
from survey.flows.standing import ScanStatus, State

STATUS = ScanStatus(
    state=State.PAUSED,
    planned=1000,
    done=500,
    found=7,
    rate=99.5,
    cap=100,
    eta=None,
    shards=10,
    committed=4,
    running=2,
    retries=1,
    repeated=100,
    resting=1,
    silence=0.4,
    optouts=3,
    optouts_obeyed=2,
    optouts_lag=1.5,
    optouts_worst_lag=2.5,
    reason="the canary does not answer",
    sent=480,
    refused=400,
    silent=73,
    conversations=5,
    in_flight=12,
    failures={"reset": 3, "wrong_protocol": 1},
    shortages=9,
    canary_ill=2,
    checks=8,
    slots=3,
    packets=700,
    rechecked=40,
    reopened=4,
    missed=1,
)


def test_every_figure_is_in_the_view() -> None:
    """Each on a line of its own, none cut off at 80 columns."""
    console = Console(width=80, force_terminal=True, color_system=None, record=True)
    console.print(view(STATUS))
    shown = console.export_text()

    assert all(len(each) <= 80 for each in shown.splitlines())
    words = " ".join(shown.split())
    for figure in (
        "paused: 100/100 packets/s 500/1,000 targets 7 found shards 4/10",
        "7 open (1.46%), 400 refused, 73 silent, 0 unreachable",
        "about 25.0% of open ports (95 %: 4.6% to 69.9%): of 40 targets asked again 4 were open",
        "12 connects and conversations in flight, 5 conversations done",
        "3 reset, 1 wrong protocol",
        "2 of 3 in use, 1 resting; 0.4 s since a worker last renewed its lease",
        "1 shards, so at most 100 targets",
        "2 of 3 in force in every worker; the newest was in force everywhere after 1.5 s",
        "ill for 2 workers",
        "found as they are known, 8 times",
        "9 times, for want of ports or descriptors",
        "paused the canary does not answer",
    ):
        assert figure in words, (figure, words)
    starts = [each.split("  ")[0] for each in shown.splitlines()]
    assert {"answers", "slots", "opt-outs", "canary"} <= set(starts)


def test_line_says_the_most_important() -> None:
    """For a log."""
    assert line(STATUS) == ("100/100 packets/s  500/1,000 targets  7 found  shards 4/10  ETA -")
