"""CAIDA's AS-to-organisation files (as2org): who runs each network.

Two tables in one file.  As text, ``# format:`` lines say which columns follow::

    # format:org_id|changed|org_name|country|source
    # format:aut|changed|aut_name|org_id|opaque_id|source

As JSON, one object a line with ``"type": "Organization"`` or ``"ASN"``.  The opaque id is the one
that registries write into their delegated-extended files, so that it joins both.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from survey.enrichment.content import Content
from survey.enrichment.lines import country_code, name_text, network_number
from survey.enrichment.source_file import SourceFile

_FORMAT = "# format:"
_TEXT = {
    "aut": "asn",
    "aut_name": "name",
    "org_id": "organizationId",
    "org_name": "name",
    "opaque_id": "opaqueId",
}
"""Columns of the text under the names that the JSON has for them."""
_REGISTRIES = {"ripe": "ripencc"}
"""Registries that as2org names otherwise than delegated-extended files do."""

Record = Mapping[str, str]
Place = tuple[SourceFile, int]


def read_organisations(files: Sequence[SourceFile]) -> Content:
    """Rows of ORGANISATIONS, one per network.

    A network whose organisation the file does not have is left out and counted in a note; of two
    lines about one network the last one counts.

    Raises:
        ConfigError: A line is broken, or there is no ``# format:`` line where one is due.
    """
    organisations: dict[str, tuple[str, str | None]] = {}
    networks: dict[int, tuple[str, str, str | None]] = {}
    for file in files:
        for number, record in _records(file):
            try:
                if "asn" in record:
                    networks[network_number(record["asn"])] = (
                        name_text(record.get("name", "")),
                        record["organizationId"],
                        _holder(record),
                    )
                else:
                    organisations[record["organizationId"]] = (
                        name_text(record["name"]),
                        country_code(record["country"]) if record.get("country") else None,
                    )
            except KeyError as error:
                raise file.wrong(
                    number, f"has no {error.args[0]}", "fetch the file again"
                ) from error
            except ValueError as error:
                problem, _, cure = str(error).partition("; ")
                raise file.wrong(number, problem, cure) from error
    rows: list[tuple[object, ...]] = [
        (asn, name, *organisations[id_][:1], name_text(id_), organisations[id_][1], holder)
        for asn, (name, id_, holder) in sorted(networks.items())
        if id_ in organisations
    ]
    lost = len(networks) - len(rows)
    return Content(
        rows, (f"{lost:,} networks have an organisation that is not in the file",) if lost else ()
    )


def _records(file: SourceFile) -> Iterator[tuple[int, Record]]:
    columns: list[str] = []
    for number, line in file.lines():
        if line.startswith("{"):
            yield number, _object(file, number, line)
        elif line.startswith(_FORMAT):
            names = line.removeprefix(_FORMAT).strip().split("|")
            columns = [_TEXT.get(name, name) for name in names]
        elif not line.startswith("#"):
            fields = line.split("|")
            if len(fields) != len(columns):
                raise file.wrong(
                    number,
                    f"has {len(fields)} fields and its table {len(columns)}",
                    "keep the publisher's `# format:` lines",
                )
            yield number, dict(zip(columns, map(str.strip, fields), strict=True))


def _object(file: SourceFile, number: int, line: str) -> Record:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise file.wrong(number, "is no JSON object", "fetch the file again") from error
    return {key: str(value) for key, value in record.items() if value is not None}


def _holder(record: Record) -> str | None:
    """``registry:opaque id`` as in REGISTRATION_RANGES; here the registry stands behind it."""
    opaque, _, registry = record.get("opaqueId", "").rpartition("_")
    registry = registry.lower()
    return f"{_REGISTRIES.get(registry, registry)}:{name_text(opaque)}" if opaque else None
