"""Three-valued logic for engines that answer for many items at once, without a third value.

One asks where an expression is true, or where it is false; `not` turns the question round, and where it is
unknown neither answer holds. An engine (numpy masks, Ibis columns) supplies the answers about single columns
and joins them.

Invariant: answers are two-valued, and `where(…, True)` and `where(…, False)` never overlap.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from recsys.expressions.tree import (
    OPPOSITE,
    And,
    Compare,
    Constant,
    Contains,
    Expression,
    Field,
    In,
    IsNull,
    Not,
    Operator,
    Or,
    Under,
    Value,
)
from recsys.types import Scalar

__all__ = ["Column", "Engine", "where"]

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Column(Protocol[Answer_co]):
    """What predicates ask of a field; no answer but `null` is true where the field is not known."""

    def null(self) -> Answer_co:
        """Where the value is missing."""
        ...

    def known(self) -> Answer_co:
        """Where comparisons with a value have an answer."""
        ...

    def single(self) -> Answer_co:
        """Where it is known and one value, not several."""
        ...

    def equal(self, value: Scalar) -> Answer_co:
        """Where it is single and equals; values of two types are never equal."""
        ...

    def among(self, options: Sequence[Scalar]) -> Answer_co:
        """Where the value, or one of several, equals an option."""
        ...

    def ordered(self, operator: Operator, bound: Scalar) -> Answer_co:
        """Where `value operator bound`; nowhere if their types differ or have no order."""
        ...

    def under(self, path: str) -> Answer_co:
        """Where the value is a path at or below the given one."""
        ...


class Engine(Protocol[Answer]):
    """How answers are made and joined; `every` and `some` may stop early."""

    def constant(self, value: bool) -> Answer:
        """The same answer for every item."""
        ...

    def column(self, field: Field) -> Column[Answer]:
        """The values of a field."""
        ...

    def negate(self, answer: Answer) -> Answer:
        """True where the answer is false."""
        ...

    def every(self, answers: Iterator[Answer]) -> Answer:
        """Where all answers, at least one, are true."""
        ...

    def some(self, answers: Iterator[Answer]) -> Answer:
        """Where any answer, of at least one, is true."""
        ...


def where(expression: Expression, outcome: bool, engine: Engine[Answer]) -> Answer:
    """Where an expression is true (or false, by `outcome`).

    Raises TypeError for a comparison with a field of the shopper: `fold_user` comes first.
    """
    match expression:
        case Constant(value):
            return engine.constant(value is outcome)
        case Not(operand):
            return where(operand, not outcome, engine)
        case And(operands) | Or(operands):
            # Not all are true where one is false: the other connective, and each operand asked the other way.
            join = engine.every if isinstance(expression, And) is outcome else engine.some
            return join(where(operand, outcome, engine) for operand in operands)
        case _:
            return _predicate(expression, outcome, engine)


def _predicate(predicate: Expression, outcome: bool, engine: Engine[Answer]) -> Answer:
    match predicate:
        case Compare(field, "=" | "!=" as operator, Value(value)):
            column = engine.column(field)
            equal = column.equal(value)
            return equal if (operator == "=") is outcome else _false(engine, column.single(), equal)
        case Compare(field, operator, Value(value)):
            return engine.column(field).ordered(operator if outcome else OPPOSITE[operator], value)
        case In(field, tuple(options)):
            return _member(engine, engine.column(field), [option.value for option in options], outcome)
        case Contains(Value(value), field):
            return _member(engine, engine.column(field), [value], outcome)
        case Under(field, Value(str(path))):
            column = engine.column(field)
            below = column.under(path)
            return below if outcome else _false(engine, column.known(), below)
        case IsNull(field):
            null = engine.column(field).null()
            return null if outcome else engine.negate(null)
    raise TypeError(f"{predicate} compares with a field of the shopper; apply fold_user first")


def _member(
    engine: Engine[Answer], column: Column[Answer], options: Sequence[Scalar], outcome: bool
) -> Answer:
    found = column.among(options)
    return found if outcome else _false(engine, column.known(), found)


def _false(engine: Engine[Answer], decided: Answer, true: Answer) -> Answer:
    """Where a predicate is false that is true or false wherever it is decided."""
    return engine.every(iter((decided, engine.negate(true))))
