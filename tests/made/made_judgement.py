"""Rows in, findings out: what the rules say of a few observations and arrivals."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from survey.analysis.findings import Material, write_findings
from survey.model.observation import Observation, Protocol, Step
from survey.storage.layout import Layout
from survey.storage.schemas import ARRIVALS
from survey.storage.shard_file import rows
from survey.targets.ranges import RangeSet


def reply(code: int, text: str, at: str = "RCPT", **more: object) -> dict:
    """A refusal in words."""
    return {
        "step": Step.SPOKE,
        "refused_at": at,
        "code": code,
        "reply": f"{code} {text}\r\n".encode("latin-1"),
        "protocol": Protocol.SMTP,
        **more,
    }


def refusal(code: int, at: str = "CONNECT") -> dict:
    """A refusal by number."""
    return {"step": Step.SPOKE, "refused_at": at, "code": code}


def judged(tmp_path: Path, observations: list[Observation], arrivals: tuple = ()) -> list[dict]:
    """The findings of some rows."""
    tmp_path.mkdir(exist_ok=True)
    layout = Layout(tmp_path / "data")
    observed, heard = tmp_path / "observations.parquet", tmp_path / "arrivals.parquet"
    pq.write_table(rows("run", 0, observations), observed)
    columns = {name: [getattr(one, name) for one in arrivals] for name in ARRIVALS.names}
    pq.write_table(pa.Table.from_pydict(columns, schema=ARRIVALS), heard)
    material = Material("campaign", "run", (observed,), (heard,), RangeSet.of(()), 0)
    write_findings(layout, material)
    return pq.read_table(layout.run("campaign", "run").findings).to_pylist()
