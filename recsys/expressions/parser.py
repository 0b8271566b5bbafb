"""Text to a typed expression, by recursive descent.

    either     = both ("or" both)*
    both       = negated ("and" negated)*
    negated    = "not" negated | "(" either ")" | predicate
    predicate  = "true" | "false" | "null" | field
               | field ("=" | "!=" | "<" | "<=" | ">" | ">=") operand | field "is" ["not"] "null"
               | field ["not"] "in" ("(" [value ("," value)*] ")" | user field)
               | operand ["not"] "in" ("tags" | "restricted" | user field) | field ["not"] "under" operand
    operand    = value | user field

Invariants: at most `MAX_BYTES` of text and `MAX_NESTING` levels; every error names the position, what was expected
there and, for a misspelt name, the nearest known one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

from recsys.errors import ExpressionError
from recsys.expressions.fields import FieldKind
from recsys.expressions.names import check_comparison, check_kind, check_path, check_right_side, read_name
from recsys.expressions.tokens import Kind, Token, tokenize
from recsys.expressions.tree import (
    MAX_NESTING,
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

__all__ = ["MAX_BYTES", "parse"]

MAX_BYTES: Final = 16 * 1024
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
