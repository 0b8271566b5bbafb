"""Text to a typed expression, by recursive descent.

    either     = both ("or" both)*
    both       = negated ("and" negated)*
    negated    = "not" negated | "(" either ")" | predicate
    predicate  = "true" | "false" | "null" | field
               | field ("=" | "!=" | "<" | "<=" | ">" | ">=") operand | field "is" ["not"] "null"
               | field ["not"] "in" ("(" [value ("," value)*] ")" | user field)
               | operand ["not"] "in" ("tags" | "restricted" | user field) | field ["not"] "under" operand
    operand    = value | user field

Invariants: at most `MAX_BYTES` of text and `MAX_NESTING` levels; every error names the position, what was
expected there and, for a misspelt name, the nearest known one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

from recsys.errors import ExpressionError
from recsys.expressions.checks import (
    comparable_value,
    require_path,
    require_several,
    require_single,
    require_user_field,
)
from recsys.expressions.fields import ATTRIBUTE_PREFIX, ITEM_FIELDS, USER_PREFIX, FieldKind, nearest
from recsys.expressions.tokens import KEYWORDS, Kind, Token, tokenize
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
_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Expression:
    """The expression that a text says.

    Raises:
        ExpressionError: with the position of the mistake and what was expected there.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise ExpressionError(f"the expression has {size} bytes; at most {MAX_BYTES} are read", len(text))
    return _Parser(tokenize(text)).whole()


