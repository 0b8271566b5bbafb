"""Peers learn from the rows they are given, and say so when they cannot answer."""

from collections.abc import Callable

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.types import EventType
from training.baselines import Known
from training.bench.peers import ALS_GRID, PEERS, AlsTuned, Bpr, Lesson, Lmf, NotForTheseShoppers
from training.bench.problems import Course

VIEW = EventType.VIEW
Log = Callable[..., Interactions]


@pytest.fixture
def lesson(course: Course) -> Lesson:
    return Lesson(Known(course.train, course.train), "frozen")


@pytest.mark.parametrize("name", [name for name in PEERS if name != AlsTuned.name])
def test_every_peer_fills_a_list_without_what_was_seen(name: str, lesson: Lesson, course: Course) -> None:
    asked = course.problems[1].exam.questions["new"]
    lists = PEERS[name](lesson).lists(asked, 20, exclude_seen=True)
    assert lists.shape == (len(asked), 20)
    for row, codes in enumerate(lists):
        seen = asked.seen.indices[asked.seen.indptr[row] : asked.seen.indptr[row + 1]]
        listed = codes[codes >= 0]
        assert not np.isin(listed, seen).any()
        assert len(np.unique(listed)) == len(listed)


@pytest.mark.parametrize("model", [Bpr, Lmf])
def test_a_model_of_shoppers_refuses_strangers(model: type, lesson: Lesson) -> None:
    with pytest.raises(NotForTheseShoppers, match="none asks"):
        model(Lesson(lesson.known, "frozen", strangers=True))


def test_als_is_tuned_on_rows_before_the_questions(log: Log) -> None:
    rows = log(
        [
            (f"s{n}", f"{n % 3}-{item}", VIEW, 10 * n + item)
            for n in range(30)
            for item in range(6)
            if (n + item) % 4
        ]
    )
    peer = AlsTuned(Lesson(Known(rows, rows, real_times=False), "split"))
    assert peer.setting in ALS_GRID
    assert f"factors {peer.setting.factors}" in peer.note
