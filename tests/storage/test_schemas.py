"""Every table and every field of it says what it is, and the words fit the columns."""

from dataclasses import fields

import pyarrow as pa
import pytest

from survey.model.arrival import Arrival
from survey.model.assignment import Receipt
from survey.model.observation import Observation
from survey.storage.schemas import ARRIVALS, OBSERVATIONS, RECEIPTS, TABLES


@pytest.mark.parametrize("name", TABLES)
def test_every_field_is_documented(name: str) -> None:
    """The data dictionary is generated from here."""
    schema = TABLES[name]

    assert schema.metadata[b"grain"]
    assert all(field.metadata[b"doc"] for field in schema)


@pytest.mark.parametrize("name", TABLES)
def test_addresses_are_numbers_and_times_are_utc(name: str) -> None:
    """Decision 0001, and no time without a zone."""
    for field in TABLES[name]:
        assert field.name != "ip" or field.type == pa.uint32()
        assert not pa.types.is_timestamp(field.type) or field.type.tz == "UTC"


@pytest.mark.parametrize(
    ("word", "schema", "own"),
    [
        (Observation, OBSERVATIONS, ["run", "round", "shard", "process"]),
        (Receipt, RECEIPTS, []),
        (Arrival, ARRIVALS, []),
    ],
)
def test_words_and_columns_are_the_same(word: type, schema: pa.Schema, own: list[str]) -> None:
    """A record's fields are its table's columns, in this order."""
    assert own + [field.name for field in fields(word)] == schema.names
