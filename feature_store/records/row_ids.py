"""Ids for event rows that bring none: derived from the content, so the same file gives the same ids every time.

Of rows with equal content the first keeps the plain id, later ones get their ordinal (`row-<digest>-1`): a
file that lists the same sale twice means two sales, and importing it again means the same two.
"""

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_store.records.schemas import EVENT_SCHEMA

__all__ = ["RowIds"]

# Sorted and by name, with nothing for a null cell: a field that the table gains one day changes no id of today.
_CONTENT = sorted(set(EVENT_SCHEMA.names) - {"event_id", "received_at", "schema"})
# No clean cell holds this character, so joined cells cannot be confused.
_SEPARATOR = "\x1f"
_HEX = 32


class RowIds:
    """Remembers the contents of one file: 16 bytes per row without an id."""

    def __init__(self) -> None:
        self._seen = np.empty(0, dtype=np.uint64)
        self._counts = np.empty(0, dtype=np.int64)

    def fill(self, events: pa.Table) -> pa.Table:
        """`events` (EVENT_SCHEMA, in file order) with an id in every row."""
        missing = np.flatnonzero(events.column("event_id").is_null().to_numpy())
        if not len(missing):
            return events
        derived = self._derive(events.take(missing))
        ids = np.array(events.column("event_id").to_pylist(), dtype=object)
        ids[missing] = derived
        return events.set_column(0, EVENT_SCHEMA.field(0), pa.array(ids, pa.string()))

    def _derive(self, rows: pa.Table) -> list[str]:
        cells = [_cells(name, rows.column(name)) for name in _CONTENT]
        joined = pc.binary_join_element_wise(*cells, _SEPARATOR, null_handling="skip")
        digests = b"".join(
            blake2b(text.encode(), digest_size=_HEX // 2).digest() for text in joined.to_pylist()
        )
        keys = np.frombuffer(digests, dtype=np.uint64)[::2]
        names = digests.hex()
        return [
            f"row-{names[at : at + _HEX]}" + (f"-{ordinal}" if ordinal else "")
            for at, ordinal in zip(range(0, len(names), _HEX), self._ordinals(keys).tolist(), strict=True)
        ]

    def _ordinals(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """How often each row's content came before, in this file."""
        order = np.argsort(keys, kind="stable")
        distinct, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
        ordinals = np.empty(len(keys), dtype=np.int64)
        ordinals[order] = (
            np.arange(len(keys)) - np.repeat(starts, counts) + np.repeat(self._before(distinct), counts)
        )
        self._remember(distinct, counts)
        return ordinals

    def _before(self, distinct: NDArray[np.uint64]) -> NDArray[np.int64]:
        at = np.searchsorted(self._seen, distinct)
        known = np.append(self._seen, np.uint64(0))[at] == distinct
        known &= at < len(self._seen)
        before: NDArray[np.int64] = np.where(known, np.append(self._counts, 0)[at], 0)
        return before

    def _remember(self, distinct: NDArray[np.uint64], counts: NDArray[np.int64]) -> None:
        keys = np.concatenate([self._seen, distinct])
        self._seen, inverse = np.unique(keys, return_inverse=True)
        self._counts = np.bincount(inverse, np.concatenate([self._counts, counts])).astype(np.int64)


def _cells(name: str, column: pa.ChunkedArray) -> pa.Scalar | pa.Array:
    """Cells as `name=value`, the same in every version of every library: floats by their bits."""
    if column.null_count == len(column):
        return pa.scalar(None, pa.string())
    whole = column.combine_chunks()
    if pa.types.is_floating(whole.type):
        bits = np.ascontiguousarray(pc.fill_null(whole, 0.0).to_numpy()).view(np.int64)
        whole = pc.if_else(whole.is_valid(), pa.array(bits), None)
    elif pa.types.is_boolean(whole.type):
        whole = pc.if_else(whole, True, None)  # what is not said counts as false
    return pc.binary_join_element_wise(name, whole.cast(pa.string()), "=")
