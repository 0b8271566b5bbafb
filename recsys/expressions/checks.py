"""What may be compared with what: refusals that a parser can place and a reader can act on.

Invariant: a comparison that could never be true because of its types is an error wherever the types are
known.
"""

from datetime import datetime
from typing import Final

from recsys.errors import ExpressionError
from recsys.expressions.fields import FieldKind
from recsys.expressions.paths import segments
from recsys.expressions.tree import Field, Operator, Value

__all__ = ["comparable_value", "require_path", "require_several", "require_single", "require_user_field"]

_ORDERING: Final = ("<", "<=", ">", ">=")
_TYPES: Final = {FieldKind.TEXT: "text", FieldKind.NUMBER: "number", FieldKind.FLAG: "boolean"}
_EXAMPLES: Final = {FieldKind.TEXT: '"text"', FieldKind.NUMBER: "50", FieldKind.FLAG: "true"}
_TIME_EXAMPLE: Final = '"2026-01-31T00:00:00+08:00"'


def comparable_value(field: Field, value: Value, position: int) -> Value:
    """The value as the field stores it (times in ms); an ExpressionError when the field holds another type."""
    if field.kind is FieldKind.TIME:
        return _time(field, value, position)
    wanted = _TYPES.get(field.kind)
    if wanted is not None and value.type != wanted:
        raise ExpressionError(
            f"{field} is {field.kind}, but {value} is a {value.type}; write it like {_EXAMPLES[field.kind]}",
            position,
        )
    return value


def require_single(field: Field, operator: Operator, value: Value | Field, position: int) -> None:
    """Refuse comparisons of sets, and of true or false by order."""
    if field.kind is FieldKind.SET:
        raise ExpressionError(f'{field} holds several texts; write "…" in {field}', position)
    boolean = field.kind is FieldKind.FLAG or (isinstance(value, Value) and value.type == "boolean")
    if operator in _ORDERING and boolean:
        raise ExpressionError(f"true and false have no order; use = or != instead of {operator!r}", position)


def require_several(field: Field, position: int) -> None:
    """Refuse `"x" in brand`: only tags, restricted and fields of the shopper hold several values."""
    if field.kind is not FieldKind.SET and not field.of_user:
        raise ExpressionError(
            f'{field} holds one value; write {field} = "…", or "…" in tags, restricted or user.NAME', position
        )


def require_user_field(field: Field, position: int) -> None:
    """Refuse a second field of the item on the right side."""
    if not field.of_user:
        raise ExpressionError(
            f"expected a value or user.NAME here, but {field} is a field of the item", position
        )


def require_path(field: Field, path: Value | Field, position: int) -> None:
    """Refuse `under` where neither side can be a path."""
    if field.name != "category" and field.kind is not FieldKind.OPEN:
        raise ExpressionError(
            f"{field} is not a path; 'under' is for category, attributes.NAME and user.NAME", position
        )
    if isinstance(path, Value) and not (isinstance(path.value, str) and segments(path.value)):
        raise ExpressionError(f'{path} is not a category path; write one like "Home > Kitchen"', position)


def _time(field: Field, value: Value, position: int) -> Value:
    if value.type == "number":
        return value
    try:
        moment = datetime.fromisoformat(str(value.value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ExpressionError(
            f"{field} is a time; write it with its offset, {_TIME_EXAMPLE}, or in ms since 1970; got {value}",
            position,
        )
    return Value(round(moment.timestamp() * 1000))
