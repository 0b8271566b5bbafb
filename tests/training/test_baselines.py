"""Known answers of the three marks."""

from collections.abc import Callable

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.types import EventType
from training.baselines import AlsDefaults, OwnItems, Popularity, baselines
from training.config import EvaluationConfig
from training.protocol import Questions, ask
from training.split import Split

Log = Callable[..., Interactions]
BUY, VIEW = EventType.PURCHASE, EventType.VIEW


@pytest.fixture
def rows(log: Log) -> Interactions:
    """`p` is touched by three shoppers, `q` by two, `r` and `s` by one; `own` buys s twice and r once."""
    past = [
        ("a", "p"),
        ("b", "p"),
        ("c", "p"),
        ("a", "q"),
        ("b", "q"),
        ("own", "s"),
        ("own", "s"),
        ("own", "r"),
    ]
    return log(
        [*((u, i, BUY, 1) for u, i in past), ("own", "p", BUY, 9), ("new", "p", BUY, 9), ("a", "r", BUY, 9)]
    )


@pytest.fixture
def asked(rows: Interactions) -> Questions:
    split = Split("temporal", 5, 10, rows.before(5), rows.window(5, 10))
    return ask(split, np.ones(len(rows.users), bool), EvaluationConfig(), seed=0)


def by_user(rows: Interactions, asked: Questions, lists: np.ndarray) -> dict[str, str]:
    return {
        rows.users[int(user)]: "".join(rows.items[int(c)] if c >= 0 else "-" for c in line)
        for user, line in zip(asked.users, lists, strict=True)
    }


def test_popularity_counts_shoppers_not_events(rows: Interactions, asked: Questions) -> None:
    lists = Popularity(rows.before(5)).lists(asked, 3, exclude_seen=False)
    assert by_user(rows, asked, lists) == {"own": "pqs", "new": "pqs", "a": "pqs"}


def test_popularity_without_seen_items_moves_up_and_pads(rows: Interactions, asked: Questions) -> None:
    lists = Popularity(rows.before(5)).lists(asked, 4, exclude_seen=True)
    assert by_user(rows, asked, lists) == {"own": "pq--", "new": "pqsr", "a": "sr--"}


def test_own_items_come_by_count_then_the_popular_ones(rows: Interactions, asked: Questions) -> None:
    lists = OwnItems(Popularity(rows.before(5))).lists(asked, 3, exclude_seen=False)
    assert by_user(rows, asked, lists) == {"own": "srp", "new": "pqs", "a": "pqs"}


def test_own_items_without_seen_ones_are_popularity(rows: Interactions, asked: Questions) -> None:
    popularity = Popularity(rows.before(5))
    masked = OwnItems(popularity).lists(asked, 4, exclude_seen=True)
    assert masked.tolist() == popularity.lists(asked, 4, exclude_seen=True).tolist()


def test_als_defaults_stay_in_the_shoppers_group(log: Log) -> None:
    """Two groups of shoppers with their own items: the missing item of one's own group comes first."""
    groups = [
        (f"{g}{n}", f"{g}-item{i}", VIEW, 1) for g in "AB" for n in range(8) for i in range(6) if i != n
    ]
    rows = log([*groups, ("A0", "A-item0", VIEW, 9), ("B1", "B-item1", VIEW, 9)])
    split = Split("temporal", 5, 10, rows.before(5), rows.window(5, 10))
    asked = ask(split, np.ones(len(rows.users), bool), EvaluationConfig(), seed=0)
    lists = AlsDefaults(split.train, seed=0).lists(asked, 1, exclude_seen=True)
    assert [rows.items[int(code)] for code in lists[:, 0]] == ["A-item0", "B-item1"]


def test_all_marks_answer_the_same_questions(rows: Interactions, asked: Questions) -> None:
    marks = list(baselines(rows.before(5), seed=0))
    assert [mark.name for mark in marks] == ["popularity", "own items by frequency", "ALS defaults"]
    assert {mark.lists(asked, 2, exclude_seen=False).shape for mark in marks} == {(3, 2)}


def test_a_catalogue_shorter_than_the_list_is_padded(rows: Interactions, asked: Questions) -> None:
    for mark in baselines(rows.before(5), seed=0):
        for exclude_seen in (False, True):
            lists = mark.lists(asked, 10, exclude_seen=exclude_seen)
            for row, line in enumerate(lists.tolist()):
                named = [code for code in line if code >= 0]
                assert len(named) == len(set(named)) <= 4
                seen = set(asked.seen[row].indices.tolist()) if exclude_seen else set()
                assert not seen & set(named), mark.name
