"""Text of an expression to tokens, each with its position.

Invariants: positions are 0-based character offsets into the text; every character belongs to a token or is
white space; what looks like another language's operator, or a full-width sign, is refused with the sign to
write instead.
"""

import math
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from recsys.errors import ExpressionError

__all__ = ["KEYWORDS", "Kind", "Token", "tokenize"]

KEYWORDS: Final = frozenset({"and", "or", "not", "in", "under", "is", "null", "true", "false"})
_PATTERN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[^\W\d][\w-]*)
      | (?P<foreign>==|<>|=<|=>|&&|\|\|)
      | (?P<sign><=|>=|!=|[=<>(),.])""",
    re.VERBOSE | re.DOTALL,
)
_WRITE_INSTEAD: Final = {
    "==": "=",
    "<>": "!=",
    "=<": "<=",
    "=>": ">=",
    "&&": "and",
    "||": "or",
    "!": "not",
    "&": "and",
    "|": "or",
    "（": "(",
    "）": ")",
    "，": ",",
    "＝": "=",
    "＜": "<",
    "＞": ">",
    "．": ".",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    **dict.fromkeys("“”„«»＂「」", '"'),
    **dict.fromkeys("‘’＇", "'"),
}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
# Beyond 2**53 floating point no longer tells neighbouring integers apart.
_LARGEST: Final = 2**53 - 1
_LONGEST: Final = len(str(-_LARGEST))


class Kind(Enum):
    """What a token is."""

    TEXT = auto()
    NUMBER = auto()
    NAME = auto()
    KEYWORD = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its text as written, where it starts, and the value of a text or number."""

    kind: Kind
    written: str
    position: int
    value: str | int | float = ""

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else repr(self.written[:40])

    def is_word(self, word: str) -> bool:
        """Whether it is this keyword, in any case."""
        return self.kind is Kind.KEYWORD and self.written.lower() == word

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.kind is Kind.SIGN and self.written in signs


def tokenize(text: str) -> list[Token]:
    """The tokens of a text and an END token; an ExpressionError at the first character that starts none."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None or match.lastgroup == "foreign":
            raise _unreadable(text, position, match)
        if match.lastgroup != "space":
            tokens.append(_token(match))
        position = match.end()
    return [*tokens, Token(Kind.END, "", len(text))]


def _token(match: re.Match[str]) -> Token:
    written, position = match.group(), match.start()
    if match.lastgroup == "text":
        return Token(Kind.TEXT, written, position, _unescape(written[1:-1], position + 1))
    if match.lastgroup == "number":
        return Token(Kind.NUMBER, written, position, _number(written, position))
    if match.lastgroup == "name":
        return Token(Kind.KEYWORD if written.lower() in KEYWORDS else Kind.NAME, written, position)
    return Token(Kind.SIGN, written, position)


def _number(written: str, position: int) -> int | float:
    if written.lstrip("-").isdigit():
        if len(written) > _LONGEST or abs(int(written)) > _LARGEST:
            raise ExpressionError(
                f"{written[:40]!r} is too long for a number; write long codes in quotes", position
            )
        return int(written)
    value = float(written)
    if math.isinf(value):
        raise ExpressionError(f"{written[:40]!r} is too large for a number", position)
    return value


def _unescape(body: str, position: int) -> str:
    def replacement(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape.isalnum() and escape not in _ESCAPES:
            raise ExpressionError(
                f"unknown escape '\\{escape}'; write '\\\\' for a backslash", position + match.start()
            )
        return _ESCAPES.get(escape, escape)

    # A pair of surrogate escapes is one character; half a pair is no text.
    text = _ESCAPE.sub(replacement, body).encode("utf-16", "surrogatepass")
    try:
        decoded = text.decode("utf-16")
    except UnicodeDecodeError as error:
        raise ExpressionError("half a surrogate pair is no text", position) from error
    if "\0" in decoded:
        raise ExpressionError("a text cannot hold the character NUL", position)
    return decoded


def _unreadable(text: str, position: int, match: re.Match[str] | None) -> ExpressionError:
    written = text[position] if match is None else match.group()
    if written in "\"'":
        return ExpressionError(f"the text that starts here has no closing {written}", position)
    if written in _WRITE_INSTEAD:
        return ExpressionError(
            f"{written!r} is not part of the language; write {_WRITE_INSTEAD[written]!r}", position
        )
    return ExpressionError(f"unexpected character {written!r}", position)
