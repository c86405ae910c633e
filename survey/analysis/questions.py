"""Whether a question only reads, and only our views: decided over DuckDB's own parse of it.

The type of a statement is not enough.  A SELECT may hold a COPY, an INSERT or a DELETE in its WITH
clause, EXPLAIN ANALYZE runs what it explains, and a table function reads the files behind the views
without their opt-outs.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from survey.analysis.database import Connection
from survey.errors import ConfigError

_READING_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLE_FUNCTIONS = {
    *("range", "generate_series", "unnest", "json_each", "json_tree", "pragma_table_info"),
    *("duckdb_columns", "duckdb_views", "duckdb_tables", "duckdb_functions", "duckdb_settings"),
}
_OUR_OWN = {"optout_ranges", "optout_blocks", "late_ranges", "late_blocks"}
_SCHEMAS = {"", "main", "temp", "information_schema"}
_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(ANALYZE\s+)?", re.IGNORECASE)


def check_question(connection: Connection, question: str) -> frozenset[str]:
    """The names of tables in one SELECT (or EXPLAIN of one), in lower case.

    Names of its own WITH clauses are among them.

    Raises:
        ConfigError: DuckDB does not understand it, or it does anything but read our views.
    """
    try:
        statements = duckdb.extract_statements(question)
    except duckdb.Error as error:
        raise ConfigError("query", "", str(error).partition("\n")[0], "correct it") from error
    if len(statements) != 1 or statements[0].type not in _READING:
        raise _refused("is not one statement that only reads")
    select = _EXPLAIN.sub("", question, count=1)
    parsed = connection.execute("SELECT json_serialize_sql($1)", [select]).fetchall()[0][0]
    content = json.loads(parsed)
    if content["error"]:
        raise _refused("is not one statement that only reads")
    tables = set()
    for node in _nodes(content):
        kind = node.get("type")
        if not isinstance(kind, str):
            continue
        if kind.endswith("_NODE") and kind not in _READING_NODES:
            raise _refused(f"does not only read ({kind.removesuffix('_QUERY_NODE').lower()})")
        if kind == "TABLE_FUNCTION":
            name = node["function"].get("function_name", "").lower()
            if name not in _TABLE_FUNCTIONS:
                raise _refused(f"calls {name or 'a function'}(), which reads more than our tables")
        if kind in {"BASE_TABLE", "SHOW_REF"}:
            tables.add(_table(node))
    return frozenset(tables)


def _table(node: dict[str, Any]) -> str:
    name = (node.get("table_name") or "").strip('"').lower()
    schema = (node.get("schema_name") or "").lower()
    if (
        name in _OUR_OWN
        or schema not in _SCHEMAS
        or node.get("catalog_name") not in {None, "", "temp", "memory"}
    ):
        raise _refused(f"names {schema or 'main'}.{name}, which is no table for questions")
    if "/" in name or "\\" in name or name.endswith((".parquet", ".csv", ".json")):
        raise _refused(f"names a file, {name}")
    return name


def _nodes(content: Any) -> Iterator[dict[str, Any]]:
    """Every object of the parse tree, however deep."""
    rest = [content]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            yield one
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)


def _refused(why: str) -> ConfigError:
    return ConfigError("query", "", why, "write one SELECT over the tables of docs/questions.md")
