"""The typed tree of a filter expression and its text.

Invariants: nodes are frozen and hashable; `parse(str(tree)) == tree` (up to the size that `parse` reads); no
tree nests deeper than `MAX_NESTING` (parentheses and `not` in its text), so every recursion over it is
bounded; `true`, `1` and `"1"` are three values.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Final, Literal

from recsys.errors import ExpressionError
from recsys.expressions.fields import (
    ATTRIBUTE_PREFIX,
    ITEM_FIELDS,
    USER_PREFIX,
    FieldKind,
    field_kind,
    nearest,
)
from recsys.types import Scalar

__all__ = [
    "MAX_NESTING",
    "OPPOSITE",
    "And",
    "Compare",
    "Constant",
    "Contains",
    "Expression",
    "Field",
    "In",
    "IsNull",
    "Not",
    "Operator",
    "Or",
    "Under",
    "Value",
    "plain_name",
]

MAX_NESTING: Final = 64
Operator = Literal["=", "!=", "<", "<=", ">", ">="]
OPPOSITE: Final[dict[Operator, Operator]] = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_PLAIN_NAME: Final = re.compile(r"[^\W\d][\w-]*(?:\.[^\W\d][\w-]*)*")


class Expression:
    """A node that is true, false or unknown for an item."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its full name: `price`, `attributes.color`, `user.lifecycle`."""

    name: str

    def __post_init__(self) -> None:
        if field_kind(self.name) is None:
            near = nearest(self.name, ITEM_FIELDS) or f"attributes.{self.name}"
            raise ExpressionError(f"unknown field {self.name!r}; did you mean {near!r}?", 0)

    @property
    def kind(self) -> FieldKind:
        """What the field holds."""
        return field_kind(self.name) or FieldKind.OPEN

    @property
    def of_user(self) -> bool:
        """Whether the value is the shopper's."""
        return self.name.startswith(USER_PREFIX)

    @property
    def user_key(self) -> str:
        """The name within the shopper's attributes."""
        return self.name.removeprefix(USER_PREFIX)

    def __str__(self) -> str:
        for prefix in (ATTRIBUTE_PREFIX, USER_PREFIX):
            if self.name.startswith(prefix):
                return prefix + plain_name(self.name.removeprefix(prefix))
        return self.name


@dataclass(frozen=True, slots=True)
class Value:
    """A constant text, number or boolean."""

    value: Scalar
    type: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ExpressionError(f"{self.value!r} is no number to compare with", 0)
        object.__setattr__(self, "type", value_type(self.value))

    def __str__(self) -> str:
        return json.dumps(self.value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """`true`, `false`, or `null` for unknown."""

    value: bool | None

    def __str__(self) -> str:
        return json.dumps(self.value)


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    """`price < 50`: a field beside a constant or a field of the shopper."""

    field: Field
    operator: Operator
    operand: Value | Field

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {self.operand}"


@dataclass(frozen=True, slots=True)
class In(Expression):
    """`brand in ("A", "B")`, or among the values of a field of the shopper."""

    field: Field
    options: tuple[Value, ...] | Field

    def __str__(self) -> str:
        return self.text("in")

    def text(self, verb: str) -> str:
        """The predicate with `in` or `not in`."""
        if isinstance(self.options, Field):
            return f"{self.field} {verb} {self.options}"
        return f"{self.field} {verb} ({', '.join(map(str, self.options))})"


@dataclass(frozen=True, slots=True)
class Contains(Expression):
    """`"vegan" in tags`: a constant or a field of the shopper, in a field that holds several values."""

    element: Value | Field
    field: Field

    def __str__(self) -> str:
        return self.text("in")

    def text(self, verb: str) -> str:
        """The predicate with `in` or `not in`."""
        return f"{self.element} {verb} {self.field}"


@dataclass(frozen=True, slots=True)
class Under(Expression):
    """`category under "Home > Kitchen"`: the path itself or below it, by segments."""

    field: Field
    path: Value | Field

    def __str__(self) -> str:
        return self.text("under")

    def text(self, verb: str) -> str:
        """The predicate with `under` or `not under`."""
        return f"{self.field} {verb} {self.path}"


@dataclass(frozen=True, slots=True)
class IsNull(Expression):
    """`brand is null`: the value is not known."""

    field: Field

    def __str__(self) -> str:
        return self.text("is")

    def text(self, verb: str) -> str:
        """The predicate with `is` or `is not`."""
        return f"{self.field} {verb} null"


_NEGATED: Final = {In: "not in", Contains: "not in", Under: "not under", IsNull: "is not"}


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """True where the operand is false; unknown stays unknown."""

    operand: Expression
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = 0 if isinstance(self.operand, In | Contains | Under | IsNull) else 1
        _set_nesting(self, own + _nesting_inside(self.operand, (And, Or)))

    def __str__(self) -> str:
        if isinstance(self.operand, In | Contains | Under | IsNull):
            return self.operand.text(_NEGATED[type(self.operand)])
        return f"not {_inside(self.operand, (And, Or))}"


@dataclass(frozen=True, slots=True)
class And(Expression):
    """True where all operands are."""

    operands: tuple[Expression, ...]
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_several(self.operands)
        _set_nesting(self, max(_nesting_inside(operand, (And, Or)) for operand in self.operands))

    def __str__(self) -> str:
        return " and ".join(_inside(operand, (And, Or)) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """True where any operand is."""

    operands: tuple[Expression, ...]
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_several(self.operands)
        _set_nesting(self, max(_nesting_inside(operand, (Or,)) for operand in self.operands))

    def __str__(self) -> str:
        return " or ".join(_inside(operand, (Or,)) for operand in self.operands)


def value_type(value: object) -> str:
    """`text`, `number` or `boolean`; `values` for several, `null` for None. Values of two types are never equal."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "values"


def plain_name(name: str) -> str:
    """An attribute's name as it is written after `attributes.` or `user.`: quoted where it must be."""
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _inside(operand: Expression, parenthesised: tuple[type[Expression], ...]) -> str:
    return f"({operand})" if isinstance(operand, parenthesised) else str(operand)


def _nesting_inside(operand: Expression, parenthesised: tuple[type[Expression], ...]) -> int:
    own = operand.nesting if isinstance(operand, And | Or | Not) else 0
    return own + isinstance(operand, parenthesised)


def _set_nesting(node: Not | And | Or, nesting: int) -> None:
    if nesting > MAX_NESTING:
        raise ExpressionError(f"the expression nests deeper than {MAX_NESTING} levels; simplify it", 0)
    object.__setattr__(node, "nesting", nesting)


def _require_several(operands: tuple[Expression, ...]) -> None:
    if len(operands) < 2:
        raise ExpressionError(f"'and' and 'or' join at least two expressions, got {len(operands)}", 0)
