"""IntelMQ's own parsers read our files, in an environment of IntelMQ's own (never a dependency)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_feed import made_about, made_rows
from shadowserver_entries import entries

from survey.model.delivery import Format
from survey.reports.feeds.files import feed_files

ROOT = Path(__file__).parents[2]
PYTHON = Path("/var/cache/survey-tests/intelmq/bin/python")

pytestmark = pytest.mark.long


def test_intelmq_reads_every_file_without_a_remark(tmp_path: Path) -> None:
    """With Shadowserver's schema for its two types and ours for ours: all rows, each field."""
    if not PYTHON.exists():
        pytest.skip("tests/run.py --long makes the environment with IntelMQ, as root on Debian")
    rows = made_rows(32)
    ours = ROOT / "survey/reports/feeds/intelmq_schema.json"
    schema = entries() | json.loads(ours.read_text(encoding="utf-8"))
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    paths = []
    for file in feed_files(made_about(formats=(Format.SHADOWSERVER, Format.INTELMQ)), rows):
        paths.append(tmp_path / file.name)
        paths[-1].write_bytes(file.data)
    reader = ROOT / "tests/made/intelmq_reader.py"
    command = [PYTHON, reader, tmp_path / "schema.json", tmp_path / "answer.json", *paths]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    answer = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))

    assert answer["problems"] == []
    by_csv = [
        event
        for name in answer["events"]
        if name.endswith(".csv")
        for event in answer["events"][name]
    ]
    by_json = [
        event
        for name in answer["events"]
        if name.endswith(".jsonl")
        for event in answer["events"][name]
    ]
    expected = {str(row.id): row for row in rows}
    for events in (by_csv, by_json):
        assert {event["extra.finding_id"] for event in events} == set(expected)
        assert len(events) == len(rows)
        for event in events:
            row = expected[event["extra.finding_id"]]
            assert event["source.ip"] == row.ip
            assert event["source.port"] == row.port
            assert event["severity"] == row.severity
            assert event.get("source.asn") == row.asn
            assert event.get("source.geolocation.cc", "") == row.geo
            assert event.get("source.reverse_dns", "") == row.hostname
            assert event["time.source"] == f"{row.last_seen:%Y-%m-%dT%H:%M:%S+00:00}"
            assert event["classification.identifier"] == row.report.identifier
            assert event["classification.type"] == "vulnerable-system"
    sys.stderr.write(f"IntelMQ's parsers read {len(by_csv)} rows and {len(by_json)} events\n")
