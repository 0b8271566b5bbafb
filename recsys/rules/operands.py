"""The fields of a catalogue as operands of predicates: a few questions, each answered for all items at once.

Invariants: a mask has one element per item code; `known` is where the field is not null, and no other answer
is ever true outside it. Codes are copied before their dictionary is read, so a concurrent update never names
a value that the dictionary does not have yet (see `recsys.columns`).
"""

import math
import operator as operators
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recsys.catalogue import Catalogue
from recsys.categories import CategoryTree
from recsys.columns import AttributeColumn, Codes, Dictionary, SetColumn
from recsys.expressions.fields import ATTRIBUTE_PREFIX
from recsys.expressions.paths import is_under
from recsys.expressions.tree import Field, Operator
from recsys.types import ITEM_KINDS, Scalar
from recsys.vocabulary import UNKNOWN, Vocabulary

__all__ = ["Mask", "Operand", "operand"]

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
_ORDERS: Final[Mapping[Operator, Callable[[Any, Any], Any]]] = {
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
_KINDS: Final = Dictionary(ITEM_KINDS)
_FLAGS: Final = Dictionary((False, True))
# A comparison per value costs 8 µs at 100k items, a gather 75 µs.
_FEW: Final = 6


class Operand:
    """What predicates ask of a field; the answers here are those of a field that is never null and has no order."""

    def __init__(self, size: int) -> None:
        self._size = size

    def known(self) -> Mask:
        """Where comparisons have an answer."""
        return np.ones(self._size, dtype=np.bool_)

    def null(self) -> Mask:
        """Where the value is missing."""
        return ~self.known()

    def single(self) -> Mask:
        """Where it is known and one value, not several."""
        return self.known()

    def equal(self, value: Scalar) -> Mask:
        """Where it is single and equals; values of two types are never equal."""
        return self.among((value,))

    def among(self, options: Sequence[Scalar]) -> Mask:  # noqa: ARG002
        """Where the value, or one of several, equals an option."""
        return self._nowhere()

    def ordered(self, operator: Operator, bound: Scalar) -> Mask:  # noqa: ARG002
        """Where `value operator bound`; nowhere if their types differ or have no order."""
        return self._nowhere()

    def under(self, path: str) -> Mask:  # noqa: ARG002
        """Where the value is a path at or below the given one."""
        return self._nowhere()

    def _nowhere(self) -> Mask:
        return np.zeros(self._size, dtype=np.bool_)


def operand(field: Field, catalogue: Catalogue, as_of: int, rows: int) -> Operand:
    """The field of the first `rows` items as an operand, prices as of a moment."""
    name = field.name
    if name.startswith(ATTRIBUTE_PREFIX):
        column = catalogue.attributes.get(name.removeprefix(ATTRIBUTE_PREFIX)) or AttributeColumn.empty()
        return _Sparse(column, rows)
    if name in catalogue.sets:
        return _Several(catalogue.sets[name], rows)
    if name == "category":
        return _Paths(catalogue, rows)
    if name in catalogue.texts:
        return _Coded(catalogue.texts[name].codes[:rows].copy(), catalogue.texts[name].dictionary)
    return _plain(name, catalogue, as_of, rows)


def _plain(name: str, catalogue: Catalogue, as_of: int, rows: int) -> Operand:
    match name:
        case "item_id":
            return _Ids(catalogue.vocabulary, rows)
        case "kind":
            return _Coded(catalogue.kind[:rows].astype(np.int32), _KINDS)
        case "available":
            return _Coded(catalogue.available[:rows].astype(np.int32), _FLAGS)
        case "created_at":
            moments = catalogue.created_at[:rows]
            return _Numeric(np.where(moments == UNKNOWN, np.nan, moments))
        case "rating":
            return _Numeric(catalogue.rating[:rows])
        case "discount":
            price, usual = (catalogue.number(each, as_of)[:rows] for each in ("price", "list_price"))
            return _Numeric(_discounts(price, usual))
        case "stock":
            return _Stock(catalogue.number("stock", as_of)[:rows], catalogue.available[:rows])
        case _:
            return _Numeric(catalogue.number(name, as_of)[:rows])


class _Coded(Operand):
    """One scalar per item by code, -1 for null."""

    def __init__(self, codes: Codes, dictionary: Dictionary) -> None:
        super().__init__(len(codes))
        self._codes = codes
        self._dictionary = dictionary

    def known(self) -> Mask:
        known: Mask = self._codes != UNKNOWN
        return known

    def among(self, options: Sequence[Scalar]) -> Mask:
        return _codes_among(self._codes, self._dictionary, options)

    def ordered(self, operator: Operator, bound: Scalar) -> Mask:
        return self._where(_ordered_values(self._dictionary, operator, bound))

    def under(self, path: str) -> Mask:
        return self._where(_paths_under(self._dictionary.values, path))

    def _where(self, hits: Mask) -> Mask:
        # One more element, False, is what -1 reads.
        return np.take(np.append(hits, False), self._codes)


class _Paths(_Coded):
    """The category: equal as text, `under` by the tree."""

    def __init__(self, catalogue: Catalogue, rows: int) -> None:
        text = catalogue.texts["category"]
        self._nodes: Codes = catalogue.category[:rows].copy()
        self._tree: CategoryTree = catalogue.categories
        super().__init__(text.codes[:rows].copy(), text.dictionary)

    def under(self, path: str) -> Mask:
        return np.take(np.append(self._tree.under(path), False), self._nodes)


class _Ids(Operand):
    """The item's own id: its code is its position."""

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        super().__init__(rows)
        self._vocabulary = vocabulary

    def among(self, options: Sequence[Scalar]) -> Mask:
        codes = self._vocabulary.encode(option for option in options if isinstance(option, str))
        return _flags(self._size, codes[codes != UNKNOWN])

    def ordered(self, operator: Operator, bound: Scalar) -> Mask:
        return _ordered_texts(self._vocabulary.ids[: self._size], operator, bound)

    def under(self, path: str) -> Mask:
        return _paths_under(self._vocabulary.ids[: self._size], path)


class _Sparse(Operand):
    """An open attribute: values of the items that have it."""

    def __init__(self, column: AttributeColumn, n_items: int) -> None:
        super().__init__(n_items)
        items, codes = column.postings
        if len(items) and items[-1] >= n_items:
            known = int(np.searchsorted(items, np.int32(n_items)))
            items, codes = items[:known], codes[:known]
        self._items, self._codes = items, codes
        self._dictionary = column.dictionary

    def known(self) -> Mask:
        return _flags(self._size, self._items)

    def among(self, options: Sequence[Scalar]) -> Mask:
        return self._at_items(_codes_among(self._codes, self._dictionary, options))

    def ordered(self, operator: Operator, bound: Scalar) -> Mask:
        return self._where(_ordered_values(self._dictionary, operator, bound))

    def under(self, path: str) -> Mask:
        return self._where(_paths_under(self._dictionary.values, path))

    def _where(self, hits: Mask) -> Mask:
        return self._at_items(np.take(hits, self._codes))

    def _at_items(self, found: Mask) -> Mask:
        if len(self._items) == self._size:
            return found
        mask = self._nowhere()
        mask[self._items.astype(np.intp)] = found
        return mask


class _Several(Operand):
    """A set of texts per item; an empty set is not null."""

    def __init__(self, column: SetColumn, n_items: int) -> None:
        super().__init__(n_items)
        self._column = column

    def single(self) -> Mask:
        return self._nowhere()

    def equal(self, value: Scalar) -> Mask:  # noqa: ARG002 - several values equal nothing
        return self._nowhere()

    def among(self, options: Sequence[Scalar]) -> Mask:
        texts = (option for option in options if isinstance(option, str))
        return _any(self._size, (_flags(self._size, self._column.items_with(text)) for text in texts))


class _Numeric(Operand):
    """One number per item, nan for null."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__(len(numbers))
        self._numbers = numbers

    def known(self) -> Mask:
        known: Mask = ~np.isnan(self._numbers)
        return known

    def among(self, options: Sequence[Scalar]) -> Mask:
        numbers = (option for option in options if _is_number(option))
        return _any(self._size, (self._numbers == number for number in numbers))

    def ordered(self, operator: Operator, bound: Scalar) -> Mask:
        if not _is_number(bound):
            return self._nowhere()
        mask: Mask = _ORDERS[operator](self._numbers, bound)
        return mask


class _Stock(_Numeric):
    """Stock: where untracked it compares as unlimited if the item is available, else as 0; `is null` finds it."""

    def __init__(self, stock: Numbers, available: Mask) -> None:
        super().__init__(stock)
        self._untracked = np.isnan(stock)
        self._available = available

    def known(self) -> Mask:
        return np.ones(self._size, dtype=np.bool_)

    def null(self) -> Mask:
        return self._untracked

    def among(self, options: Sequence[Scalar]) -> Mask:
        found = super().among(options)
        if any(_is_number(option) and option == 0 for option in options):
            found |= self._untracked & ~self._available
        return found

    def ordered(self, operator: Operator, bound: Scalar) -> Mask:
        found = super().ordered(operator, bound)
        if _is_number(bound) and _ORDERS[operator](math.inf, bound):
            found |= self._untracked & self._available
        if _is_number(bound) and _ORDERS[operator](0.0, bound):
            found |= self._untracked & ~self._available
        return found


def _discounts(price: Numbers, list_price: Numbers) -> Numbers:
    usual = np.where(list_price > 0, list_price, np.nan)
    return np.maximum(0.0, 1.0 - price / usual)


def _ordered_values(dictionary: Dictionary, operator: Operator, bound: Scalar) -> Mask:
    if _is_number(bound):
        mask: Mask = _ORDERS[operator](dictionary.numbers, bound)
        return mask
    return _ordered_texts(dictionary.values, operator, bound)


def _ordered_texts(values: Iterable[Scalar], operator: Operator, bound: Scalar) -> Mask:
    holds = _ORDERS[operator]
    text = isinstance(bound, str)
    return np.array(
        [text and isinstance(value, str) and bool(holds(value, bound)) for value in values], dtype=np.bool_
    )


def _paths_under(values: Iterable[Scalar], path: str) -> Mask:
    return np.array([isinstance(value, str) and is_under(value, path) for value in values], dtype=np.bool_)


def _is_number(value: Scalar) -> bool:
    return not isinstance(value, str | bool)


def _codes_among(codes: Codes, dictionary: Dictionary, options: Sequence[Scalar]) -> Mask:
    wanted = np.array([dictionary.code(option) for option in options], dtype=np.int32)
    wanted = wanted[wanted != UNKNOWN]
    if len(wanted) <= _FEW:
        return _any(len(codes), (codes == code for code in wanted))
    hits = np.append(_flags(len(dictionary), wanted), False)
    return np.take(hits, codes)


def _flags(size: int, positions: Codes) -> Mask:
    """bool[size]; positions behind the end, of items that joined since, are left out."""
    flags = np.zeros(size, dtype=np.bool_)
    if len(positions) and positions.max() >= size:
        positions = positions[positions < size]
    flags[positions.astype(np.intp)] = True
    return flags


def _any(size: int, masks: Iterable[Mask]) -> Mask:
    found = np.zeros(size, dtype=np.bool_)
    for mask in masks:
        found |= mask
    return found
