"""The values that only tables of columns have, as plain ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Convert = Callable[[Any], Any]


def plain_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows of a table: decimals as numbers, texts without their type as texts, JSON and maps as what they hold.

    Raises ValueError, TypeError or OverflowError for a value that Python cannot hold, as a time of the year 10,000.
    """
    converters = {field.name: convert for field in batch.schema if (convert := _converter(field.type))}
    rows: list[dict[str, Any]] = batch.to_pylist()
    if converters:
        for row in rows:
            for name, convert in converters.items():
                if row[name] is not None:
                    row[name] = convert(row[name])
    return rows


def _converter(kind: pa.DataType) -> Convert | None:
    """What makes a plain value of one of this type, no null; None where it is one."""
    import pyarrow as pa

    types = pa.types
    if types.is_decimal(kind):
        return _number
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return _text
    if types.is_fixed_size_binary(kind):
        return _text
    if isinstance(kind, pa.JsonType):
        return _json
    if isinstance(kind, pa.UuidType):
        return str
    if types.is_map(kind):
        return _each_of_map(_converter(kind.item_type))
    if types.is_struct(kind):
        inside = {field.name: convert for field in kind if (convert := _converter(field.type))}
        return _each_of_struct(inside) if inside else None
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        one = _converter(kind.value_type)
        return _each_of_list(one) if one else None
    return None


def _each_of_list(convert: Convert) -> Convert:
    return lambda values: [None if value is None else convert(value) for value in values]


def _each_of_struct(inside: dict[str, Convert]) -> Convert:
    def convert_fields(value: dict[str, Any]) -> dict[str, Any]:
        return value | {
            name: convert(value[name]) for name, convert in inside.items() if value[name] is not None
        }

    return convert_fields


def _each_of_map(convert: Convert | None) -> Convert:
    """pyarrow gives a list of pairs."""
    return lambda pairs: {
        key: convert(value) if convert and value is not None else value for key, value in pairs
    }


def _number(value: Any) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
