"""Which sighting of an item an event is owed to, on rows whose answer is known."""

import numpy as np
import pytest

from recsys.types import EVENT_CODES, EventType
from training.attribution import Happened, owed, standing

CLICK, BUY, BACK = (EVENT_CODES[kind] for kind in (EventType.CLICK, EventType.PURCHASE, EventType.RETURN))
WINDOWS = {CLICK: 100, BUY: 1_000}
Row = tuple[int, int, int, int, int, int]
"""user, session, item, list, kind, time"""


def rows(*given: Row) -> Happened:
    return Happened(*np.array(given, np.int64).reshape(-1, 6).T)


def seen(listing: int, item: int, time: int, user: int = 1, session: int = 1) -> Row:
    return user, session, item, listing, EVENT_CODES[EventType.IMPRESSION], time


def did(kind: int, item: int, time: int, user: int = 1, session: int = 1, cites: int = -1) -> Row:
    return user, session, item, cites, kind, time


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        (did(CLICK, 7, 250), 1),  # the last of two sightings
        (did(CLICK, 7, 199), 0),  # what comes later is not what made it happen
        (did(CLICK, 7, 200), 1),  # at the very moment counts
        (did(CLICK, 7, 99), -1),  # before anything was seen
        (did(CLICK, 7, 301), -1),  # past a click's window …
        (did(BUY, 7, 301), 1),  # … but not past a purchase's
        (did(CLICK, 8, 150), -1),  # another item
        (did(CLICK, 7, 250, user=2, session=2), -1),  # another shopper
        (did(CLICK, 7, 250, user=-1), 1),  # the same session before the login
        (did(CLICK, 7, 250, session=5), 1),  # the same shopper on another day
        (did(CLICK, 7, 250, cites=0), -1),  # cites the older list, whose window is over
        (did(BUY, 7, 250, cites=0), 0),  # cites the older list, which wins over the later one
        (did(BUY, 7, 250, cites=9), -1),  # cites a list in which it was not seen
        (did(BUY, 7, 250, user=2, session=2, cites=0), -1),  # cites somebody else's list
        (did(BACK, 7, 250), -1),  # a type without a window says nothing
    ],
)
def test_an_event_is_owed_to_the_last_sighting_within_its_window(event: Row, answer: int) -> None:
    sightings = rows(seen(0, 7, 100), seen(1, 7, 200))
    assert owed(sightings, rows(event), WINDOWS).tolist() == [answer]


def test_shoppers_without_a_code_have_nothing_in_common() -> None:
    anonymous = rows(seen(0, 7, 100, user=-1, session=4))
    assert owed(anonymous, rows(did(CLICK, 7, 150, user=-1, session=5)), WINDOWS).tolist() == [-1]


def test_many_shoppers_at_once_equal_one_after_the_other() -> None:
    dice = np.random.default_rng(5)

    def drawn(count: int, kinds: list[int], listing: np.ndarray) -> Happened:
        columns = (dice.integers(-1, 4, count), dice.integers(0, 6, count), dice.integers(0, 5, count))
        return Happened(*columns, listing, dice.choice(kinds, count), dice.integers(0, 400, count))

    sightings = drawn(60, [0], np.arange(60) // 3)
    events = drawn(200, [CLICK, BUY], np.where(dice.random(200) < 0.2, dice.integers(0, 20, 200), -1))
    together = owed(sightings, events, WINDOWS)
    alone = [int(owed(sightings, events.where(np.array([row])), WINDOWS)[0]) for row in range(200)]
    assert (together >= 0).any()
    assert together.tolist() == alone


def test_nothing_seen_or_nothing_done_is_no_error() -> None:
    assert owed(rows(), rows(did(CLICK, 7, 1)), WINDOWS).tolist() == [-1]
    assert owed(rows(seen(0, 7, 1)), rows(), WINDOWS).tolist() == []
    assert standing(rows()).tolist() == []


def test_a_returned_purchase_does_not_stand() -> None:
    events = rows(
        did(BUY, 7, 10), did(BUY, 8, 11), did(CLICK, 7, 12), did(BACK, 7, 20), did(BUY, 7, 9, user=2)
    )
    assert standing(events).tolist() == [False, True, True, False, True]
