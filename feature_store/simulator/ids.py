"""Ids of the simulated shop: a letter and a number of fixed width, and fast columns of them.

A column is built as bytes, three digits at a time, without one Python object per row.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["id_column", "item_id", "sku", "user_id"]

Codes = npt.NDArray[np.int64]

WIDTH = 9
_TRIPLES = np.frombuffer("".join(f"{n:03d}" for n in range(1000)).encode(), dtype=np.uint8).reshape(1000, 3)


def user_id(code: int) -> str:
    """Id of a shopper."""
    return f"u{code:0{WIDTH}d}"


def item_id(code: int) -> str:
    """Id of an item."""
    return f"i{code:0{WIDTH}d}"


def sku(code: int, variant: int) -> str:
    """Id of an offer: the item's id and the variant in three digits."""
    return f"{item_id(code)}-{variant:03d}"


def id_column(
    letter: str, numbers: Codes, suffix: Codes | None = None, valid: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """A string column: `letter`, nine digits, `-` and three digits of `suffix`; null where not `valid`."""
    count = len(numbers)
    width = 1 + WIDTH + (0 if suffix is None else 4)
    cells = np.empty((count, width), dtype=np.uint8)
    cells[:, 0] = ord(letter)
    cells[:, 1:4] = _TRIPLES[numbers // 1_000_000]
    cells[:, 4:7] = _TRIPLES[numbers // 1000 % 1000]
    cells[:, 7:10] = _TRIPLES[numbers % 1000]
    if suffix is not None:
        cells[:, 10] = ord("-")
        cells[:, 11:] = _TRIPLES[suffix]
    offsets = np.arange(count + 1, dtype=np.int32) * width
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.string(), count, [bits, pa.py_buffer(offsets), pa.py_buffer(cells)])
