"""An agency is told since when each server is open, under which case, and who lists it."""

import csv
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from judged_run import BEGUN, IP, JudgedRun, make_judged_run
from made_cases import made_episode

from survey.flows.report import make_report
from survey.model.address import parse_ip
from survey.model.episode import ExposureKind
from survey.storage.schemas import EPISODES, TOLD

NOW = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
SINCE = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)
RELAY, BOTH = IP["relay"], IP["both"]


@pytest.fixture
def judged_run(tmp_path: Path) -> JudgedRun:
    """A run whose relay was open three weeks ago already, and was written about."""
    made = make_judged_run(tmp_path)
    layout = made.layout
    relays = {"opened_at": SINCE, "country": "ES", "last_open_at": BEGUN}
    rows = [
        made_episode(parse_ip(RELAY), 25, ExposureKind.RELAY, relays),
        # of another life, over before this run
        made_episode(
            parse_ip(BOTH),
            25,
            ExposureKind.RELAY,
            relays | {"state": "fixed", "fixed_at": datetime(2026, 11, 10, tzinfo=UTC)},
        ),
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=EPISODES), layout.episodes("trial"))
    told = [
        _told("OSYS-2026-000001", "es-prueba", RELAY, sent_at=BEGUN),
        _told("OSYS-2026-000002", "es-prueba", BOTH),
        _told("OSYS-2026-000003", "xx-net", BOTH, sent_at=BEGUN),
    ]
    path = layout.campaign("trial") / "told.parquet"
    pq.write_table(pa.Table.from_pylist(told, schema=TOLD), path)
    return made


def _told(case: str, agency: str, ip: str, sent_at: datetime | None = None) -> dict[str, object]:
    return {
        **{field.name: None if field.nullable else "" for field in TOLD},
        "campaign": "trial",
        "case": case,
        "agency": agency,
        "ip": parse_ip(ip),
        "port": 25,
        "kind": "relay",
        "label": "told",
        "sent_at": sent_at,
    }


def _rows(made: JudgedRun, agency: str) -> dict[tuple[str, str], tuple[str, ...]]:
    report = make_report(made.settings, agency, "2026-W48", now=NOW)
    with report.hosts.open(encoding="utf-8", newline="") as file:
        return {
            (row["ip"], row["port"]): tuple(
                row[name] for name in ("open_since", "days_open", "case", "listings")
            )
            for row in csv.DictReader(file)
        }


def test_since_when_which_case_and_which_listing(judged_run: JudgedRun) -> None:
    """Of the exposure that lasts; a letter that was not sent has no number yet."""
    rows = _rows(judged_run, "es-prueba")
    assert rows[RELAY, "25"] == (
        "2026-11-03 05:00:00",
        "21",
        "OSYS-2026-000001",
        "open.lists.example; relays.lists.example",
    )
    assert [rows[BOTH, port][:3] for port in ("25", "1080")] == [("", "", "")] * 2


def test_a_case_is_its_own_agencys(judged_run: JudgedRun) -> None:
    """Two agencies see the address; each is told of its own letters only."""
    assert _rows(judged_run, "xx-net")[BOTH, "25"][2] == "OSYS-2026-000003"
    assert _rows(judged_run, "es-prueba")[BOTH, "25"][2] == ""


def test_without_episodes_letters_and_listings_the_columns_are_empty(tmp_path: Path) -> None:
    """A first run has none of them."""
    made = make_judged_run(tmp_path)
    shutil.rmtree(made.layout.registries / "listing")
    assert set(_rows(made, "es-prueba").values()) == {("", "", "", "")}
