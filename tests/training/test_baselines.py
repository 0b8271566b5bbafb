"""Known answers of the marks."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.types import EventType
from recsys.weights import DAY_MS
from training.baselines import AlsDefaults, Known, OwnFirst, OwnItems, Popularity, baselines
from training.config import EvaluationConfig
from training.protocol import Questions, ask, ask_next
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


def known(rows: Interactions) -> Known:
    return Known(rows.before(5), rows.before(5))


def by_user(rows: Interactions, asked: Questions, lists: np.ndarray) -> dict[str, str]:
    return {
        rows.users[int(user)]: "".join(rows.items[int(c)] if c >= 0 else "-" for c in line)
        for user, line in zip(asked.users, lists, strict=True)
    }


def test_popularity_counts_shoppers_not_events(rows: Interactions, asked: Questions) -> None:
    lists = Popularity(known(rows)).lists(asked, 3, exclude_seen=False)
    assert by_user(rows, asked, lists) == {"own": "pqs", "new": "pqs", "a": "pqs"}


def test_popularity_is_that_of_the_last_fourteen_days_then_of_all_time(log: Log) -> None:
    old = [(f"u{n}", item, BUY, 0) for n, item in enumerate("ppppqqq")]
    rows = log(
        [*old, ("a", "s", BUY, 20 * DAY_MS), ("b", "s", BUY, 33 * DAY_MS), ("b", "q", BUY, 33 * DAY_MS)]
    )
    for real_times, order in ((True, "sqp"), (False, "pqs")):
        found = Popularity(Known(rows, rows, real_times)).order
        assert "".join(rows.items[int(code)] for code in found) == order


def test_popularity_without_seen_items_moves_up_and_pads(rows: Interactions, asked: Questions) -> None:
    lists = Popularity(known(rows)).lists(asked, 4, exclude_seen=True)
    assert by_user(rows, asked, lists) == {"own": "pq--", "new": "pqsr", "a": "sr--"}


def test_own_items_come_by_count_then_the_popular_ones(rows: Interactions, asked: Questions) -> None:
    lists = OwnItems(Popularity(known(rows))).lists(asked, 3, exclude_seen=False)
    assert by_user(rows, asked, lists) == {"own": "srp", "new": "pqs", "a": "pqs"}


def test_own_items_without_seen_ones_are_popularity(rows: Interactions, asked: Questions) -> None:
    popularity = Popularity(known(rows))
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
    lists = AlsDefaults(Known(split.train, split.train)).lists(asked, 1, exclude_seen=True)
    assert [rows.items[int(code)] for code in lists[:, 0]] == ["A-item0", "B-item1"]


def visits(*told: str) -> list[tuple[str, str, EventType, int]]:
    """`user:items at time` as one visit each."""
    return [
        (user, item, VIEW, int(time))
        for user, items, time in (visit.split(":") for visit in told)
        for item in items.split()
    ]


def by_session(rows: Interactions) -> Interactions:
    """One session per shopper and time."""
    pairs = rows.user.astype(np.int64) * 1_000 + rows.time
    return replace(rows, session=np.unique(pairs, return_inverse=True)[1].astype(np.int32))


def test_own_first_lists_own_items_then_what_others_saw_with_them(log: Log) -> None:
    past = visits("a:x y:1", "b:x y:2", "c:p:1", "d:p:2", "e:p q:3", "me:x:1", "me:w:2", "me:x:3")
    rows = by_session(log([*past, ("me", "q", VIEW, 9)]))
    split = Split("temporal", 5, 10, rows.before(5), rows.window(5, 10))
    asked = ask(split, np.ones(len(rows.users), bool), EvaluationConfig(), seed=0)
    mark = OwnFirst(known(rows), Popularity(known(rows)))
    assert by_user(rows, asked, mark.lists(asked, 4, exclude_seen=False)) == {"me": "xwyp"}
    assert by_user(rows, asked, mark.lists(asked, 4, exclude_seen=True)) == {"me": "ypq-"}


def test_live_marks_read_the_history_of_each_question(log: Log) -> None:
    past = visits("a:x y:1", "b:x y:2", "c:p q:1", "d:p q:2", "e:q:3", "me:x:1")
    rows = by_session(log([*past, *visits("me:p:7", "me:q:9")]))
    split = Split("temporal", 5, 10, rows.before(5), rows.window(5, 10))
    asked = ask_next(rows, split, np.ones(len(rows.users), bool), EvaluationConfig(), seed=0)
    heads = {
        mark.name: "".join(rows.items[int(code)] for code in mark.lists(asked, 1, exclude_seen=False)[:, 0])
        for mark in baselines(Known(rows.before(5), rows))
    }
    assert heads["own, then neighbours"] == "xp"
    assert heads["own items by frequency"] in ("xx", "xp")
    fresh = OwnFirst(Known(rows.before(5), rows), Popularity(known(rows))).lists(asked, 1, exclude_seen=True)
    assert [rows.items[int(code)] for code in fresh[:, 0]] == ["y", "q"]


def test_all_marks_answer_the_same_questions(rows: Interactions, asked: Questions) -> None:
    marks = list(baselines(known(rows)))
    assert [mark.name for mark in marks] == [
        "recent popularity",
        "own items by frequency",
        "own, then neighbours",
        "ALS defaults",
    ]
    assert {mark.lists(asked, 2, exclude_seen=False).shape for mark in marks} == {(3, 2)}


def test_a_catalogue_shorter_than_the_list_is_padded(rows: Interactions, asked: Questions) -> None:
    for mark in baselines(known(rows)):
        for exclude_seen in (False, True):
            lists = mark.lists(asked, 10, exclude_seen=exclude_seen)
            for row, line in enumerate(lists.tolist()):
                named = [code for code in line if code >= 0]
                assert len(named) == len(set(named)) <= 4
                seen = set(asked.seen[row].indices.tolist()) if exclude_seen else set()
                assert not seen & set(named), mark.name
