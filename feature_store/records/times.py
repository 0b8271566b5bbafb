"""Times at the border: everything that may stand for an instant becomes integer ms since the epoch, UTC.

Accepted: integer ms, RFC 3339 text with an offset, `datetime`; a naive one only with a time zone. Ambiguous
local times (the hour repeated in autumn) mean the earlier instant. Fractions finer than a ms are cut off.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from feature_store.records.fields import CellError
from recsys.errors import InputError

__all__ = ["AWARE", "DIGITS", "NAIVE", "parse_time", "to_rfc3339", "zone"]

# Shared with the columnar reader (RE2), so both sides accept exactly the same spellings.
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
NAIVE = f"^{_CLOCK}$"
AWARE = rf"^{_CLOCK}(Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
DIGITS = "^[0-9]{10,14}$"
_LOOSE = re.compile(
    r"^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(Z|z|[+-]\d{2}:?\d{2})?$",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def parse_time(value: object, timezone: ZoneInfo | None, *, digits: bool = False) -> int:
    """Ms since the epoch, or CellError (`bad_time`, `naive_time`, `wrong_type`); `digits`: ms as text is fine."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return _instant(value, timezone)
    if isinstance(value, date):
        return _instant(datetime(value.year, value.month, value.day), timezone)  # noqa: DTZ001 - naive on purpose
    if isinstance(value, str):
        text = value.strip()
        if digits and text.isascii() and text.isdigit() and len(text) < 19:
            return int(text)
        return _instant(_from_text(text), timezone)
    raise CellError("wrong_type", f"{value!r} is not a time: send RFC 3339 text or integer milliseconds")


def _from_text(text: str) -> datetime:
    match = _LOOSE.match(text)
    if match is None:
        raise CellError("bad_time", f"{text[:40]!r} is not a time: write it like 2026-11-22T09:30:00+08:00")
    day, minute, second, fraction, offset = match.groups()
    micro = f".{(fraction or '')[:6]:0<6}"
    try:
        return datetime.fromisoformat(
            f"{day}T{minute or '00:00'}:{second or '00'}{micro}{(offset or '').upper()}"
        )
    except ValueError as error:
        raise CellError("bad_time", f"{text[:40]!r} is not a time: {error}") from None


def _instant(moment: datetime, timezone: ZoneInfo | None) -> int:
    if moment.tzinfo is None:
        if timezone is None:
            hint = "add an offset such as +08:00 (for a file: --timezone Asia/Shanghai)"
            raise CellError("naive_time", f"{moment.isoformat()!r} names no time zone; {hint}")
        moment = moment.replace(tzinfo=timezone)
    return (moment - _EPOCH) // _MS


def zone(name: str) -> ZoneInfo:
    """The IANA time zone `name`, or InputError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"unknown time zone {name!r}: use an IANA name such as Asia/Shanghai or UTC"
        ) from None


def to_rfc3339(milliseconds: int) -> str:
    """`2026-11-22T01:30:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
