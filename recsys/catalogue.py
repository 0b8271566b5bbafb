"""The items a shop lists, as columns aligned with item codes: what filters, features and answers read.

Invariants: row `code` is the item `vocabulary[code]`; a code without an item (only ever seen in events, or
removed) is never eligible. Columns are memory-mapped until the first change, which copies the one it touches.

Readers never lock. While `update` runs, a reader may for some microseconds see some columns of that one item
new and others old; its eligibility goes from the old to the new state in one step, and `item(code)` is always
one whole version. A reader that keeps an array may see later changes in it, or none. Writers queue.

Items may join (`add`), in codes behind all others; none ever leaves its code. A reader takes `len` first and cuts what
it reads after that to so many rows: columns are wide enough before the length says so, and an id is found last of all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_array, save_arrays
from recsys.catalogue_rows import DTYPES, EMPTY, PRODUCT, by_code, kind_code, row_of, text_of, title_in
from recsys.categories import CategoryTree
from recsys.columns import AttributeColumn, Codes, Dictionary, SetColumn, TextColumn
from recsys.documents import Documents, encode_item
from recsys.errors import InputError
from recsys.expressions.fields import ATTRIBUTE_PREFIX
from recsys.item_set import ItemSet
from recsys.room import room_for
from recsys.timeline import NUMBERS, Spans
from recsys.types import Item
from recsys.vocabulary import UNKNOWN, GrowingVocabulary, Vocabulary

__all__ = ["Catalogue"]

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

_TEXTS: Final = ("category", "brand", "seller_id", "title")
_SETS: Final = ("tags", "restricted")
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
    room: int = UNKNOWN
    """Items that may join; by default as `room_for` says."""
    released: int = field(init=False)
    """Items that have been there from the start."""
    turned_away: int = field(default=0, init=False)
    """How often an item that had no code found no room: it waits for the next release."""
    _rows: int = field(init=False, repr=False)
    _writing: Lock = field(default_factory=Lock, repr=False)
    _changes: dict[str, int] = field(default_factory=dict, repr=False)
    """By column, counted once the new value can be read."""
    _numbers: dict[str, tuple[tuple[int, ...], Numbers]] = field(default_factory=dict, repr=False)
    _listed: tuple[tuple[int, ...], ItemSet] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._rows = self.released = len(self.vocabulary)
        if self.room == UNKNOWN:
            self.room = room_for(self.released)

    @classmethod
    def build(cls, items: Sequence[Item], vocabulary: Vocabulary | None = None) -> Self:
        """The catalogue of the given items, by default in their order.

        A vocabulary may hold more ids than there are items. An InputError names an item that comes twice, is
        not in the vocabulary or has an unknown kind.
        """
        vocabulary = Vocabulary(item.item_id for item in items) if vocabulary is None else vocabulary
        rows = by_code(items, vocabulary)
        known = [Item(item_id=vocabulary[code]) if row is None else row for code, row in enumerate(rows)]
        categories = CategoryTree.build(
            dict.fromkeys(item.category for item in known if item.category is not None)
        )
        values = [
            row_of(item, categories, present=row is not None) for item, row in zip(known, rows, strict=True)
        ]
        columns = zip(*values, strict=True) if values else ((),) * len(DTYPES)
        return cls(
            vocabulary=vocabulary,
            documents=Documents.build(rows),
            categories=categories,
            spans=Spans.build(enumerate(known)),
            arrays={
                name: np.array(column, dtype)
                for (name, dtype), column in zip(DTYPES.items(), columns, strict=True)
            },
            texts={name: TextColumn.build(text_of(item, name) for item in known) for name in _TEXTS},
            sets={name: SetColumn.build(getattr(item, name) for item in known) for name in _SETS},
            attributes=AttributeColumn.build_all(item.attributes for item in known),
        )

    def __len__(self) -> int:
        return self._rows

    @property
    def category(self) -> Codes:
        """int32[n] codes into `categories`."""
        return self.arrays["category"][: self._rows]

    @property
    def brand(self) -> Codes:
        """int32[n] codes into `brands`."""
        return self.texts["brand"].codes[: self._rows]

    @property
    def brands(self) -> Dictionary:
        """The brands by code."""
        return self.texts["brand"].dictionary

    @property
    def kind(self) -> npt.NDArray[np.int8]:
        """int8[n] positions in `ITEM_KINDS`."""
        return self.arrays["kind"][: self._rows]

    @property
    def price(self) -> Numbers:
        """float64[n]: price of the face offer outside promotions; `number("price", as_of)` knows them."""
        return self.arrays["price"][: self._rows]

    @property
    def list_price(self) -> Numbers:
        """float64[n]: list price of the face offer outside promotions."""
        return self.arrays["list_price"][: self._rows]

    @property
    def cost(self) -> Numbers:
        """float64[n]: cost of the face offer outside promotions."""
        return self.arrays["cost"][: self._rows]

    @property
    def stock(self) -> Numbers:
        """float64[n]: stock of the face offer, nan when untracked."""
        return self.arrays["stock"][: self._rows]

    @property
    def rating(self) -> Numbers:
        """float64[n]: the attribute `rating` where it is a number."""
        return self.arrays["rating"][: self._rows]

    @property
    def available(self) -> Flags:
        """bool[n]: some offer can be bought."""
        return self.arrays["available"][: self._rows]

    @property
    def present(self) -> Flags:
        """bool[n]: the catalogue holds an item of this code."""
        return self.arrays["present"][: self._rows]

    @property
    def created_at(self) -> npt.NDArray[np.int64]:
        """int64[n] ms since epoch, -1 when unknown."""
        return self.arrays["created_at"][: self._rows]

    def number(self, name: str, as_of: int) -> Numbers:
        """float64[n] of `price`, `list_price`, `cost` or `stock` at a moment, with promotions; read only."""
        rows = self._rows
        # The state is read before the values, so a change in between makes the next call compute again.
        state = self.state((name,), as_of)
        held = self._numbers.get(name)
        if held is None or held[0] != state:
            held = self._numbers[name] = (state, self.spans.at(self.arrays[name], name, as_of))
        return held[1] if len(held[1]) == rows else held[1][:rows]

    def eligible(self, as_of: int, kinds: Sequence[str] = ("product",)) -> Flags:  # noqa: ARG002
        """bool[n]: an item of these kinds, in the catalogue, buyable and not restricted.

        Stock and restrictions are those of now; `as_of` is part of the question, since offers may come to
        end.
        """
        rows = self._rows
        listed = self.arrays["listed"][:rows]
        flags: Flags = listed == kind_code(kinds[0])
        for kind in kinds[1:]:
            flags |= listed == kind_code(kind)
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

    @property
    def listings(self) -> int:
        """Counts changes of what may be shown."""
        return self._changes.get("listed", 0)

    def still_listed(self, codes: Codes) -> Flags:
        """bool[c]: which of these items are products that may be shown at this very moment."""
        shown: Flags = self.arrays["listed"][codes] == PRODUCT
        return shown

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
        return None if item is None else title_in(item.titles, language)

    def update(self, item: Item) -> bool:
        """Lay the newest version of an item over its row; False when its id has no code (a newer item)."""
        code = self.vocabulary.code(item.item_id)
        if code == UNKNOWN:
            return False
        kind_code(item.kind)
        with self._writing:
            self._write(code, item, present=True)
        return True

    def add(self, item: Item) -> bool:
        """Take in an item whose id has no code yet; False when there is no room for another.

        An id that has a code is updated. Raises InputError for an item that cannot be stored, as `update` does.
        """
        with self._writing:
            if self.vocabulary.code(item.item_id) == UNKNOWN:
                return self._add(item)
        return self.update(item)

    def take(self, items: Iterable[Item]) -> list[InputError]:
        """Update or add each of some items; why some could not be stored."""
        refused = []
        for item in items:
            try:
                self.add(item)
            except InputError as error:
                refused.append(error)
        return refused

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
            rows = self._rows
            self.vocabulary.save(folder / "vocabulary")
            self.documents.save(folder / "documents")
            self.categories.save(folder / "categories")
            self.spans.save(folder / "promotions")
            save_arrays(folder / "columns", **{name: array[:rows] for name, array in self.arrays.items()})
            for name, text in self.texts.items():
                text.save(folder / "texts" / name, rows)
            for name, column in self.sets.items():
                column.save(folder / "sets" / name)
            AttributeColumn.save_all(self.attributes, folder / "attributes")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; a ReleaseError when files are missing or broken."""
        return cls(
            vocabulary=GrowingVocabulary.load(folder / "vocabulary"),
            documents=Documents.load(folder / "documents"),
            categories=CategoryTree.load(folder / "categories"),
            spans=Spans.load(folder / "promotions"),
            arrays={name: load_array(folder / "columns", name) for name in DTYPES},
            texts={name: TextColumn.load(folder / "texts" / name) for name in _TEXTS},
            sets={name: SetColumn.load(folder / "sets" / name) for name in _SETS},
            attributes=AttributeColumn.load_all(folder / "attributes"),
        )

    def _add(self, item: Item) -> bool:
        """Readers learn of the row in this order: values, length, eligibility, id."""
        kind_code(item.kind)
        if self._rows - self.released >= self.room:
            self.turned_away += 1
            return False
        if not isinstance(self.vocabulary, GrowingVocabulary):
            self.vocabulary = GrowingVocabulary(self.vocabulary.ids)
        vocabulary = self.vocabulary
        self._widen()
        self._write(self._rows, item, present=True)
        code = vocabulary.promise(item.item_id)
        # Once before the length, so that nothing derived from narrower columns is taken for current, and once after.
        self._changed("present")
        self._rows = code + 1
        self._changed("present", "listed")
        vocabulary.keep(code)
        self.version += 1
        return True

    def _widen(self) -> None:
        """Copy the columns into wider ones, all at once before the first birth."""
        rows = self.released + self.room
        for name, array in self.arrays.items():
            if len(array) < rows:
                wider = np.full(rows, EMPTY.get(name, np.nan), array.dtype)
                wider[: len(array)] = array
                self.arrays[name] = wider
        for text in self.texts.values():
            if len(text.codes) < rows:
                text.widen(rows)

    def _write(self, code: int, item: Item, *, present: bool) -> None:
        # Everything that can fail comes before the first change.
        document = encode_item(item) if present else b""
        if document == self.documents.document(code):
            return
        before = self.documents[code] or Item(item_id=item.item_id)
        if item.category is not None:
            self.categories = self.categories.with_path(item.category)
        row = dict(zip(DTYPES, row_of(item, self.categories, present=present), strict=True))
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
            if text_of(before, name) != text_of(item, name):
                text.put(code, text_of(item, name))
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
