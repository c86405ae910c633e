"""Runs in IntelMQ's own environment: its parsers read our files, and write the events as JSON.

``python intelmq_reader.py SCHEMA ANSWER FILE...``: ``.csv`` goes to the Shadowserver parser with
that schema, ``.jsonl`` to the JSON parser.
"""

import json
import sys
from pathlib import Path

from intelmq.bots.parsers.json.parser import JSONParserBot
from intelmq.bots.parsers.shadowserver import _config
from intelmq.bots.parsers.shadowserver.parser import ShadowserverParserBot
from intelmq.lib.bot import BotLibSettings
from intelmq.lib.message import Report

schema, answer, *paths = map(Path, sys.argv[1:])
# IntelMQ looks for its schema in a folder of an installation; this is one in a file of our own
state = _config.__dict__["__config"]
state.schema_base = state.schema_file = state.schema_active = str(schema)
problems: list[str] = []
events: dict[str, list[dict[str, object]]] = {}


def complain(text: str, *values: object) -> None:
    """Whatever a parser would have written to its log."""
    problems.append(text % values)


for path in paths:
    report = Report()
    report.add("feed.name", "survey")
    report.add("extra.file_name", path.name)
    report.add("raw", path.read_text(encoding="utf-8"))
    if path.suffix == ".csv":
        bot = ShadowserverParserBot("ours", settings=BotLibSettings | {"overwrite": True})
    else:
        bot = JSONParserBot("ours", settings=BotLibSettings | {"splitlines": True})
    bot.logger.warning = bot.logger.error = complain
    queues = bot.process_message(report)
    problems += [str(one) for one in queues.get("error", [])]
    events[path.name] = [one.to_dict(hierarchical=False) for one in queues["output"]]
answer.write_text(json.dumps({"events": events, "problems": problems}), encoding="utf-8")
