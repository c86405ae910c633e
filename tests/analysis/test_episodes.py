"""Episodes: one query over all targets says what a walk along each of them says."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from made_checks import CAMPAIGN, START, Check, Run, as_known, lost_after, walk, weeks, write_checks

WEEKLY = [Run(number, START + timedelta(days=7 * number, hours=12)) for number in range(16)]
TOLD = (
    *("opened_at", "last_open_at", "opened_as", "before", "closed_before"),
    *("fixed_at", "confirmed_at", "lost_at", "closing_at"),
)


def rows(folder: Path, histories: list[list[Check]], runs: list[Run]) -> list[list[dict]]:
    """The episodes of each history."""
    layout, _ = write_checks(folder, histories, runs)
    found = pq.read_table(layout.episodes(CAMPAIGN)).to_pylist()
    return [[row for row in found if row["ip"] == ip] for ip in range(len(histories))]


def weekly(*states: str) -> list[Check]:
    """A check in each run from the first on; ``-`` for none."""
    words = {"o": "open", "c": "closed", "u": "unknown"}
    return [
        Check(number, START + timedelta(days=7 * number), words[state])
        for number, state in enumerate(states)
        if state != "-"
    ]


def week(number: int) -> datetime:
    """When a run looked."""
    return START + timedelta(days=7 * number)


def one(folder: Path, checks: list[Check], runs: list[Run] = WEEKLY) -> list[dict]:
    """The episodes of one history."""
    return rows(folder, [checks], runs)[0]


def test_two_negative_checks_on_two_days_end_an_episode_at_the_first(tmp_path: Path) -> None:
    """Fixed is dated at the first, known from the second on, bounded by the last proof."""
    (episode,) = one(tmp_path, weekly(*"oocc"), WEEKLY[:4])
    assert episode["state"] == "fixed"
    assert (episode["last_open_at"], episode["fixed_at"]) == (week(1), week(2))
    assert episode["confirmed_at"] == week(3)


def test_two_negative_checks_on_one_day_are_one(tmp_path: Path) -> None:
    """A server that is down for an hour was not closed."""
    checks = [
        *weekly(*"o"),
        Check(1, week(1), "closed"),
        Check(1, week(1) + timedelta(hours=3), "closed", round=1),
    ]
    (episode,) = one(tmp_path, checks, WEEKLY[:2])
    assert (episode["state"], episode["closing_at"]) == ("persistent", week(1))


def test_a_proof_between_two_refusals_goes_on(tmp_path: Path) -> None:
    """It was closed for an hour, or for some: one continuous exposure."""
    (episode,) = one(tmp_path, weekly(*"ococo"), WEEKLY[:5])
    assert (episode["state"], episode["open_checks"], episode["closed_checks"]) == (
        "persistent",
        3,
        2,
    )


def test_a_timeout_is_no_negative(tmp_path: Path) -> None:
    """Silence says nothing: it may be down, filtered or gone."""
    (episode,) = one(tmp_path, weekly(*"ouuo"), WEEKLY[:4])
    assert (episode["state"], episode["unknown_checks"]) == ("persistent", 2)


def test_what_opens_again_within_ninety_days_has_regressed(tmp_path: Path) -> None:
    """A fix that did not last is told from a new exposure."""
    first, second = one(tmp_path, weekly(*"occo"), WEEKLY[:4])
    assert (first["state"], second["state"]) == ("fixed", "regressed")
    assert (second["number"], second["before"], second["closed_before"]) == (2, "fixed", week(2))


def test_what_opens_again_later_is_new(tmp_path: Path) -> None:
    """After 90 days it is another story."""
    _, second = one(tmp_path, weekly(*"occ-----------oo"), WEEKLY)
    assert (second["opened_as"], second["before"]) == ("new", "fixed")


def test_four_silent_runs_lose_it(tmp_path: Path) -> None:
    """Lost at the end of the fourth; tested and silent, or not tested at all."""
    silent, absent, heard = rows(
        tmp_path,
        [weekly(*"oouuuu"), weekly(*"oo----"), weekly(*"oouuuo")],
        WEEKLY[:6],
    )
    assert (silent[0]["state"], silent[0]["lost_by"]) == ("lost", "silence")
    assert silent[0]["lost_at"] == WEEKLY[5].ended_at
    assert (absent[0]["state"], absent[0]["lost_by"]) == ("lost", "absence")
    assert heard[0]["state"] == "persistent"


def test_weeks_without_a_run_lose_nobody(tmp_path: Path) -> None:
    """A gap of ours is no news of theirs: only done runs count."""
    runs = [Run(0, week(0)), Run(1, week(9)), Run(2, None), Run(3, None), Run(4, None)]
    (episode,) = one(tmp_path, weekly("o"), runs)
    assert episode["state"] == "persistent"


def test_found_again_after_a_loss_is_a_new_episode(tmp_path: Path) -> None:
    """What was said of the loss stays said."""
    first, second = one(tmp_path, weekly(*"ouuuuo"), WEEKLY[:6])
    assert (first["state"], second["opened_as"], second["before"]) == ("lost", "new", "lost")


def test_every_probe_that_was_proven_must_be_refused(tmp_path: Path) -> None:
    """A port that closed SOCKS and still does CONNECT is open; nobody asked it is not closed."""
    socks, both = 1, 3
    checks = [
        Check(0, week(0), "open", open_probes=both),
        Check(1, week(1), "closed", closed_probes=socks),
        Check(2, week(2), "closed", closed_probes=socks),
    ]
    (episode,) = one(tmp_path, checks, WEEKLY[:3])
    assert (episode["state"], episode["closed_checks"], episode["unknown_checks"]) == (
        "persistent",
        0,
        2,
    )


def test_a_negative_check_before_tells_when_it_can_have_opened(tmp_path: Path) -> None:
    """Opening is interval-censored, too."""
    (episode,) = one(tmp_path, weekly(*"co"), WEEKLY[:2])
    assert (episode["closed_before"], episode["opened_at"]) == (week(0), week(1))


def test_of_nothing_there_is_an_empty_table(tmp_path: Path) -> None:
    """A campaign whose runs found nothing open."""
    layout, lives = write_checks(tmp_path, [weekly(*"cu")], WEEKLY[:2])
    assert pq.read_metadata(layout.episodes(CAMPAIGN)).num_rows == 0
    assert not sum(lives.states.values())


def moves(
    folder: Path, histories: list[list[Check]], known: list[dict], kind: str = "proxy"
) -> dict[int, tuple[int | None, str | None]]:
    """Where each address's server is thought to have gone, and by what."""
    layout, _ = write_checks(folder, histories, WEEKLY[:7], known, kind)
    found = pq.read_table(layout.episodes(CAMPAIGN)).to_pylist()
    return {row["ip"]: (row["moved_to"], row["moved_by"]) for row in found}


