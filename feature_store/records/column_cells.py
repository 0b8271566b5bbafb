"""Whole columns read at once: per kind, values in their stored type and a mask of cells surely read right.

A false mask means "ask the row reader", never "refused": `cells` alone decides and words refusals. So a
reader here must be sound (what it accepts, `cells` accepts with the same value) but may be incomplete. Null
cells are right.
"""

from collections.abc import Callable, Mapping

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_store.records.cells import CONTROL, EDGE_SPACE, UNPRINTABLE, read_cell
from feature_store.records.codec import json_text
from feature_store.records.fields import EARLIEST, MAX_FUTURE, CellError, Field, Kind, Policy
from feature_store.records.times import AWARE, DIGITS, NAIVE

__all__ = ["Mask", "read_column"]

Mask = NDArray[np.bool_]
_Read = tuple[pa.Array, Mask]
_EXACT = 2**53
# Narrower than what the row reader takes, and never more than what Arrow's casts take.
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_WHOLE = "^-?[0-9]{1,18}$"
_SMALL = 256


def read_column(field: Field, column: pa.Array, policy: Policy) -> _Read:
    """Values in the stored type (anything where the mask is false) and the mask; empty text is null."""
    if pa.types.is_string(column.type):
        column = pc.if_else(pc.equal(column, ""), None, column)
    if field.server:
        return pa.nulls(len(column), pa.string()), _mask(pc.is_null(column))
    values, right = _READERS[field.kind](field, column, policy)
    return values, right | _mask(pc.is_null(column))


def _mask(condition: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def _none(column: pa.Array, kind: pa.DataType) -> _Read:
    return pa.nulls(len(column), kind), np.zeros(len(column), dtype=np.bool_)


def _id(field: Field, column: pa.Array, _policy: Policy) -> _Read:
    if pa.types.is_integer(column.type):
        return column.cast(pa.string()), np.ones(len(column), dtype=np.bool_)
    if not pa.types.is_string(column.type):
        return _none(column, pa.string())
    return column, _clean_text(field, column, f"{UNPRINTABLE}|{EDGE_SPACE}")


def _text(field: Field, column: pa.Array, _policy: Policy) -> _Read:
    if not pa.types.is_string(column.type):
        return _none(column, pa.string())
    return column, _clean_text(field, column, CONTROL)


def _clean_text(field: Field, column: pa.Array, dirt: str) -> Mask:
    # A column of few distinct texts is checked once per text.
    distinct = column.dictionary_encode()
    words = distinct.dictionary
    short = pc.less_equal(pc.utf8_length(words), field.length)
    right = _mask(pc.and_(short, pc.invert(pc.match_substring_regex(words, dirt))))
    return _spread(right, distinct.indices)


def _spread(right: Mask, indices: pa.Array) -> Mask:
    codes = pc.fill_null(indices, -1).to_numpy()
    spread: Mask = np.append(right, False)[codes]
    return spread


def _one_of(field: Field, column: pa.Array, _policy: Policy) -> _Read:
    if not pa.types.is_string(column.type):
        return _none(column, pa.string())
    if field.kind is Kind.CHOICE:
        return column, _mask(pc.is_in(column, value_set=pa.array(field.choices, pa.string())))
    return column, _mask(pc.match_substring_regex(column, f"^({field.pattern})$"))


def _number(field: Field, column: pa.Array, _policy: Policy) -> _Read:
    if pa.types.is_string(column.type):
        column = _where(column, pc.match_substring_regex(column, _NUMBER))
    elif not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return _none(column, pa.float64())
    values = pc.add(column.cast(pa.float64(), safe=False), 0.0)  # turns -0.0 into 0.0
    return values, _mask(pc.and_(pc.is_finite(values), _in_range(field, values)))


def _integer(field: Field, column: pa.Array, _policy: Policy) -> _Read:
    whole = _whole(column, _WHOLE)
    if whole is None:
        return _none(column, pa.int32())
    right = _mask(_in_range(field, whole))
    return _where(whole, pa.array(right)).cast(pa.int32()), right


def _in_range(field: Field, values: pa.Array) -> pa.Array:
    inside = pc.is_valid(values)
    if field.low is not None:
        inside = pc.and_(inside, pc.greater_equal(values, field.low))
    if field.high is not None:
        inside = pc.and_(inside, pc.less_equal(values, field.high))
    return inside


def _whole(column: pa.Array, pattern: str) -> pa.Array | None:
    """Whole numbers as int64, null where the cell is none; None for a column of another type."""
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if pa.types.is_string(column.type):
        return _where(column, pc.match_substring_regex(column, pattern)).cast(pa.int64())
    if pa.types.is_floating(column.type):
        exact = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _EXACT))
        return _where(column, exact).cast(pa.int64())
    return None


