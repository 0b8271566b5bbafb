"""One shopper's view of an expression: every `user.NAME` becomes a constant, and what is decided disappears.

Invariant: for every item, the folded expression evaluates to what the original does for that shopper.
"""

from collections.abc import Mapping

from recsys.expressions.evaluate import NOBODY, evaluate
from recsys.expressions.paths import segments
from recsys.expressions.tree import (
    And,
    Compare,
    Constant,
    Contains,
    Expression,
    Field,
    In,
    IsNull,
    Not,
    Or,
    Under,
    Value,
)
from recsys.expressions.values import members, read

__all__ = ["fields", "fold_user"]

_UNKNOWN = Constant(None)


def fold_user(expression: Expression, user: Mapping[str, object]) -> Expression:
    """The expression without `user.*`, given the shopper's attributes (absent ones are unknown)."""
    match expression:
        case And(operands):
            return _join(And, [fold_user(operand, user) for operand in operands])
        case Or(operands):
            return _join(Or, [fold_user(operand, user) for operand in operands])
        case Not(operand):
            return _negate(fold_user(operand, user))
        case _:
            return _fold_predicate(expression, user)


def fields(expression: Expression) -> set[str]:
    """The full names of all fields that an expression reads, those of the shopper too."""
    match expression:
        case And(operands) | Or(operands):
            return set().union(*map(fields, operands))
        case Not(operand):
            return fields(operand)
        case Constant():
            return set()
        case _:
            return {operand.name for operand in _operands(expression) if isinstance(operand, Field)}


def _operands(predicate: Expression) -> tuple[object, ...]:
    match predicate:
        case Compare(field, _, operand):
            return field, operand
        case In(field, operand) | Contains(operand, field) | Under(field, operand):
            return field, operand
        case IsNull(field):
            return (field,)
    return ()


def _fold_predicate(expression: Expression, user: Mapping[str, object]) -> Expression:
    names = fields(expression)
    if all(name.startswith("user.") for name in names):
        return Constant(evaluate(expression, NOBODY, user))
    match expression:
        case Compare(field, operator, Field() as operand):
            value = _single(operand, user)
            return _UNKNOWN if value is None else Compare(field, operator, value)
        case In(field, Field() as options):
            several = read(options, NOBODY, user)
            return _UNKNOWN if several is None else In(field, tuple(map(Value, members(several))))
        case Contains(Field() as element, field):
            value = _single(element, user)
            return _UNKNOWN if value is None else Contains(value, field)
        case Under(field, Field() as path):
            value = _single(path, user)
            is_path = value is not None and isinstance(value.value, str) and segments(value.value)
            return Under(field, value) if value is not None and is_path else _UNKNOWN
    return expression


def _single(field: Field, user: Mapping[str, object]) -> Value | None:
    value = read(field, NOBODY, user)
    return None if value is None or isinstance(value, tuple) else Value(value)


def _negate(expression: Expression) -> Expression:
    if isinstance(expression, Constant):
        return Constant(None if expression.value is None else not expression.value)
    return Not(expression)


def _join(kind: type[And | Or], operands: list[Expression]) -> Expression:
    """Operands without those that decide nothing; `false` decides an `and`, `true` an `or`."""
    neutral, decisive = Constant(kind is And), Constant(kind is Or)
    if decisive in operands:
        return decisive
    left = tuple(operand for operand in operands if operand != neutral)
    if len(left) > 1:
        return kind(left)
    return left[0] if left else neutral
