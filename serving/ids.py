"""UUIDv7 (RFC 9562 §5.7): ids of answers and requests that sort by time and tell when they were made.

Python 3.11 has none. Invariant: 74 random bits, so an id cannot be guessed from another one.
"""

import os
from uuid import UUID

__all__ = ["made_at", "uuid7"]

_TIME: int = (1 << 48) - 1
_RANDOM: int = (1 << 80) - 1 & ~(0xF << 76) & ~(0x3 << 62)
_MARKS: int = 0x7 << 76 | 0x2 << 62


def uuid7(at: int) -> str:
    """Return a new id made at `at` (ms since the epoch)."""
    random = int.from_bytes(os.urandom(10)) & _RANDOM
    digits = f"{(at & _TIME) << 80 | random | _MARKS:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def made_at(text: str) -> int | None:
    """Return when `text` was made (ms since the epoch), None when it is not a UUIDv7."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value.int >> 80 if value.version == 7 and str(value) == text else None
