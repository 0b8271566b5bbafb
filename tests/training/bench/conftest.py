"""A log of known answers: shopper n saw x-n before the cut, and after it y-n, then x-n again."""

from collections.abc import Callable

import pytest

from feature_store.importers.source import bare_item
from recsys.interactions import Interactions
from recsys.types import EventType
from training.bench.data import BenchData
from training.bench.problems import Course, retailrocket_course

CUT = 1_440_201_600_000
"""2015-08-22."""
HOUR = 3_600_000
SHOPPERS = 25
Log = Callable[..., Interactions]


def bench_data(rows: Interactions) -> BenchData:
    return BenchData("tiny", rows, tuple(bare_item(name) for name in rows.items.ids), ())


@pytest.fixture(scope="session")
def tiny(log: Log) -> BenchData:
    rows = []
    for n in range(SHOPPERS):
        rows += [
            (f"s{n}", f"x-{n}", EventType.VIEW, CUT - HOUR * (100 - n)),
            (f"s{n}", "shared", EventType.VIEW, CUT - HOUR * (100 - n) + 1),
            (f"s{n}", f"y-{n}", EventType.VIEW, CUT + HOUR),
            (f"s{n}", f"x-{n}", EventType.PURCHASE, CUT + 2 * HOUR),
        ]
    rows.append(("late", "z", EventType.VIEW, CUT + 5 * HOUR))
    return bench_data(log(rows))


@pytest.fixture(scope="session")
def course(tiny: BenchData) -> Course:
    return retailrocket_course(tiny)
