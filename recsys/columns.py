"""Columns of the catalogue that hold words: one text per item, sets of texts, sparse attributes.

Invariants: values are coded by an append-only `Dictionary`, so a code never changes its meaning; -1 stands
for null. Readers never lock. A writer (one at a time; the catalogue sees to it) appends the value before it
publishes the code and replaces postings as one reference, so a reader that copies codes first and reads
values after always finds them.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import orjson

from recsys.arrays import load_array, save_arrays
from recsys.types import Scalar
from recsys.vocabulary import UNKNOWN

__all__ = ["AttributeColumn", "Codes", "Dictionary", "Postings", "SetColumn", "TextColumn"]

Codes = npt.NDArray[np.int32]


class Dictionary:
    """Distinct scalars, codes in order of arrival; text, number and boolean are apart (`"1"`, `1`, `true`)."""

    def __init__(self, values: Iterable[Scalar] = ()) -> None:
        self._packed: npt.NDArray[np.uint8] | None = None
        self._opening = Lock()
        self._values: list[Scalar] = []
        self._codes: dict[object, int] = {}
        self._numbers = np.empty(0, dtype=np.float64)
        for value in values:
            self.add(value)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, code: int) -> Scalar:
        return self.values[code]

    @property
    def values(self) -> Sequence[Scalar]:
        """All values by code; later codes may join while one looks."""
        if self._packed is not None:
            self._open()
        return self._values

    @property
    def numbers(self) -> npt.NDArray[np.float64]:
        """float64[n]: the values that are numbers, nan for text and booleans."""
        numbers, values = self._numbers, self.values
        if len(numbers) < len(values):
            joined = [_number(value) for value in values[len(numbers) :]]
            numbers = self._numbers = np.concatenate([numbers, np.array(joined, dtype=np.float64)])
        return numbers

    def code(self, value: Scalar) -> int:
        """The code of a value, -1 when it has none."""
        if self._packed is not None:
            self._open()
        return self._codes.get(_key(value), UNKNOWN)

    def add(self, value: Scalar) -> int:
        """The code of a value, a new one when it had none."""
        known = self.code(value)
        if known != UNKNOWN:
            return known
        self._values.append(value)
        code = len(self._values) - 1
        self._codes[_key(value)] = code
        return code

    def save(self, folder: Path) -> None:
        """Write the values as one array of JSON bytes."""
        packed = np.frombuffer(orjson.dumps(self.values), dtype=np.uint8)
        save_arrays(folder, values=packed)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote; decoded when first asked for (a million titles that no filter reads)."""
        dictionary = cls()
        dictionary._packed = load_array(folder, "values")
        return dictionary

    def _open(self) -> None:
        with self._opening:
            if self._packed is None:
                return
            values = orjson.loads(self._packed.data)
            self._codes = {_key(value): code for code, value in enumerate(values)}
            self._values = values
            self._packed = None


class TextColumn:
    """One text per item: `codes[item]` into `dictionary`, -1 for null."""

    def __init__(self, codes: Codes, dictionary: Dictionary) -> None:
        self.codes = codes
        self.dictionary = dictionary

    @classmethod
    def build(cls, values: Iterable[str | None]) -> Self:
        """The column of n values in item order."""
        dictionary = Dictionary()
        codes = [UNKNOWN if value is None else dictionary.add(value) for value in values]
        return cls(np.array(codes, dtype=np.int32), dictionary)

    def widen(self, rows: int) -> None:
        """Make room for items up to `rows`, without a value."""
        joined = np.full(rows - len(self.codes), UNKNOWN, np.int32)
        self.codes = np.concatenate((self.codes, joined))

    def put(self, item: int, value: str | None) -> None:
        """Change one item's value."""
        code = UNKNOWN if value is None else self.dictionary.add(value)
        if not self.codes.flags.writeable:
            self.codes = self.codes.copy()
        self.codes[item] = code

    def save(self, folder: Path, rows: int | None = None) -> None:
        """Write the codes of the first `rows` items (all by default) and the dictionary."""
        save_arrays(folder, codes=self.codes[:rows])
        self.dictionary.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(load_array(folder, "codes"), Dictionary.load(folder))


