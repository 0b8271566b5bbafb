"""Whole items as JSON documents, memory-mapped, with an overlay for those that changed since.

Invariants: a document carries every field of its item that is not at its default; decoding gives an equal
item; a reader sees the old or the new item, never a mixture.
"""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import orjson

from recsys.arrays import load_array, save_arrays
from recsys.errors import InputError
from recsys.types import Item, Offer, Promo

__all__ = ["Documents", "decode_item", "encode_item"]

_DEFAULTS: Final = {
    kind: {
        field.name: field.default_factory() if field.default_factory is not MISSING else field.default
        for field in fields(kind)
    }
    for kind in (Item, Offer, Promo)
}


def encode_item(item: Item) -> bytes:
    """The JSON document of an item; an InputError names an item that JSON cannot hold."""
    document = _changed(item)
    document["offers"] = [_offer_document(offer) for offer in item.offers]
    try:
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        raise InputError(f"item {item.item_id!r} cannot be written as JSON: {error}") from error


def decode_item(document: bytes) -> Item:
    """The item that `encode_item` wrote."""
    values: dict[str, Any] = orjson.loads(document)
    for name in ("tags", "restricted"):
        if name in values:
            values[name] = tuple(values[name])
    values["offers"] = tuple(_decode_offer(offer) for offer in values["offers"])
    return Item(**values)


class Documents:
    """Items by code; None where the catalogue has no item."""

    def __init__(self, blob: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self._blob = blob.data
        self._offsets = offsets
        # As bytes too: a shop changes most items over time, and an Item takes five times the memory.
        self._changed: dict[int, bytes] = {}
        self._rows = len(offsets) - 1

    @classmethod
    def build(cls, items: Sequence[Item | None]) -> Self:
        """The documents of n items, in the order given."""
        return cls(*_pack([b"" if item is None else encode_item(item) for item in items]))

    def __getitem__(self, code: int) -> Item | None:
        """The item of a code as it is now, None when there is none."""
        document = self.document(code)
        return decode_item(document) if document else None

    def document(self, code: int) -> bytes:
        """The document of a code as it is now, empty when there is none."""
        changed = self._changed.get(code)
        if changed is not None:
            return changed
        if code >= self._rows:
            return b""
        return bytes(self._blob[self._offsets[code] : self._offsets[code + 1]])

    def first(self, code: int) -> Item | None:
        """The item of a code as it was when these were loaded."""
        if code >= self._rows or self._offsets[code] == self._offsets[code + 1]:
            return None
        return decode_item(bytes(self._blob[self._offsets[code] : self._offsets[code + 1]]))

    def put(self, code: int, document: bytes) -> None:
        """Lay a newer document over the stored one, an empty one to take the item away; new codes may join."""
        # Copied: what orjson returns keeps its buffer of kilobytes for as long as it lives.
        self._changed[code] = bytes(memoryview(document))

    def save(self, folder: Path) -> None:
        """Write `blob.npy` and `offsets.npy`, changes included."""
        count = max(self._rows, *(code + 1 for code in [*self._changed, -1]))
        parts = [self.document(code) for code in range(count)]
        packed, edges = _pack(parts)
        save_arrays(folder, blob=packed, offsets=edges)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(load_array(folder, "blob"), load_array(folder, "offsets"))


def _pack(parts: Sequence[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    offsets = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return np.frombuffer(b"".join(parts), dtype=np.uint8), offsets


def _changed(value: Item | Offer | Promo) -> dict[str, Any]:
    defaults = _DEFAULTS[type(value)]
    read = ((name, getattr(value, name)) for name in defaults)
    return {name: field for name, field in read if field != defaults[name]}


def _offer_document(offer: Offer) -> dict[str, Any]:
    document = _changed(offer)
    if offer.promo is not None:
        document["promo"] = _changed(offer.promo)
    return document


def _decode_offer(values: dict[str, Any]) -> Offer:
    if "promo" in values:
        values["promo"] = Promo(**values["promo"])
    return Offer(**values)
