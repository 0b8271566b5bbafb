"""The reference evaluator: what an expression means, over plain dicts. The other evaluators must agree with
it.

Invariants: three-valued logic after Kleene (`not unknown` is unknown, `false and unknown` is false); fields
that the dict lacks are null; nothing is ever executed.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from recsys.expressions.paths import is_under, segments
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
from recsys.expressions.values import Known, among, comparable, compare, read

__all__ = ["NOBODY", "evaluate", "keeps"]

NOBODY: Final[Mapping[str, object]] = {}


def evaluate(
    expression: Expression, item: Mapping[str, object], user: Mapping[str, object] = NOBODY
) -> bool | None:
    """Whether an expression holds, None for unknown.

    Args:
        expression: what to ask.
        item: the item's fields by full name (`recsys.offers.item_fields` makes them).
        user: the shopper's attributes by the name after `user.`; lists for several values, such as tags.
    """
    match expression:
        case Constant(value):
            return value
        case And(operands):
            return _all(evaluate(operand, item, user) for operand in operands)
        case Or(operands):
            return _not(_all(_not(evaluate(operand, item, user)) for operand in operands))
        case Not(operand):
            return _not(evaluate(operand, item, user))
        case _:
            return _predicate(expression, item, user)


def keeps(expression: Expression, item: Mapping[str, object], user: Mapping[str, object] = NOBODY) -> bool:
    """Whether a filter keeps an item: only when it is true, not when it is unknown."""
    return evaluate(expression, item, user) is True


def _predicate(expression: Expression, item: Mapping[str, object], user: Mapping[str, object]) -> bool | None:
    def value(operand: Value | Field) -> Known:
        return operand.value if isinstance(operand, Value) else comparable(operand, item, user)

    match expression:
        case Compare(field, operator, operand):
            return compare(value(field), operator, value(operand))
        case In(field, options):
            return among(value(field), _options(options, item, user))
        case Contains(element, field):
            found = value(element)
            return None if isinstance(found, tuple) else among(found, read(field, item, user))
        case Under(field, path):
            return _under(value(field), value(path))
        case IsNull(field):
            return read(field, item, user) is None
    raise TypeError(f"not an expression: {expression!r}")


def _options(
    options: tuple[Value, ...] | Field, item: Mapping[str, object], user: Mapping[str, object]
) -> Known:
    if isinstance(options, Field):
        return read(options, item, user)
    return tuple(option.value for option in options)


def _under(path: Known, ancestor: Known) -> bool | None:
    if path is None or not isinstance(ancestor, str) or not segments(ancestor):
        return None
    return isinstance(path, str) and is_under(path, ancestor)


def _all(outcomes: Iterable[bool | None]) -> bool | None:
    unknown = False
    for outcome in outcomes:
        if outcome is False:
            return False
        unknown = unknown or outcome is None
    return None if unknown else True


def _not(outcome: bool | None) -> bool | None:
    return None if outcome is None else not outcome