class SetColumn:
    """A set of texts per item, held the other way round: for each text the sorted items that have it."""

    def __init__(self, dictionary: Dictionary, postings: list[Codes]) -> None:
        self.dictionary = dictionary
        self._postings = postings

    @classmethod
    def build(cls, sets: Iterable[Iterable[str]]) -> Self:
        """The column of n sets in item order."""
        dictionary = Dictionary()
        members: list[list[int]] = []
        for item, texts in enumerate(sets):
            for text in dict.fromkeys(texts):
                code = dictionary.add(text)
                if code == len(members):
                    members.append([])
                members[code].append(item)
        return cls(dictionary, [np.array(items, dtype=np.int32) for items in members])

    def items_with(self, text: str) -> Codes:
        """The items whose set holds a text, ascending."""
        code = self.dictionary.code(text)
        return self._postings[code] if code != UNKNOWN else np.empty(0, dtype=np.int32)

    def put(self, item: int, before: Iterable[str], after: Iterable[str]) -> None:
        """Change one item's set; a reader may see some of the changed texts before the others."""
        old, new = set(before), set(after)
        for text in old - new:
            code = self.dictionary.code(text)
            self._postings[code] = _without(self._postings[code], item)
        for text in sorted(new - old):
            self._insert(text, item)

    def save(self, folder: Path) -> None:
        """Write dictionary, postings and their offsets."""
        sizes = [len(items) for items in self._postings]
        items = np.concatenate([np.empty(0, dtype=np.int32), *self._postings])
        save_arrays(folder, items=items, offsets=np.cumsum([0, *sizes], dtype=np.int64))
        self.dictionary.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        items, edges = load_array(folder, "items"), load_array(folder, "offsets").tolist()
        postings = [items[start:end] for start, end in pairwise(edges)]
        return cls(Dictionary.load(folder), postings)

    def _insert(self, text: str, item: int) -> None:
        code = self.dictionary.code(text)
        if code == UNKNOWN:
            # Postings first: whoever finds the code must find its items.
            self._postings.append(np.array([item], dtype=np.int32))
            self.dictionary.add(text)
            return
        items = self._postings[code]
        place = int(np.searchsorted(items, np.int32(item)))
        if place == len(items) or items[place] != item:
            self._postings[code] = np.insert(items, place, item)


class Postings(NamedTuple):
    """The items that have a value, ascending, and the code of each value."""

    items: Codes
    codes: Codes


class AttributeColumn:
    """One open attribute: most items lack most attributes, so only those that have it are stored."""

    def __init__(self, postings: Postings, dictionary: Dictionary) -> None:
        self.postings = postings
        self.dictionary = dictionary

    @classmethod
    def empty(cls) -> Self:
        """The column of an attribute that no item has yet."""
        nobody = np.empty(0, dtype=np.int32)
        return cls(Postings(nobody, nobody), Dictionary())

    @classmethod
    def build_all(cls, rows: Iterable[Mapping[str, Scalar | None]]) -> dict[str, Self]:
        """All attribute columns of n items, given each item's attributes in item order."""
        dictionaries: defaultdict[str, Dictionary] = defaultdict(Dictionary)
        pairs: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for item, name, value in _present(rows):
            pairs[name].append((item, dictionaries[name].add(value)))
        columns = {name: np.array(rows, dtype=np.int32).T.copy() for name, rows in pairs.items()}
        return {name: cls(Postings(*both), dictionaries[name]) for name, both in columns.items()}

    def codes_of(self, n_items: int) -> Codes:
        """int32[n_items]: the first items' value codes, -1 where they have none."""
        items, codes = self.postings
        known = int(np.searchsorted(items, np.int32(n_items)))
        dense = np.full(n_items, UNKNOWN, dtype=np.int32)
        dense[items[:known]] = codes[:known]
        return dense

    def put(self, item: int, value: Scalar | None) -> None:
        """Change one item's value; None takes it away."""
        items, codes = self.postings
        place = int(np.searchsorted(items, np.int32(item)))
        held = place < len(items) and items[place] == item
        if value is None or _is_lost(value):
            if held:
                self.postings = Postings(np.delete(items, place), np.delete(codes, place))
            return
        code = self.dictionary.add(value)
        if not held:
            self.postings = Postings(np.insert(items, place, item), np.insert(codes, place, code))
        elif codes[place] != code:
            self.postings = Postings(items, np.where(items == item, np.int32(code), codes))

    @classmethod
    def save_all(cls, columns: Mapping[str, Self], folder: Path) -> None:
        """Write many columns into one set of arrays: a shop may have hundreds of attributes."""
        sizes = [len(column.postings.items) for column in columns.values()]
        nobody = np.empty(0, dtype=np.int32)
        words = [[name, column.dictionary.values] for name, column in columns.items()]
        save_arrays(
            folder,
            items=np.concatenate([nobody, *(column.postings.items for column in columns.values())]),
            codes=np.concatenate([nobody, *(column.postings.codes for column in columns.values())]),
            offsets=np.cumsum([0, *sizes], dtype=np.int64),
            words=np.frombuffer(orjson.dumps(words), dtype=np.uint8),
        )

    @classmethod
    def load_all(cls, folder: Path) -> dict[str, Self]:
        """Map what `save_all` wrote."""
        items, codes = load_array(folder, "items"), load_array(folder, "codes")
        edges = load_array(folder, "offsets").tolist()
        words = orjson.loads(load_array(folder, "words").data)
        return {
            name: cls(Postings(items[start:end], codes[start:end]), Dictionary(values))
            for (name, values), start, end in zip(words, edges, edges[1:], strict=False)
        }


def _key(value: Scalar) -> object:
    return value if isinstance(value, str) else (isinstance(value, bool), value)


def _number(value: Scalar) -> float:
    return math.nan if isinstance(value, str | bool) else float(value)


def _present(rows: Iterable[Mapping[str, Scalar | None]]) -> Iterator[tuple[int, str, Scalar]]:
    for item, attributes in enumerate(rows):
        for name, value in attributes.items():
            if value is not None and not _is_lost(value):
                yield item, name, value


def _is_lost(value: Scalar) -> bool:
    """Whether it is nan or infinite, which no filter can compare and no JSON can hold."""
    return isinstance(value, float) and not math.isfinite(value)


def _without(items: Codes, item: int) -> Codes:
    kept: Codes = items[items != item]
    return kept
