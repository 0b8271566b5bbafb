"""Filter expressions as Ibis columns: the same language over tables of any engine (DuckDB here, Spark when outgrown).

A table has a column per item field, by the field's name. `attributes.NAME` and `user.NAME` are read from a
column of exactly that name, else from the JSON text column `attributes` or `user`.

Invariants: the column is true where `recsys.expressions.evaluate` is true and false elsewhere, never null;
words of an expression only ever become literals, never query text; joins are balanced, so a long filter is no
deep query.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import ibis

from recsys.errors import InputError
from recsys.expressions import Expression
from recsys.expressions.fields import ATTRIBUTE_PREFIX, USER_PREFIX, FieldKind
from recsys.expressions.kleene import where
from recsys.expressions.paths import EDGE_PATTERN, KEY_SEPARATOR, SEPARATOR_PATTERN, path_key
from recsys.expressions.tree import Field, Operator
from recsys.types import Scalar

__all__ = ["to_ibis"]

# Ibis ships types that follow the installed engines, so its values are Any here.
Values = Any
Flags = Any
_ORDERS: Final[dict[Operator, str]] = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
# Other names could be read as a JSON path with wildcards and steps.
_STEP: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def to_ibis(expression: Expression, table: Any) -> Flags:
    """The boolean column that keeps what a filter keeps.

    Args:
        expression: a filter; fields of the shopper may be compared with constants only (else `fold_user`
        first). table: an Ibis table, its columns named as the module says.

    Raises:
        InputError: the table lacks the column of an item field, or its type is none that filters know.
    """
    return where(expression, True, _Table(table))


class _Table:
    """A table as the engine of `where`."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def constant(self, value: bool) -> Flags:
        return ibis.literal(value)

    def negate(self, answer: Flags) -> Flags:
        return ~answer

    def every(self, answers: Iterator[Flags]) -> Flags:
        return _balanced("__and__", list(answers))

    def some(self, answers: Iterator[Flags]) -> Flags:
        return _any(list(answers))

    def column(self, field: Field) -> "_Column":
        if field.kind is FieldKind.FLAG:
            return _Flag(_available(self._named("available"), self._named("stock")))
        if field.name == "stock":
            return _Stock(self._named("stock"), _available(self._named("available"), self._named("stock")))
        if field.name in self._table.columns or field.kind is not FieldKind.OPEN:
            return _typed(field.name, self._named(field.name))
        return self._open(field)

    def _open(self, field: Field) -> "_Column":
        prefix = USER_PREFIX if field.of_user else ATTRIBUTE_PREFIX
        document = prefix.removesuffix(".")
        if document not in self._table.columns:
            return _Column(ibis.null("string"))
        return _Json(_member(self._table[document], field.name.removeprefix(prefix)))

    def _named(self, name: str) -> Values:
        if name not in self._table.columns:
            raise InputError(
                f"the table has no column {name!r} for this filter; it has {', '.join(self._table.columns)}"
            )
        return self._table[name]


