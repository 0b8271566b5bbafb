"""Questions published with a data set: who is asked, what is left out of lists, what the prefixes are."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from feature_store.importers.source import bare_item
from recsys.interactions import Interactions
from recsys.types import EventType
from training.baselines import Known, Popularity
from training.bench.data import BenchData
from training.bench.published import diginetica_course, held_out_purchases, prefixes_course, purchases_course
from training.bench.systems import ask_peer

VIEW, BUY = EventType.VIEW, EventType.PURCHASE
Log = Callable[..., Interactions]


def data(rows: Interactions) -> BenchData:
    return BenchData("tiny", rows, tuple(bare_item(name) for name in rows.items.ids), ())


def names(rows: Interactions, codes: np.ndarray) -> list[str]:
    return [rows.items[int(code)] for code in codes if code >= 0]


def test_held_out_purchases_are_the_buy_rows_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("user,item,event\n0,5,view\n0,7,buy\n1,5,cart\n1,3,buy\n")
    assert held_out_purchases(tmp_path) == [("0", "7"), ("1", "3")]


def test_each_known_shopper_is_asked_for_the_purchase_held_out(log: Log) -> None:
    rows = log([("a", "p", BUY, 1), ("a", "q", VIEW, 2), ("b", "p", VIEW, 3)])
    course = purchases_course(data(rows), [("b", "q"), ("nobody", "p"), ("a", "unheard of")])
    asked = course.problems[0].exam.questions["new"]
    train = course.train
    assert [train.users[int(user)] for user in asked.users] == ["a", "b"]
    assert names(train, asked.truth.indices) == ["unheard of", "q"]
    assert asked.upto.tolist() == [2, 3]
    assert not course.real_times


def test_lists_leave_out_what_was_bought_and_show_what_was_seen(log: Log) -> None:
    rows = log([("a", "p", BUY, 1), ("a", "q", VIEW, 2), ("b", "p", VIEW, 3), ("c", "p", VIEW, 4)])
    course = purchases_course(data(rows), [("a", "r")])
    problem = course.problems[0]
    peer = Popularity(Known(course.train, course.train, real_times=False))
    assert names(course.train, ask_peer(peer, problem, "new").lists[0]) == ["q", "r"]


def test_a_prefix_is_a_session_of_its_own_behind_the_log(log: Log) -> None:
    rows = log([("s", "1", VIEW, 1), ("s", "2", VIEW, 2)])
    course = prefixes_course(data(rows), [[2, 1, 2], [1]], [3, 2])
    exam = course.problems[0].exam
    asked, whole = exam.questions["all"], exam.history_log
    starts = whole.user_slices()
    histories = [
        names(whole, whole.item[starts[user] : end])
        for user, end in zip(asked.users, asked.upto, strict=True)
    ]
    assert histories == [["2", "1", "2"], ["1"]]
    assert names(whole, asked.truth.indices) == ["3", "2"]
    assert len(course.train) == 2
    assert (asked.as_of >= course.until).all()
    assert len(np.unique(whole.session[whole.time >= course.until])) == 2


def test_the_published_file_is_read(tmp_path: Path, log: Log) -> None:
    folder = tmp_path / "diginetica_sessions"
    folder.mkdir()
    with gzip.open(folder / "diginetica_test.json.gz", "wt") as file:
        json.dump({"prefix": [[1], [2, 1]], "target": [2, 2]}, file)
    rows = log([("s", "1", VIEW, 1), ("s", "2", VIEW, 2)])
    assert len(diginetica_course(data(rows), tmp_path).problems[0].exam.questions["all"]) == 2
    assert len(diginetica_course(data(rows), tmp_path, most=1).problems[0].exam.questions["all"]) == 1