class _Parser:
    """A cursor over the tokens; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._nesting = 0

    def whole(self) -> Expression:
        expression = self._either()
        if self._token.kind is not Kind.END:
            raise self._expected("'and', 'or' or the end")
        return expression

    def _either(self) -> Expression:
        operands = [self._both()]
        while self._accept_word("or"):
            operands.append(self._both())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _both(self) -> Expression:
        operands = [self._negated()]
        while self._accept_word("and"):
            operands.append(self._negated())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _negated(self) -> Expression:
        start = self._token
        if self._accept_word("not"):
            with self._nested(start):
                return Not(self._negated())
        if self._accept_sign("("):
            with self._nested(start):
                expression = self._either()
            self._require_sign(")", f"')' for the '(' at position {start.position}")
            return expression
        return self._predicate()

    def _predicate(self) -> Expression:
        start = self._token
        value = self._constant_or_value()
        if isinstance(value, Constant):
            return value
        if isinstance(value, Value):
            return self._membership(value)
        field = self._field("a field, a value, 'not' or '('")
        return self._after_field(field, start)

    def _constant_or_value(self) -> Constant | Value | None:
        word = self._token.written.lower()
        if self._token.is_word(word) and word in _CONSTANTS and not self._membership_follows():
            self._advance()
            return Constant(_CONSTANTS[word])
        return self._accept_value()

    def _membership(self, element: Value) -> Expression:
        negated = self._accept_word("not")
        if not self._accept_word("in"):
            raise self._expected("'in' after a value (to compare, write the field first: price < 50)")
        found = Contains(element, self._several())
        return Not(found) if negated else found

    def _after_field(self, field: Field, start: Token) -> Expression:
        token = self._token
        if token.is_sign("=", "!=", "<", "<=", ">", ">="):
            self._advance()
            return self._comparison(field, cast(Operator, token.written), token)
        if self._accept_word("is"):
            return self._null_test(field)
        negated = self._accept_word("not")
        if self._accept_word("in"):
            found: Expression = self._options(field)
        elif self._accept_word("under"):
            found = self._path(field, start)
        elif negated:
            raise self._expected("'in' or 'under' after 'not'")
        else:
            return self._flag(field)
        return Not(found) if negated else found

    def _comparison(self, field: Field, operator: Operator, sign: Token) -> Expression:
        token = self._token
        operand = self._operand(field)
        require_single(field, operator, operand, sign.position)
        if isinstance(operand, Value):
            operand = comparable_value(field, operand, token.position)
        return Compare(field, operator, operand)

    def _null_test(self, field: Field) -> Expression:
        negated = self._accept_word("not")
        if not self._accept_word("null"):
            raise self._expected("'null' or 'not null' after 'is'")
        return Not(IsNull(field)) if negated else IsNull(field)

    def _options(self, field: Field) -> Expression:
        token = self._token
        if self._accept_sign("("):
            require_single(field, "=", field, token.position)
            return In(field, self._values(field))
        several = self._several()
        if several.kind is FieldKind.SET:
            require_user_field(field, token.position)
            return Contains(field, several)
        require_single(field, "=", field, token.position)
        return In(field, several)

    def _values(self, field: Field) -> tuple[Value, ...]:
        values: list[Value] = []
        while not self._accept_sign(")"):
            if values:
                self._require_sign(",", "',' or ')'")
            token = self._token
            values.append(comparable_value(field, self._value("a value"), token.position))
        return tuple(values)

    def _path(self, field: Field, start: Token) -> Expression:
        token = self._token
        require_path(field, field, start.position)
        path = self._operand(field)
        require_path(field, path, token.position)
        return Under(field, path)

    def _flag(self, field: Field) -> Expression:
        if field.kind not in (FieldKind.FLAG, FieldKind.OPEN):
            raise self._expected(f"a comparison, 'in', 'under' or 'is null' after {field} ({field.kind})")
        return Compare(field, "=", Value(True))

    def _several(self) -> Field:
        token = self._token
        field = self._field("'(' or a field that holds several values: tags, restricted or user.NAME")
        require_several(field, token.position)
        return field

    def _operand(self, field: Field) -> Value | Field:
        token = self._token
        if token.kind is Kind.NAME and not _starts_field(token.written):
            raise self._expected(f"a value for {field}", f'; text goes in quotes: "{token.written[:40]}"')
        if token.kind is Kind.NAME:
            operand = self._field("a value or user.NAME")
            require_user_field(operand, token.position)
            return operand
        return self._value(f"a value for {field} or user.NAME")

    def _value(self, expected: str) -> Value:
        value = self._accept_value()
        if value is None:
            hint = "; to test for a missing value write 'is null'" if self._token.is_word("null") else ""
            raise self._expected(expected, hint)
        return value

    def _accept_value(self) -> Value | None:
        token = self._token
        if token.kind in (Kind.TEXT, Kind.NUMBER):
            self._advance()
            return Value(token.value)
        if token.is_word("true") or token.is_word("false"):
            self._advance()
            return Value(token.is_word("true"))
        return None

    def _field(self, expected: str) -> Field:
        token = self._token
        if token.kind is not Kind.NAME:
            raise self._expected(expected)
        self._advance()
        prefix = f"{token.written}."
        if prefix in (ATTRIBUTE_PREFIX, USER_PREFIX):
            self._require_sign(".", f"'.' and a name after {token.written!r}")
            return Field(prefix + self._open_name(prefix))
        if token.written not in ITEM_FIELDS:
            raise _unknown(token)
        return Field(token.written)

    def _open_name(self, prefix: str) -> str:
        token = self._token
        if token.kind is Kind.TEXT and token.value:
            self._advance()
            return str(token.value)
        parts = []
        while True:
            if self._token.kind not in (Kind.NAME, Kind.KEYWORD):
                raise self._expected(f"a name after {prefix!r}, in quotes if it has spaces or signs")
            parts.append(self._advance().written)
            if not self._accept_sign("."):
                return ".".join(parts)

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _membership_follows(self) -> bool:
        after = self._tokens[self._next + 1 : self._next + 3]
        return after[0].is_word("in") or (after[0].is_word("not") and after[1].is_word("in"))

    def _advance(self) -> Token:
        token = self._token
        self._next += 1
        return token

    def _accept_word(self, word: str) -> bool:
        accepted = self._token.is_word(word)
        self._next += accepted
        return accepted

    def _accept_sign(self, sign: str) -> bool:
        accepted = self._token.is_sign(sign)
        self._next += accepted
        return accepted

    def _require_sign(self, sign: str, expected: str) -> None:
        if not self._accept_sign(sign):
            raise self._expected(expected)

    def _expected(self, expected: str, hint: str = "") -> ExpressionError:
        token = self._token
        misspelt = not hint and token.kind is Kind.NAME and not _starts_field(token.written)
        if misspelt and (word := nearest(token.written, KEYWORDS)):
            hint = f"; did you mean {word!r}?"
        return ExpressionError(f"expected {expected}, found {token}{hint}", token.position)

    @contextmanager
    def _nested(self, start: Token) -> Iterator[None]:
        if self._nesting == MAX_NESTING:
            raise ExpressionError(f"the expression nests deeper than {MAX_NESTING} levels", start.position)
        self._nesting += 1
        yield
        self._nesting -= 1


def _unknown(token: Token) -> ExpressionError:
    name = token.written[:40]
    near = nearest(name, [*ITEM_FIELDS, *(prefix.rstrip(".") for prefix in (ATTRIBUTE_PREFIX, USER_PREFIX))])
    meant = f"did you mean {near!r}?" if near else f"fields are {', '.join(ITEM_FIELDS)}."
    open_names = f"An item's own attribute is written attributes.{name}, a shopper's user.{name}"
    return ExpressionError(f"unknown field {name!r}; {meant} {open_names}", token.position)


def _starts_field(word: str) -> bool:
    return word in ITEM_FIELDS or f"{word}." in (ATTRIBUTE_PREFIX, USER_PREFIX)
