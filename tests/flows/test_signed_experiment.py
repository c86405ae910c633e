"""From an agency's signature to the table that is compared: lots first, letters after them."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_cases import DAY, NOW, MadePost, Office, made_post, make_office

from survey.errors import ConfigError
from survey.flows.letter_means import lot_of
from survey.flows.letter_plan import LetterPlan, plan_letters
from survey.model.case import Happened
from survey.model.episode import LETTER_DAYS
from survey.model.experiment import Group
from survey.model.followup import Reason
from survey.storage.followups import read_queue
from survey.storage.keys import EXPERIMENT

SIGNED = """
[experiment]
reference = "Resolution 2026/114"
reason = "whether letters close servers"
signed_by = "Ana Prueba"
signed_on = 2026-11-20
share = 0.5
days = 14
"""
KEY = bytes(range(32)).hex()
"""By it, of this run's cases some wait and some don't."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Three addresses that may be told, of agencies that signed an experiment."""
    office = make_office(tmp_path)
    for path in office.judged.settings.agencies.glob("*.toml"):
        path.write_text(path.read_text(encoding="utf-8") + SIGNED, encoding="utf-8")
    key = office.judged.settings.keys / f"{EXPERIMENT}.key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    yield office
    office.ledger.close()


@pytest.fixture
def post(tmp_path: Path) -> MadePost:
    """A way out that takes everything."""
    return made_post(tmp_path)


def plan(office: Office, now: datetime = NOW) -> LetterPlan:
    """``survey notify plan``, with the lot of the key."""
    lot = partial(lot_of, office.judged.settings)
    return plan_letters(office.desk(), office.way.means, lot, now)


def groups(office: Office) -> dict[Group, set[str]]:
    """Cases by what the lot said."""
    found: dict[Group, set[str]] = {Group.TOLD: set(), Group.HELD_OUT: set()}
    for case in office.cases():
        assert case.draw is not None
        found[case.draw.group].add(case.number)
    return found


def told(office: Office) -> list[dict]:
    """The table that is compared."""
    path = office.judged.layout.campaign("trial") / "told.parquet"
    return pq.read_table(path).to_pylist()


def test_every_case_is_drawn_before_any_letter_is_written(office: Office) -> None:
    """The draw stands in the history of its case, before the letter; who waits has no letter."""
    done = plan(office)
    drawn = groups(office)
    assert drawn[Group.TOLD]
    assert drawn[Group.HELD_OUT]
    for number in drawn[Group.TOLD]:
        happened = [event.what for event in office.desk().cases.history(number)]
        assert happened.index(Happened.DRAWN) < happened.index(Happened.PLANNED)
    assert {case for case, _ in office.letters()} == drawn[Group.TOLD]
    assert done.waiting["held out by lot"] == len(drawn[Group.HELD_OUT])


def test_the_table_has_both_from_the_lot_on(office: Office) -> None:
    """And another plan draws nothing anew."""
    plan(office)
    first, drawn = told(office), groups(office)
    assert {row["case"] for row in first} == drawn[Group.TOLD] | drawn[Group.HELD_OUT]
    for row in first:
        assert (row["label"] == "held_out") is (row["case"] in drawn[Group.HELD_OUT])
        assert (row["experiment"], row["drawn_at"]) == ("Resolution 2026/114", NOW)
    plan(office, NOW + timedelta(hours=1))
    assert groups(office) == drawn
    assert told(office) == first


def test_both_are_tested_on_the_same_days(office: Office) -> None:
    """From the lot on, before any letter: the clock that is compared is the same."""
    plan(office)
    queue = read_queue(office.judged.layout.run("trial", "2026-W48"))
    days: dict[tuple[int, int], set[int]] = {}
    for one in queue.entries:
        if one.wanted.reason is Reason.LIFECYCLE:
            after = (one.wanted.not_before - NOW) / DAY
            days.setdefault((one.wanted.ip, one.wanted.port), set()).add(round(after, 6))
    assert days == {(row["ip"], row["port"]): set(LETTER_DAYS) for row in told(office)}


async def test_who_waits_is_told_when_the_wait_is_over_and_stays_held_out(
    office: Office, post: MadePost
) -> None:
    """A day before nothing goes; then it does, and the table keeps what was drawn."""
    plan(office)
    office.approve_all()
    assert {case for case, _ in (await office.send(post)).sent} == groups(office)[Group.TOLD]
    for days, letters in ((13, set()), (14, groups(office)[Group.HELD_OUT])):
        now = NOW + days * DAY
        office.prove(now - timedelta(hours=2))
        plan(office, now)
        office.approve_all(now)
        sent = {
            case for case, kind in (await office.send(post, now)).sent if kind == "first_notice"
        }
        assert sent == letters
    for row in told(office):
        waited = row["case"] in groups(office)[Group.HELD_OUT]
        assert row["label"] == ("held_out" if waited else "told")
        assert row["sent_at"] == NOW + (14 * DAY if waited else 0 * DAY)
        assert row["started_at"] == NOW
        assert row["delivered"]


def test_without_the_key_of_lots_nothing_is_drawn(office: Office) -> None:
    """Nobody is told because a file was missing; the error says how to make it."""
    (office.judged.settings.keys / f"{EXPERIMENT}.key").unlink()
    with pytest.raises(ConfigError, match=r"experiment\.key.*survey keys init"):
        plan(office)
    assert office.letters() == {}
    assert all(case.draw is None for case in office.cases())


def test_a_signature_that_is_taken_back_leaves_drawn_cases_as_they_are(
    office: Office, tmp_path: Path
) -> None:
    """What was drawn is drawn; only new cases are told at once."""
    plan(office)
    drawn, rows = groups(office), told(office)
    unsigned = make_office(tmp_path / "unsigned")
    unsigned.ledger.close()
    shutil.copytree(
        unsigned.judged.settings.agencies, office.judged.settings.agencies, dirs_exist_ok=True
    )
    plan(office, NOW + timedelta(hours=1))
    assert groups(office) == drawn
    assert told(office) == rows
