"""Takes everything about some addresses out of the rows of any table of ours.

A row goes if it is about one of them: by its address, by the token in it, or as a registry's entry
for nothing else.  In the rows of others, their packed form becomes nothing and their text becomes
asterisks: a host's reply may name its neighbour, and a relay's mail may come out elsewhere.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from survey.protocols.token import TOKEN_CHARS, address_in
from survey.storage.mentions import (
    Addresses,
    maybe_named,
    without_names,
    without_packed,
)
from survey.storage.rewriting import Change, Changed

_MAPPED = b"\0" * 10 + b"\xff\xff"
_PACKED_BYTES = 16
_ENTRIES = {"email", "listing"}
"""Ranges of these tables say something about whoever has them; others are public registries."""
_FIXED = {"token", "nonce"}


def erasing(addresses: Addresses) -> Change:
    """The change that takes the addresses out of a table."""

    def change(table: pa.Table) -> Changed:
        packed, named = _packed(table, addresses), _in_tokens(table, addresses)
        gone = _about(table, addresses) | named
        if packed is not None and "token" in table.column_names:
            # an event without a token is about nobody but who made it
            gone |= packed & np.asarray(pc.equal(table["token"], "").to_numpy(), dtype=bool)
        rows = table.filter(pa.array(~gone)) if gone.any() else table
        rows, altered = _without(rows, addresses)
        return Changed(rows, int(gone.sum()), int(altered.sum()))

    return change


def _none(table: pa.Table) -> NDArray[np.bool_]:
    return np.zeros(table.num_rows, dtype=bool)


def _about(table: pa.Table, addresses: Addresses) -> NDArray[np.bool_]:
    names = set(table.column_names)
    if "ip" in names and pa.types.is_uint32(table.schema.field("ip").type):
        return addresses.contains(table["ip"].to_numpy())
    if {"range_start", "range_end"} <= names and names & _ENTRIES:
        starts, ends = table["range_start"].to_numpy(), table["range_end"].to_numpy()
        if not len(addresses.starts):
            return _none(table)
        at = np.searchsorted(addresses.starts, starts, side="right") - 1
        return np.asarray((at >= 0) & (ends <= addresses.ends[at]), dtype=bool)
    return _none(table)


def _in_tokens(table: pa.Table, addresses: Addresses) -> NDArray[np.bool_]:
    if "token" not in table.column_names or "ip" in table.column_names:
        return _none(table)
    tokens = table["token"].to_pylist()
    ips = [_address(token) for token in tokens]
    known = np.array([ip is not None for ip in ips], dtype=bool)
    numbers = np.array([ip or 0 for ip in ips], dtype=np.uint32)
    return known & addresses.contains(numbers)


def _address(token: str) -> int | None:
    if len(token) != TOKEN_CHARS:
        return None
    try:
        return address_in(token)
    except ValueError:
        return None


def _packed(table: pa.Table, addresses: Addresses) -> NDArray[np.bool_] | None:
    """In which rows a packed address is one of them; None if the table has none."""
    columns = [one.name for one in table.schema if one.type == pa.binary(_PACKED_BYTES)]
    if not columns:
        return None
    found = _none(table)
    for name in columns:
        found |= _is_packed(table[name], addresses)
    return found


def _is_packed(column: pa.ChunkedArray, addresses: Addresses) -> NDArray[np.bool_]:
    blank = b"\0" * _PACKED_BYTES
    values = b"".join(value or blank for value in column.to_pylist())
    table = np.frombuffer(values, np.uint8).reshape(-1, _PACKED_BYTES)
    mapped = (table[:, :12] == np.frombuffer(_MAPPED, np.uint8)).all(axis=1)
    numbers = np.ascontiguousarray(table[:, 12:]).view(">u4")[:, 0].astype(np.uint32)
    return np.asarray(mapped & addresses.contains(numbers), dtype=bool)


def _without(table: pa.Table, addresses: Addresses) -> tuple[pa.Table, NDArray[np.bool_]]:
    """The rows with every mention of the addresses taken out, and which rows had one."""
    altered = _none(table)
    socks = _none(table)
    if "probe" in table.column_names:
        found = pc.starts_with(table["probe"], "socks")
        socks = np.asarray(found.to_numpy(), dtype=bool)
    for at, field in enumerate(table.schema):
        kind, column = field.type, table[field.name]
        if kind == pa.binary(_PACKED_BYTES):
            mine = _is_packed(column, addresses)
            nothing = None if field.nullable else b"\0" * _PACKED_BYTES
            values = [
                nothing if hit else value
                for hit, value in zip(mine.tolist(), column.to_pylist(), strict=True)
            ]
        elif field.name not in _FIXED and (pa.types.is_binary(kind) or pa.types.is_string(kind)):
            values, mine = _blanked(column, addresses, socks & pa.types.is_binary(kind))
        else:
            continue
        if mine.any():
            table = table.set_column(at, field, pa.array(values, kind))
            altered |= mine
    return table, altered


def _blanked(
    column: pa.ChunkedArray, addresses: Addresses, packed: NDArray[np.bool_]
) -> tuple[list[str | bytes | None], NDArray[np.bool_]]:
    """Values without mentions, and which had one; ``packed``: may hold one in four bytes."""
    look = maybe_named(column, addresses) | packed
    mine = np.zeros(len(column), dtype=bool)
    values = column.to_pylist() if look.any() else []
    for at in np.flatnonzero(look).tolist():
        before = values[at]
        if before is None:
            continue
        text = before.encode() if isinstance(before, str) else before
        after = without_names(text, addresses)
        if packed[at]:
            after = without_packed(after, addresses)
        if after != text:
            mine[at] = True
            values[at] = after.decode() if isinstance(before, str) else after
    return values, mine
