"""Foreign Arrow columns brought into the few types that the validators know, without changing what they say.

Text, int64, float64, bool, timestamp (µs) and nested types remain; dictionaries, decimals, dates and small or
unsigned numbers become one of them.
"""

from collections.abc import Callable, Sequence

import pyarrow as pa

from feature_store.errors import FileFormatError

__all__ = ["plain"]

_Test = Callable[[pa.DataType], bool]


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_null(kind)
    )


def _is_wide(kind: pa.DataType) -> bool:
    # Ids of 64 unsigned bits do not fit into int64; as text they lose nothing.
    return bool(pa.types.is_uint64(kind))


def _is_fraction(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


_TARGETS: Sequence[tuple[_Test, pa.DataType]] = (
    (_is_text, pa.string()),
    (_is_wide, pa.string()),
    (pa.types.is_integer, pa.int64()),
    (_is_fraction, pa.float64()),
    (pa.types.is_date, pa.timestamp("us")),
)


def plain(column: pa.Array, name: str) -> pa.Array:
    """`column` in a known type; FileFormatError when its values do not fit."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    for fits, target in _TARGETS:
        if fits(kind):
            return _cast(column, target, name)
    return column


def _cast(column: pa.Array, target: pa.DataType, name: str) -> pa.Array:
    try:
        return column.cast(target)
    except pa.ArrowInvalid as error:
        raise FileFormatError(
            f"column {name!r} ({column.type}) cannot be read as {target}: {error}"
        ) from error