HERE_THEN_THERE = [weekly(*"oocc---"), weekly(*"--oooo")]


@pytest.mark.parametrize(
    ("kind", "mark", "how"),
    [
        ("proxy", {"host": "a.example"}, "host"),
        ("relay", {"banner": b"220-mx1.a.example ESMTP Postfix\r\n220 ready\r\n"}, "greeting"),
        ("proxy", {"exit_ip": bytes(10) + b"\xff\xff\xc0\x00\x02\x09"}, "exit"),
    ],
)
def test_the_same_server_at_another_address_is_suggested(
    tmp_path: Path, kind: str, mark: dict, how: str
) -> None:
    """By its own name, the name that it greets with, or its exit."""
    told = moves(tmp_path, HERE_THEN_THERE, [mark, mark], kind)
    assert told == {0: (1, how), 1: (None, how)}


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ({"host": "a.example"}, {"host": "b.example"}),
        ({"host": "a.example", "asn": 64496}, {"host": "a.example", "asn": 64497}),
        ({"host": "a.example", "software": "squid"}, {"host": "a.example", "software": "dante"}),
        ({}, {}),
    ],
)
def test_another_name_network_or_program_is_another_server(
    tmp_path: Path, here: dict, there: dict
) -> None:
    """A suggestion errs on the side of silence."""
    assert {to for to, _ in moves(tmp_path, HERE_THEN_THERE, [here, there]).values()} == {None}


def test_a_mark_of_two_at_the_same_time_is_nobodys(tmp_path: Path) -> None:
    """Half the world greets as localhost.localdomain; and who did not end did not move."""
    mark = {"host": "localhost.example"}
    three = [*HERE_THEN_THERE, weekly(*"ooooooo")]
    assert {to for to, _ in moves(tmp_path, three, [mark] * 3).values()} == {None}
    silent = [weekly(*"---oo--"), weekly(*"-----oo")]
    assert moves(tmp_path / "b", silent, [mark] * 2)[0][0] is None


@settings(max_examples=25)
@given(weeks())
def test_any_history_is_told_as_by_the_walk(made: tuple[list[Run], list[list[Check]]]) -> None:
    """Gaps, missed and unfinished runs, follow-ups, parts of a port: all of it, in every order."""
    runs, histories = made
    with tempfile.TemporaryDirectory() as folder:
        told = rows(Path(folder), histories, runs)
    for history, found in zip(histories, told, strict=True):
        wanted = walk(history, runs)
        assert [[row[name] for name in TOLD] for row in found] == [
            [getattr(episode, name) for name in TOLD] for episode in wanted
        ]
        for row in found:
            within = [
                look
                for look in history
                if row["opened_at"]
                <= look.at
                <= (row["confirmed_at"] or row["lost_at"] or datetime.max.replace(tzinfo=UTC))
            ]
            assert row["open_checks"] + row["closed_checks"] + row["unknown_checks"] == len(within)


@settings(max_examples=15)
@given(weeks())
def test_later_checks_change_nothing_that_was_said(
    made: tuple[list[Run], list[list[Check]]],
) -> None:
    """What is known at a moment is the same whether the later checks are there or not."""
    runs, histories = made
    cut = START + timedelta(days=31)
    before = [replace(run, ended_at=None) if late(run.ended_at, cut) else run for run in runs]
    for history in histories:
        whole = walk(history, runs)
        with_cut = walk([look for look in history if look.at <= cut], before)
        assert as_known(with_cut, cut) == as_known(whole, cut)


def late(moment: datetime | None, cut: datetime) -> bool:
    """Whether a run was not done then."""
    return moment is not None and moment > cut


def test_the_loss_is_dated_by_both_its_figures() -> None:
    """Four runs in a day lose nobody before 28 days are over."""
    daily = [Run(number, START + timedelta(days=number)) for number in range(40)]
    assert lost_after(START, 0, daily) == START + timedelta(days=28)
    assert lost_after(START, 0, WEEKLY) == WEEKLY[4].ended_at
