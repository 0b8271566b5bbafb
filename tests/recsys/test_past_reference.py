"""The compiled count of a past equals the same count written with whole columns, on thousands of random histories."""

import numpy as np
import pytest

from recsys.history import EMPTY_HISTORY, History
from recsys.kinds import POSITIVE
from recsys.past import SESSION_GAP_MS, Past
from recsys.types import EVENT_CODES, EventType
from recsys.weights import DAY_MS, HOUR_MS

COLUMNS = (
    "events",
    "purchases",
    "carts",
    "age",
    "bought_age",
    "span",
    "interval",
    "week",
    "quarter",
    "depth",
    "in_session",
)


def reference(history: History) -> tuple[np.ndarray, dict[str, np.ndarray], History, int]:
    """Distinct items, their columns, the positive events, and the row of those that opens the session."""
    kept = POSITIVE[history.types]
    rows = History(history.items[kept], history.types[kept], history.times[kept])
    newest = int(history.times[-1]) if len(history) else 0
    codes, owner = np.unique(rows.items, return_inverse=True)
    count = len(codes)
    ages = ((newest - rows.times) / HOUR_MS).astype(np.float32)
    pauses = np.flatnonzero(np.diff(rows.times) > SESSION_GAP_MS)
    opening = int(pauses[-1]) + 1 if len(pauses) else 0
    first, last, place = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.int64)
    first[owner[::-1]] = ages[::-1]
    last[owner] = ages
    place[owner] = np.arange(len(rows))
    bought = rows.types == EVENT_CODES[EventType.PURCHASE]
    carted = rows.types == EVENT_CODES[EventType.CART]
    bought_age, depth = np.full(count, 1e6, np.float32), np.empty(count, np.float32)
    bought_age[owner[bought]] = ages[bought]
    depth[np.argsort(-place)] = np.arange(count)

    def counted(rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(rows, weights, minlength=count).astype(np.float32)

    events = counted(owner)
    columns = (
        events,
        counted(owner[bought]),
        counted(owner[carted]),
        last,
        bought_age,
        first - last,
        (first - last) / np.maximum(events - 1, 1),
        counted(owner, np.exp2(-ages / 168)),
        counted(owner, np.exp2(-ages / 2160)),
        depth,
        counted(owner[opening:]),
    )
    return codes, dict(zip(COLUMNS, columns, strict=True)), rows, opening


def check(history: History) -> None:
    found = Past.of(history)
    codes, columns, rows, opening = reference(history)
    np.testing.assert_array_equal(found.codes, codes)
    for name, column in columns.items():
        np.testing.assert_allclose(getattr(found, name), column, rtol=1e-6, atol=1e-30, err_msg=name)
    for name in ("items", "types", "times"):
        np.testing.assert_array_equal(getattr(found.history, name), getattr(rows, name))
    assert found.session_start == opening
    assert (found.columns.dtype, found.codes.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("seed", range(4))
def test_a_counted_past_equals_the_reference(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(500):
        size = int(generator.integers(0, 60))
        items = generator.integers(0, generator.choice((1, 5, 1000)), size)
        # Minutes, days and equal times; thousands of days make what halves vanish.
        times = np.sort(generator.integers(0, generator.choice((1, 60, 10_000)), size))
        unit = generator.choice((60_000, HOUR_MS, DAY_MS))
        kinds = generator.integers(0, len(EVENT_CODES), size)
        check(History(items.astype(np.int32), kinds.astype(np.int8), times * unit))


def test_a_past_of_nothing_or_of_nothing_positive_is_empty() -> None:
    check(EMPTY_HISTORY)
    returned = np.array([EVENT_CODES[EventType.RETURN]], np.int8)
    check(History(np.array([3], np.int32), returned, np.array([7], np.int64)))
    assert len(Past.of(EMPTY_HISTORY)) == 0
