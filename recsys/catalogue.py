"""The items a shop lists, as columns aligned with item codes: what filters, features and answers read.

Invariants: row `code` is the item `vocabulary[code]`; a code without an item (only ever seen in events, or
removed) is never eligible. Columns are memory-mapped until the first change, which copies the one it touches.

Readers never lock. While `update` runs, a reader may for some microseconds see some columns of that one item
new and others old; its eligibility goes from the old to the new state in one step, and `item(code)` is always
one whole version. A reader that keeps an array may see later changes in it, or none. Writers queue.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.categories import CategoryTree
from recsys.columns import AttributeColumn, Codes, Dictionary, SetColumn, TextColumn
from recsys.documents import Documents, encode_item
from recsys.errors import InputError
from recsys.expressions.fields import ATTRIBUTE_PREFIX
from recsys.item_set import ItemSet
from recsys.offers import item_available
from recsys.timeline import NUMBERS, Spans, face_base
from recsys.types import ITEM_KINDS, Item
from recsys.vocabulary import UNKNOWN, Vocabulary

__all__ = ["Catalogue"]

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

_TEXTS: Final = ("category", "brand", "seller_id", "title")
_SETS: Final = ("tags", "restricted")
_DTYPES: Final[Mapping[str, type[np.generic]]] = {
    "kind": np.int8,
    "listed": np.int8,
    "present": np.bool_,
    "available": np.bool_,
    "category": np.int32,
    "created_at": np.int64,
    "rating": np.float64,
    **dict.fromkeys(NUMBERS, np.float64),
}
"""One array each. `listed` is the kind where the item may be shown, else -1: eligibility in one element."""
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"discount": ("price", "list_price"), "stock": ("available",)}
"""Columns that a field reads besides its own."""


@dataclass(kw_only=True, eq=False)
class Catalogue:
    """Items by code. Arrays have one row per code; -1 is null in codes and times, nan in numbers."""

    vocabulary: Vocabulary
    documents: Documents
    categories: CategoryTree
    spans: Spans
    arrays: dict[str, npt.NDArray[Any]]
    texts: dict[str, TextColumn]
    sets: dict[str, SetColumn]
    attributes: dict[str, AttributeColumn]
    version: int = 0
    """Counts changes, so that whatever is derived from the columns knows when it is old."""
    _writing: Lock = field(default_factory=Lock, repr=False)
    _changes: dict[str, int] = field(default_factory=dict, repr=False)
    """By column, counted once the new value can be read."""
    _numbers: dict[str, tuple[tuple[int, ...], Numbers]] = field(default_factory=dict, repr=False)
    _listed: tuple[tuple[int, ...], ItemSet] | None = field(default=None, repr=False)

    @classmethod
    def build(cls, items: Sequence[Item], vocabulary: Vocabulary | None = None) -> Self:
        """The catalogue of the given items, by default in their order.

        A vocabulary may hold more ids than there are items. An InputError names an item that comes twice, is
        not in the vocabulary or has an unknown kind.
        """
        vocabulary = Vocabulary(item.item_id for item in items) if vocabulary is None else vocabulary
        rows = _by_code(items, vocabulary)
        known = [Item(item_id=vocabulary[code]) if row is None else row for code, row in enumerate(rows)]
        categories = CategoryTree.build(
            dict.fromkeys(item.category for item in known if item.category is not None)
        )
        values = [
            _row(item, categories, present=row is not None) for item, row in zip(known, rows, strict=True)
        ]
        columns = zip(*values, strict=True) if values else ((),) * len(_DTYPES)
        return cls(
            vocabulary=vocabulary,
            documents=Documents.build(rows),
            categories=categories,
            spans=Spans.build(enumerate(known)),
            arrays={
                name: np.array(column, dtype)
                for (name, dtype), column in zip(_DTYPES.items(), columns, strict=True)
            },
            texts={name: TextColumn.build(_text(item, name) for item in known) for name in _TEXTS},
            sets={name: SetColumn.build(getattr(item, name) for item in known) for name in _SETS},
            attributes=AttributeColumn.build_all(item.attributes for item in known),
        )

    def __len__(self) -> int:
        return len(self.vocabulary)

    @property
    def category(self) -> Codes:
        """int32[n] codes into `categories`."""
        return self.arrays["category"]

    @property
    def brand(self) -> Codes:
        """int32[n] codes into `brands`."""
        return self.texts["brand"].codes

    @property
    def brands(self) -> Dictionary:
        """The brands by code."""
        return self.texts["brand"].dictionary

    @property
    def kind(self) -> npt.NDArray[np.int8]:
        """int8[n] positions in `ITEM_KINDS`."""
        return self.arrays["kind"]

    @property
    def price(self) -> Numbers:
        """float64[n]: price of the face offer outside promotions; `number("price", as_of)` knows them."""
        return self.arrays["price"]

    @property
    def list_price(self) -> Numbers:
        """float64[n]: list price of the face offer outside promotions."""
        return self.arrays["list_price"]

    @property
    def cost(self) -> Numbers:
        """float64[n]: cost of the face offer outside promotions."""
        return self.arrays["cost"]

    @property
    def stock(self) -> Numbers:
        """float64[n]: stock of the face offer, nan when untracked."""
        return self.arrays["stock"]

    @property
    def rating(self) -> Numbers:
        """float64[n]: the attribute `rating` where it is a number."""
        return self.arrays["rating"]

    @property
    def available(self) -> Flags:
        """bool[n]: some offer can be bought."""
        return self.arrays["available"]

    @property
    def present(self) -> Flags:
        """bool[n]: the catalogue holds an item of this code."""
        return self.arrays["present"]

    @property
    def created_at(self) -> npt.NDArray[np.int64]:
        """int64[n] ms since epoch, -1 when unknown."""
        return self.arrays["created_at"]

    def number(self, name: str, as_of: int) -> Numbers:
        """float64[n] of `price`, `list_price`, `cost` or `stock` at a moment, with promotions; read only."""
        # The state is read before the values, so a change in between makes the next call compute again.
        state = self.state((name,), as_of)
        held = self._numbers.get(name)
        if held is None or held[0] != state:
            held = self._numbers[name] = (state, self.spans.at(self.arrays[name], name, as_of))
        return held[1]

    def eligible(self, as_of: int, kinds: Sequence[str] = ("product",)) -> Flags:  # noqa: ARG002
        """bool[n]: an item of these kinds, in the catalogue, buyable and not restricted.

        Stock and restrictions are those of now; `as_of` is part of the question, since offers may come to
        end.
        """
        listed = self.arrays["listed"]
        flags: Flags = listed == _kind_code(kinds[0])
        for kind in kinds[1:]:
            flags |= listed == _kind_code(kind)
        return flags

    def listed(self) -> ItemSet:
        """The products that are `eligible`: one set, never written into, until what is listed changes."""
        state = self.state(("listed",), 0)
        held = self._listed
        if held is None or held[0] != state:
            flags = self.eligible(0)
            flags.setflags(write=False)
            held = self._listed = state, ItemSet(flags)
        return held[1]

    def state(self, names: Iterable[str], as_of: int) -> tuple[int, ...]:
        """Another value whenever these columns (fields of `recsys.expressions`) may read otherwise at a moment."""
        read = sorted({"present", *names, *(other for name in names for other in _ALSO.get(name, ()))})
        changes = tuple(self._changes.get(name, 0) for name in read)
        timed = not {*NUMBERS, "discount"}.isdisjoint(read)
        return (*changes, self.spans.period(as_of)) if timed else changes

    def item(self, code: int) -> Item | None:
        """The whole item as it is now; None for a code that the catalogue has no item of."""
        return self.documents[code]

    def title(self, code: int, language: str | None = None) -> str | None:
        """The title in a language (`zh-CN`), else in its base language, else the shop's first title."""
        item = self.documents[code]
        return None if item is None else _title(item.titles, language)

    def update(self, item: Item) -> bool:
        """Lay the newest version of an item over its row; False when its id has no code (a newer item)."""
        code = self.vocabulary.code(item.item_id)
        if code == UNKNOWN:
            return False
        _kind_code(item.kind)
        with self._writing:
            self._write(code, item, present=True)
        return True

    def remove(self, item_id: str) -> bool:
        """Take an item out until the next `update`; False when its id has no code."""
        code = self.vocabulary.code(item_id)
        if code == UNKNOWN:
            return False
        with self._writing:
            self._write(code, Item(item_id=item_id), present=False)
        return True

    def save(self, folder: Path) -> None:
        """Write every column, changes included."""
        with self._writing:
            self.vocabulary.save(folder / "vocabulary")
            self.documents.save(folder / "documents")
            self.categories.save(folder / "categories")
            self.spans.save(folder / "promotions")
            save_arrays(folder / "columns", **self.arrays)
            for name, text in self.texts.items():
                text.save(folder / "texts" / name)
            for name, column in self.sets.items():
                column.save(folder / "sets" / name)
            AttributeColumn.save_all(self.attributes, folder / "attributes")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; a ReleaseError when files are missing or broken."""
        return cls(
            vocabulary=Vocabulary.load(folder / "vocabulary"),
            documents=Documents.load(folder / "documents"),
            categories=CategoryTree.load(folder / "categories"),
            spans=Spans.load(folder / "promotions"),
            arrays={name: load_array(folder / "columns", name) for name in _DTYPES},
            texts={name: TextColumn.load(folder / "texts" / name) for name in _TEXTS},
            sets={name: SetColumn.load(folder / "sets" / name) for name in _SETS},
            attributes=AttributeColumn.load_all(folder / "attributes"),
        )

    def _write(self, code: int, item: Item, *, present: bool) -> None:
        # Everything that can fail comes before the first change.
        document = encode_item(item) if present else b""
        if document == self.documents.document(code):
            return
        before = self.documents[code] or Item(item_id=item.item_id)
        if item.category is not None:
            self.categories = self.categories.with_path(item.category)
        row = dict(zip(_DTYPES, _row(item, self.categories, present=present), strict=True))
        listed = row.pop("listed")
        if listed == UNKNOWN:
            self._put("listed", code, UNKNOWN)
        for name, value in row.items():
            self._put(name, code, value)
        self._write_words(code, before, item)
        spans = self.spans.with_item(code, item)
        if spans is not self.spans:
            self.spans = spans
            self._changed(*NUMBERS)
        self.documents.put(code, document)
        # Last, so that an item becomes eligible only when everything else of it is new.
        self._put("listed", code, listed)
        self.version += 1

    def _write_words(self, code: int, before: Item, item: Item) -> None:
        for name, text in self.texts.items():
            if _text(before, name) != _text(item, name):
                text.put(code, _text(item, name))
                self._changed(name)
        for name, column in self.sets.items():
            if getattr(before, name) != getattr(item, name):
                column.put(code, getattr(before, name), getattr(item, name))
                self._changed(name)
        for name in before.attributes.keys() | item.attributes.keys():
            if name not in self.attributes:
                self.attributes[name] = AttributeColumn.empty()
            self.attributes[name].put(code, item.attributes.get(name))
            if before.attributes.get(name) != item.attributes.get(name):
                self._changed(ATTRIBUTE_PREFIX + name)

    def _put(self, name: str, code: int, value: object) -> None:
        column = self.arrays[name]
        if column[code] == value:
            return
        if not column.flags.writeable:
            column = self.arrays[name] = column.copy()
        column[code] = value
        self._changed(name)

    def _changed(self, *names: str) -> None:
        for name in names:
            self._changes[name] = self._changes.get(name, 0) + 1


def _by_code(items: Sequence[Item], vocabulary: Vocabulary) -> list[Item | None]:
    rows: list[Item | None] = [None] * len(vocabulary)
    for item in items:
        code = vocabulary.code(item.item_id)
        if code == UNKNOWN:
            raise InputError(f"item {item.item_id!r} is not in the vocabulary; build it over all items")
        if rows[code] is not None:
            raise InputError(f"item {item.item_id!r} appears more than once; keep its newest version")
        rows[code] = item
    return rows


def _row(item: Item, categories: CategoryTree, *, present: bool) -> tuple[Any, ...]:
    """The values of one item in the order of `_DTYPES`."""
    kind, available = _kind_code(item.kind), item_available(item)
    rating = item.attributes.get("rating")
    return (
        kind,
        kind if present and available and not item.restricted else UNKNOWN,
        present,
        available,
        UNKNOWN if item.category is None else categories.code(item.category),
        UNKNOWN if item.created_at is None else item.created_at,
        np.nan if rating is None or isinstance(rating, str | bool) else rating,
        *face_base(item),
    )


def _kind_code(kind: str) -> int:
    if kind not in ITEM_KINDS:
        raise InputError(f"unknown item kind {kind!r}; use one of {', '.join(ITEM_KINDS)}")
    return ITEM_KINDS.index(kind)


def _text(item: Item, name: str) -> str | None:
    if name == "title":
        return next(iter(item.titles.values()), None)
    value: str | None = getattr(item, name)
    return value


def _title(titles: Mapping[str, str], language: str | None) -> str | None:
    if language is not None:
        base = language.split("-")[0]
        akin = (title for name, title in titles.items() if name.split("-")[0] == base)
        found = titles.get(language) or titles.get(base) or next(akin, None)
        if found is not None:
            return found
    return next(iter(titles.values()), None)
