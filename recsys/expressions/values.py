"""Values behind fields, and comparison with three outcomes: true, false, unknown.

Invariants: null (also nan) compared with anything is unknown; values of two types are never equal and have no
order; text compares exactly, by code point; a field with several values compares with nothing.

Stock has a rule of its own: an untracked one counts as unlimited while the item is available and as 0
otherwise, so `stock > 0` keeps what a shop without stock keeping sells; `stock is null` still finds it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from recsys.expressions.fields import FieldKind
from recsys.expressions.tree import Field, Operator, value_type
from recsys.types import Scalar

__all__ = ["Known", "among", "comparable", "compare", "members", "read"]

Known = Scalar | tuple[Scalar, ...] | None
_ORDERS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def read(field: Field, item: Mapping[str, object], user: Mapping[str, object]) -> Known:
    """The value of a field, None when unknown; `available` also needs stock that is untracked or above zero."""
    if field.of_user:
        return _known(user.get(field.user_key))
    if field.kind is FieldKind.FLAG:
        return _available(item)
    return _known(item.get(field.name))


def comparable(field: Field, item: Mapping[str, object], user: Mapping[str, object]) -> Known:
    """The value of a field as comparisons see it: untracked stock as a number."""
    value = read(field, item, user)
    if value is None and field.name == "stock":
        return math.inf if _available(item) else 0
    return value


def compare(left: Known, operator: Operator, right: Known) -> bool | None:
    """`left operator right`; None for unknown."""
    types = {value_type(left), value_type(right)}
    if "null" in types or "values" in types:
        return None
    if operator in ("=", "!="):
        return (len(types) == 1 and left == right) is (operator == "=")
    if len(types) == 2 or "boolean" in types:
        return None
    return _ORDERS[operator](left, right)


def among(value: Known, options: Known) -> bool | None:
    """Whether a value, or any of several, equals one of the options; None when either side is null."""
    if value is None or options is None:
        return None
    return any(compare(one, "=", option) for one in members(value) for option in members(options))


def members(value: Known) -> tuple[Scalar, ...]:
    """Several values as they are, one as a tuple, null as none."""
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)


def _available(item: Mapping[str, object]) -> bool:
    stock = _known(item.get("stock"))
    in_stock = stock is None or (isinstance(stock, int | float) and stock > 0)
    return item.get("available") is not False and in_stock


def _known(value: object) -> Known:
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        parts = (_known(part) for part in value)
        return tuple(part for part in parts if isinstance(part, str | bool | int | float))
    return None
