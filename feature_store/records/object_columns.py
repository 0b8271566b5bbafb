"""Objects (JSON lines) turned into columns, when every field holds one kind of value throughout."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from feature_store.records.codec import json_text
from feature_store.records.fields import Field, Kind

__all__ = ["columns_of"]

# Arrow would silently read True among floats as 1.0, so types are compared here, not there.
_UNIFORM: Final = frozenset(
    frozenset(kinds) for kinds in ((), (str,), (int,), (float,), (int, float), (bool,), (dict,))
)


def columns_of(objects: Sequence[Mapping[str, Any]], fields: Mapping[str, Field]) -> pa.Table | None:
    """A column per field that occurs, maps as JSON text; None when the values of a field differ in type."""
    present = set().union(*objects) & fields.keys()
    columns = {}
    for name in fields:
        if name in present:
            column = _column([row.get(name) for row in objects], fields[name])
            if column is None:
                return None
            columns[name] = column
    return pa.table(columns) if columns else None


def _column(values: list[Any], field: Field) -> pa.Array | None:
    kinds = frozenset(map(type, values)) - {type(None)}
    if kinds not in _UNIFORM or (dict in kinds and field.kind is not Kind.MAP):
        return None
    if dict in kinds:
        values = [_map_text(value) for value in values]
    try:
        return pa.array(values) if kinds else pa.nulls(len(values), pa.string())
    except (pa.ArrowInvalid, OverflowError):
        return None


def _map_text(value: Mapping[str, Any] | None) -> str | None:
    """JSON, or text that is none where JSON has null: that may have been an infinite number."""
    text = json_text(value)
    return "?" if text is not None and "null" in text else text
