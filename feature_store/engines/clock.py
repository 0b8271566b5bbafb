"""The shop's clock inside an engine: hours and weekdays of a time zone from integer arithmetic alone.

Engines disagree on zones and daylight saving; the zone's changes of offset are read in Python and become a
chain of conditions, so both give the same hour.
"""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import ibis

__all__ = ["HOUR", "local_hour", "local_weekday", "offsets"]

HOUR: Final = 3_600_000
_DAY: Final = 24 * HOUR


def offsets(zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    """(since, offset) of the zone between two times, in ms: what to add to UTC from `since` on.

    A change is found to the quarter of an hour, which is how zones change.
    """
    found = [(first, _offset(zone, first))]
    at = first
    while at < last:
        following = min(at + _DAY, last)
        if _offset(zone, following) != found[-1][1]:
            changed = _change(zone, at, following)
            found.append((changed, _offset(zone, changed)))
            following = changed
        at = following
    return found


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    before, quarter = _offset(zone, low), HOUR // 4
    first = low - low % quarter + quarter
    return next((at for at in range(first, high, quarter) if _offset(zone, at) != before), high)


def _offset(zone: ZoneInfo, at: int) -> int:
    shift = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).utcoffset()
    return 0 if shift is None else int(shift.total_seconds() * 1000)


def local_hour(times: Any, changes: list[tuple[int, int]]) -> Any:
    """Hour of the day, 0-23, of times in ms."""
    return (_local(times, changes) // HOUR) % 24


def local_weekday(times: Any, changes: list[tuple[int, int]]) -> Any:
    """Day of the week of times in ms; Monday is 0 (the first of January 1970 was a Thursday)."""
    return (_local(times, changes) // _DAY + 3) % 7


def _local(times: Any, changes: list[tuple[int, int]]) -> Any:
    shift: Any = ibis.literal(changes[0][1], type="int64")
    for since, offset in changes[1:]:
        shift = (times >= since).ifelse(ibis.literal(offset, type="int64"), shift)
    return times + shift