def _where(column: pa.Array, condition: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(condition, False), column, None)


def _time(field: Field, column: pa.Array, policy: Policy) -> _Read:
    moments = _moments(column, policy)
    latest = policy.now + MAX_FUTURE if field.past else _EXACT - 1
    right = pc.and_(pc.greater_equal(moments, EARLIEST), pc.less_equal(moments, latest))
    return moments, _mask(right)


def _moments(column: pa.Array, policy: Policy) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return _localized(column, policy).cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    if not pa.types.is_string(column.type):
        whole = _whole(column, DIGITS)
        return pa.nulls(len(column), pa.int64()) if whole is None else whole
    aware = _parsed(_where(column, pc.match_substring_regex(column, AWARE)), pa.timestamp("us", "UTC"))
    naive = _parsed(_where(column, pc.match_substring_regex(column, NAIVE)), pa.timestamp("us"))
    texts = [_moments(times, policy) for times in (aware, naive)]
    return pc.coalesce(*texts, _whole(column, DIGITS))


def _localized(column: pa.Array, policy: Policy) -> pa.Array:
    if column.type.tz is not None:
        return column
    if policy.timezone is None:
        return pa.nulls(len(column), pa.timestamp("us", "UTC"))
    try:
        return pc.assume_timezone(column, policy.timezone.key, ambiguous="earliest", nonexistent="raise")
    except pa.ArrowInvalid:  # an hour that the clock skipped: the row reader knows what it means
        return pa.nulls(len(column), pa.timestamp("us", "UTC"))


def _parsed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts as timestamps. One 30 February makes Arrow refuse all, so halve until few rows suffer."""
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        if len(column) <= _SMALL:
            return pa.nulls(len(column), kind)
    half = len(column) // 2
    return pa.concat_arrays([_parsed(column[:half], kind), _parsed(column[half:], kind)])


def _flag(_field: Field, column: pa.Array, _policy: Policy) -> _Read:
    if pa.types.is_boolean(column.type):
        return column, np.ones(len(column), dtype=np.bool_)
    if not pa.types.is_string(column.type):
        return _none(column, pa.bool_())
    known = pc.is_in(column, value_set=pa.array(["true", "false", "True", "False", "1", "0"]))
    yes = pc.is_in(column, value_set=pa.array(["true", "True", "1"]))
    return _where(yes, pc.is_valid(column)), _mask(known)


def _map(field: Field, column: pa.Array, policy: Policy) -> _Read:
    distinct = column.dictionary_encode() if pa.types.is_string(column.type) else None
    cells = column.to_pylist() if distinct is None else distinct.dictionary.to_pylist()
    texts = [_map_text(field, cell, policy) for cell in cells]
    right = np.array([text is not None for text in texts], dtype=np.bool_)
    values = pa.array([text or None for text in texts], pa.string())
    if distinct is None:
        return values, right
    return values.take(distinct.indices), _spread(right, distinct.indices)


def _map_text(field: Field, cell: object, policy: Policy) -> str | None:
    """Canonical JSON, empty for an empty map, None when the row reader must look at it."""
    try:
        return "" if cell is None else json_text(read_cell(field, cell, policy)) or ""
    except (CellError, orjson.JSONEncodeError):
        return None


_READERS: Mapping[Kind, Callable[[Field, pa.Array, Policy], _Read]] = {
    Kind.ID: _id,
    Kind.TEXT: _text,
    Kind.CODE: _one_of,
    Kind.CHOICE: _one_of,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.TIME: _time,
    Kind.FLAG: _flag,
    Kind.MAP: _map,
}
