"""Rows of who was told and who was held out, without the ledger behind them."""

import pyarrow as pa
from made_episodes import day

from survey.storage.schemas import TOLD


def letter(case: str, ip: int, **known: object) -> dict[str, object]:
    """An exposure of a case that was drawn on day 0, to be told at once, and was."""
    blank: dict[str, object] = {
        "campaign": "made",
        "ip": ip,
        "port": 1080,
        "kind": "proxy",
        "started_at": day(0),
        "label": "told",
        "case": case,
        "agency": "es-prueba",
        "experiment": "E0",
        "drawn_at": day(0),
        "until": None,
        "language": "operator",
        "medium": "text",
        "wording": "findings_first",
        "sent_at": day(0),
        "delivered": True,
        "bounced": False,
    }
    return blank | known


def letters(*rows: dict[str, object]) -> pa.Table:
    """These rows as a table."""
    return pa.Table.from_pylist(list(rows), TOLD)
