"""Where features are cut: the midnight of the shop after its last event."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from feature_store.log import EventLog
from feature_store.log.parts import DAY
from recsys.errors import InputError

__all__ = ["next_midnight"]


def next_midnight(home: Path, zone: ZoneInfo) -> int:
    """The first midnight in `zone` after the newest event of the log, in ms; InputError for an empty log."""
    log = EventLog(home / "events")
    for day in reversed(log.days()):
        times = log.scan(day * DAY, None, ["timestamp"])["timestamp"]
        if len(times):
            last = datetime.fromtimestamp(pc.max(times).as_py() / 1000, UTC).astimezone(zone)
            midnight = datetime.combine(last.date() + timedelta(days=1), time(), zone)
            return int(midnight.timestamp() * 1000)
    raise InputError("the log is empty; import something first: recsys data import complete-journey")
