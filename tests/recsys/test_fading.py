"""The fading is the one that would have put highest what shoppers came back to."""

import numpy as np

from recsys.fading import DEFAULT, FADINGS, choose_fading
from recsys.testing import Row, log_of
from recsys.types import EventType
from recsys.weights import DAY_MS, Behaviour

VIEW = EventType.VIEW
HABITS = [(f"user{n}", f"item{n}", day) for n in range(60) for day in range(0, 60, 6)]


def chosen(rows: list[Row], start_day: float) -> tuple[int, np.ndarray]:
    """Place of the chosen fading among `FADINGS`, and all figures."""
    fading, figures = choose_fading(log_of(rows), round(start_day * DAY_MS), Behaviour(), seed=1)
    return FADINGS.index(fading), figures


def test_where_the_latest_item_comes_next_interest_fades_within_a_day() -> None:
    """Many old looks at one thing, then a new one that is looked at again the same hour."""
    rows: list[Row] = []
    for user, item, day in HABITS:
        rows += [(user, item, VIEW, day + minute / 1440) for minute in range(5)]
        for visit in range(2):
            rows.append((user, f"novelty{day}-{user}", VIEW, day + 1 + visit / 24))
    place, figures = chosen(rows, 40)
    assert place == 0
    assert figures[0] > figures[2]


def test_where_old_habits_come_next_interest_hardly_fades() -> None:
    """A favourite every six days, and between two of them a new thing that nobody comes back to."""
    rows: list[Row] = []
    for user, item, day in HABITS:
        rows += [(user, item, VIEW, day), (user, f"novelty{day}-{user}", VIEW, day + 5.9)]
    place, figures = chosen(rows, 40)
    assert place > 0
    assert figures[place] > figures[0]


def test_too_few_moments_choose_the_default() -> None:
    fading, figures = choose_fading(
        log_of([("ann", "milk", VIEW, day) for day in range(9)]), 0, Behaviour(), 1
    )
    assert fading == DEFAULT
    assert not figures.any()
