"""Category paths such as `Home > Kitchen > Mugs`: how they split into segments and what lies under what.

Invariants: white space around `>` and empty segments carry no meaning, segments compare exactly, a path lies
under itself. White space here is a closed list, with the ideographic space of Chinese text in it, so that
every engine can repeat the rule: `EDGE_PATTERN` and `SEPARATOR_PATTERN` state it as portable regular
expressions (RE2, Java).
"""

from typing import Final

__all__ = [
    "EDGE_PATTERN",
    "KEY_SEPARATOR",
    "SEPARATOR_PATTERN",
    "is_under",
    "join_segments",
    "path_key",
    "segments",
]

KEY_SEPARATOR: Final = ">"
_SPACE: Final = " \t\n\r\u00a0\u3000"
# Removing every edge match, then writing `>` for every separator match, gives `path_key`.
EDGE_PATTERN: Final = rf"^[{_SPACE}>]+|[{_SPACE}>]+\z"
SEPARATOR_PATTERN: Final = f"[{_SPACE}]*>[{_SPACE}>]*"


def segments(path: str) -> tuple[str, ...]:
    """`Home > Kitchen` becomes `("Home", "Kitchen")`; empty for a path without segments."""
    parts = (part.strip(_SPACE) for part in path.split(KEY_SEPARATOR))
    return tuple(part for part in parts if part)


def join_segments(parts: tuple[str, ...]) -> str:
    """The way a path is written: `Home > Kitchen`."""
    return " > ".join(parts)


def path_key(path: str) -> str:
    """The path without meaningless characters, `Home>Kitchen>Mugs`; empty when it has no segment."""
    return KEY_SEPARATOR.join(segments(path))


def is_under(path: str, ancestor: str) -> bool:
    """Whether `path` is `ancestor` or lies below it, by segments: `Homeware` is not under `Home`."""
    above = segments(ancestor)
    return bool(above) and segments(path)[: len(above)] == above
