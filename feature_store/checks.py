"""Named checks on what is stored: `recsys data validate` prints them, training refuses to promote on a FAIL.

A check is one query that counts offenders and one rule that judges the count. FAIL: a model trained on this would be
wrong. WARN: normal in some shops, a mistake in others. `test` events are left out of every check.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from feature_store.errors import LogError
from feature_store.history import item_history, user_history
from feature_store.log import EventLog
from feature_store.records.fields import MAX_FUTURE
from feature_store.verdicts import Status

__all__ = ["CHECKS", "Check", "CheckResult", "Status", "run_checks"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`count` offenders among `total`, and what that means."""

    name: str
    status: Status
    count: int
    total: int
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """`query` gives one row (count, total) over the views events, items, offers and users; `$now` is in ms."""

    name: str
    meaning: str
    query: str
    judge: Callable[[int, int], Status]


def _never(count: int, _total: int) -> Status:
    return Status.FAIL if count else Status.PASS


def _some(warn_above: float, fail_above: float = 1.0) -> Callable[[int, int], Status]:
    def judge(count: int, total: int) -> Status:
        share = count / total if total else 0.0
        if share > fail_above:
            return Status.FAIL
        return Status.WARN if share > warn_above else Status.PASS

    return judge


def _only_all(count: int, total: int) -> Status:
    return Status.FAIL if total and count == total else Status.PASS


CHECKS: Final[Sequence[Check]] = (
    Check(
        "events_present",
        "an empty log (import something first: recsys data import complete-journey)",
        "SELECT (count(*) = 0)::BIGINT, 1 FROM events",
        _never,
    ),
    Check(
        "duplicate_ids",
        "events whose id occurs more than once",
        "SELECT count(*) - count(DISTINCT event_id), count(*) FROM events",
        _never,
    ),
    Check(
        "missing_shopper",
        "events with neither user_id nor session_id",
        """SELECT count(*) FILTER (user_id IS NULL AND session_id IS NULL), count(*) FROM events
        WHERE type <> 'served'""",
        _never,
    ),
    Check(
        "unknown_items",
        "events about items that are not in the catalogue",
        """SELECT count(*) FILTER (item_id NOT IN (SELECT item_id FROM items)
                                   AND item_id NOT IN (SELECT sku FROM offers)), count(*)
        FROM events WHERE item_id IS NOT NULL""",
        _some(0.0, fail_above=0.2),
    ),
    Check(
        "unknown_users",
        "events of users without attributes; normal, unless no user at all is recognised",
        """SELECT count(*) FILTER (user_id NOT IN (SELECT user_id FROM users)), count(*)
        FROM events WHERE user_id IS NOT NULL AND (SELECT count(*) FROM users) > 0""",
        _only_all,
    ),
    Check(
        "future_times",
        "events more than 24 hours ahead of the clock or of their arrival",
        """SELECT count(*) FILTER (timestamp > $now + $tolerance OR timestamp > received_at + $tolerance),
                  count(*) FROM events""",
        _never,
    ),
    Check(
        "synthetic_times",
        "events whose time is made up (a data set without times): splitting by time means nothing",
        "SELECT count(*) FILTER (synthetic), count(*) FROM events",
        _some(0.0),
    ),
    Check(
        "bots_by_rate",
        "events of shoppers that act in more than 500 different seconds of an hour",
        """WITH hourly AS (
             SELECT coalesce(user_id, session_id) AS shopper, count(DISTINCT timestamp // 1000) AS seconds
             FROM events WHERE NOT synthetic AND type NOT IN ('impression', 'served')
             GROUP BY shopper, timestamp // 3600000)
        SELECT count(*) FILTER (coalesce(user_id, session_id)
                                IN (SELECT shopper FROM hourly WHERE seconds > 500)), count(*)
        FROM events""",
        _some(0.0, fail_above=0.2),
    ),
    Check(
        "purchases_before_views",
        "shoppers' items bought before they were first viewed",
        """WITH first AS (
             SELECT min(timestamp) FILTER (type = 'view') AS viewed,
                    min(timestamp) FILTER (type = 'purchase') AS bought
             FROM events WHERE type IN ('view', 'purchase') AND item_id IS NOT NULL AND NOT synthetic
             GROUP BY coalesce(user_id, session_id), item_id)
        SELECT count(*) FILTER (bought < viewed), count(*)
        FROM first WHERE viewed IS NOT NULL AND bought IS NOT NULL""",
        _some(0.1),
    ),
    Check(
        "negative_prices",
        "events and offers with a price, discount or cost below zero",
        """SELECT (SELECT count(*) FROM events WHERE price < 0 OR discount < 0)
                + (SELECT count(*) FROM offers WHERE price < 0 OR list_price < 0 OR cost < 0),
                  (SELECT count(*) FROM events) + (SELECT count(*) FROM offers)""",
        _never,
    ),
)


def run_checks(home: Path, now: int | None = None) -> list[CheckResult]:
    """Every check on the data under `home`, in the order of CHECKS. `now` in ms (None: the clock).

    When a stored file cannot be read there is one result only, a failed `readable`.
    """
    try:
        engine = _engine(home)
        return [_result(check, engine, int(time.time() * 1000) if now is None else now) for check in CHECKS]
    except (LogError, pa.ArrowInvalid, OSError, duckdb.IOException, duckdb.InvalidInputException) as error:
        message = f"a stored file cannot be read: {str(error).splitlines()[0]}"
        return [CheckResult("readable", Status.FAIL, 1, 1, message)]


def _engine(home: Path) -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect(config={"threads": 2})
    items, users = item_history(home), user_history(home)
    engine.register("log", EventLog(home / "events").dataset())
    engine.register("item_versions", items.versions(["item_id", "offers"]))
    engine.register("users", users.versions(["user_id"]))
    engine.execute(
        """CREATE VIEW events AS SELECT event_id, type, timestamp, received_at, user_id, session_id,
                  item_id, price, discount, coalesce(contains(context, '"synthetic_time":true'), false) AS synthetic
           FROM log WHERE NOT test"""
    )
    engine.execute("CREATE VIEW items AS SELECT DISTINCT item_id FROM item_versions")
    engine.execute("CREATE VIEW offers AS SELECT unnest(offers, max_depth := 2) FROM item_versions")
    return engine


def _result(check: Check, engine: duckdb.DuckDBPyConnection, now: int) -> CheckResult:
    values = {"now": now, "tolerance": MAX_FUTURE}
    used = {name: value for name, value in values.items() if f"${name}" in check.query}
    row = engine.execute(check.query, used).fetchone()
    count, total = (0, 0) if row is None else (int(row[0]), int(row[1]))
    return CheckResult(check.name, check.judge(count, total), count, total, check.meaning)