class _Column:
    """Values of no comparable type; the base of those that have one."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def known(self) -> Flags:
        return self._values.notnull()

    def null(self) -> Flags:
        return ~self.known()

    def single(self) -> Flags:
        return self.known()

    def equal(self, value: Scalar) -> Flags:
        return self.among((value,))

    def among(self, options: Sequence[Scalar]) -> Flags:  # noqa: ARG002
        return ibis.literal(False)

    def ordered(self, operator: Operator, bound: Scalar) -> Flags:  # noqa: ARG002
        return ibis.literal(False)

    def under(self, path: str) -> Flags:  # noqa: ARG002
        return ibis.literal(False)


class _Text(_Column):
    def among(self, options: Sequence[Scalar]) -> Flags:
        return _among(self._values, [option for option in options if isinstance(option, str)])

    def ordered(self, operator: Operator, bound: Scalar) -> Flags:
        return _ordered(self._values, operator, bound) if isinstance(bound, str) else ibis.literal(False)

    def under(self, path: str) -> Flags:
        key = self._values.re_replace(EDGE_PATTERN, "").re_replace(SEPARATOR_PATTERN, KEY_SEPARATOR)
        ancestor = path_key(path)
        return _true((key == ancestor) | key.startswith(ancestor + KEY_SEPARATOR))


class _Finite(_Column):
    """Numbers without nan and infinity."""

    def among(self, options: Sequence[Scalar]) -> Flags:
        return _among(self._values, [option for option in options if _is_number(option)])

    def ordered(self, operator: Operator, bound: Scalar) -> Flags:
        return _ordered(self._values, operator, bound) if _is_number(bound) else ibis.literal(False)


class _Number(_Finite):
    """Numbers of a table; nan and infinity count as null."""

    def __init__(self, values: Values) -> None:
        if values.type().is_floating():
            values = (values.isnan() | values.isinf()).ifelse(ibis.null(values.type()), values)
        super().__init__(values)


class _Stock(_Number):
    """Untracked stock compares as unlimited where the item is available, else as 0; `is null` finds it."""

    def __init__(self, stock: Values, available: Flags) -> None:
        super().__init__(stock)
        self._stock = self._values
        unlimited = ibis.literal(float("inf"))
        self._values = self._values.cast("float64").fill_null(available.ifelse(unlimited, ibis.literal(0.0)))

    def null(self) -> Flags:
        return self._stock.isnull()


class _Flag(_Column):
    def among(self, options: Sequence[Scalar]) -> Flags:
        # Not `isin`: it writes `a AND b IN (TRUE)` without parentheses around the condition.
        wanted = {option for option in options if isinstance(option, bool)}
        answers = [self._values if option else ~self._values for option in sorted(wanted)]
        return _any([_true(answer) for answer in answers])


class _Several(_Column):
    """A list of values of one type; an empty list is known."""

    def single(self) -> Flags:
        return ibis.literal(False)

    def equal(self, value: Scalar) -> Flags:  # noqa: ARG002 - several values equal nothing
        return ibis.literal(False)

    def among(self, options: Sequence[Scalar]) -> Flags:
        fitting = [option for option in options if isinstance(option, str)]
        return _any([_true(self._values.contains(option)) for option in fitting])


class _Json(_Column):
    """A JSON value, of whatever type each row has; objects count as null."""

    def known(self) -> Flags:
        return self._starts_with_none_of("n{")

    def single(self) -> Flags:
        return self._starts_with_none_of("n{[")

    def equal(self, value: Scalar) -> Flags:
        return self._like(value).equal(value)

    def among(self, options: Sequence[Scalar]) -> Flags:
        kinds = {_reader(option): option for option in options}.values()
        single = [self._like(option).among(options) for option in kinds]
        return _any(single + [self._has_member(option) for option in options])

    def ordered(self, operator: Operator, bound: Scalar) -> Flags:
        return self._like(bound).ordered(operator, bound)

    def under(self, path: str) -> Flags:
        return self._like(path).under(path)

    def _like(self, value: Scalar) -> _Column:
        """The rows whose value has the type of this one."""
        column = {"str": _Text, "float": _Finite, "bool": _Flag}[_reader(value)]
        return column(getattr(self._values, _reader(value)))

    def _has_member(self, option: Scalar) -> Flags:
        reader = _reader(option)
        return _true(self._values.array.map(lambda member: getattr(member, reader)).contains(option))

    def _starts_with_none_of(self, signs: str) -> Flags:
        # The first sign of a JSON text tells its type: `n` of null, `{` of an object, `[` of a list.
        return _true(~self._values.cast("string").substr(0, 1).isin(list(signs)))


def _typed(name: str, values: Values) -> _Column:
    """A column by its type in the table."""
    kind = values.type()
    if kind.is_string():
        return _Text(values)
    if kind.is_numeric():
        return _Number(values)
    if kind.is_boolean():
        return _Flag(values)
    if kind.is_array() and kind.value_type.is_string():
        return _Several(values)
    if kind.is_json():
        return _Json(values)
    if kind.is_null():
        return _Column(values)
    raise InputError(
        f"filters cannot read column {name!r} of type {kind}; cast it to text, a number (times: ms since 1970), "
        "a boolean, a list of texts or JSON"
    )


def _member(document: Values, name: str) -> Values:
    """One member of a JSON object, given as text or JSON; null where there is none."""
    if document.type().is_string():
        document = document.nullif("")
    document = document.cast("json")
    return document[name] if _STEP.fullmatch(name) else document.map.get(name)


def _available(flag: Values, stock: Values) -> Flags:
    """Not said to be unavailable, and stock untracked or above zero."""
    number = _Number(stock)
    return flag.fill_null(True) & (number.null() | number.ordered(">", 0))


def _among(values: Values, options: list[Any]) -> Flags:
    return _true(values.isin(options)) if options else ibis.literal(False)


def _ordered(values: Values, operator: Operator, bound: Scalar) -> Flags:
    return _true(getattr(values, _ORDERS[operator])(bound))


def _true(flags: Flags) -> Flags:
    return flags.fill_null(False)


def _is_number(value: Scalar) -> bool:
    return not isinstance(value, str | bool)


def _reader(value: Scalar) -> str:
    """How Ibis reads a JSON value of the type of this one."""
    if isinstance(value, str):
        return "str"
    return "bool" if isinstance(value, bool) else "float"


def _any(answers: list[Flags]) -> Flags:
    return _balanced("__or__", answers) if answers else ibis.literal(False)


def _balanced(join: str, answers: list[Flags]) -> Flags:
    """Many answers joined in pairs of pairs: the depth grows with the logarithm of their number."""
    while len(answers) > 1:
        pairs = zip(answers[::2], answers[1::2], strict=False)
        odd = answers[-1:] if len(answers) % 2 else []
        answers = [getattr(left, join)(right) for left, right in pairs] + odd
    return answers[0]
