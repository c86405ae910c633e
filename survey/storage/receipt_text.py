"""A receipt as text, for footers and manifests, and back."""

from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from survey.errors import StorageError
from survey.model.assignment import Receipt

_TYPES = {field.name: field.type for field in fields(Receipt)}
_ALWAYS = {field.name for field in fields(Receipt) if field.default is MISSING}


def receipt_to_content(receipt: Receipt) -> dict[str, Any]:
    """The receipt as JSON content; times in ISO 8601 with offset."""
    content = {name: getattr(receipt, name) for name in _TYPES}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in content.items()
    }


def receipt_from_content(content: object, source: object) -> Receipt:
    """The receipt of that JSON content.

    Raises:
        StorageError: It is not a receipt; ``source`` is named.
    """
    if not isinstance(content, dict) or not _ALWAYS <= set(content) <= set(_TYPES):
        raise StorageError(f"{source}: holds no receipt that this version can read")
    try:
        return Receipt(**{name: _value(name, value) for name, value in content.items()})
    except (TypeError, ValueError) as error:
        raise StorageError(f"{source}: its receipt is damaged: {error}") from error


def _value(name: str, value: object) -> Any:
    kind = _TYPES[name]
    if kind is datetime:
        return datetime.fromisoformat(str(value))
    assert isinstance(kind, type)
    if type(value) is not kind:
        raise ValueError(f"{name} is {value!r}")
    return value
