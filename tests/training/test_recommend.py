"""Batch lists of a real release."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from feature_store.history import user_history
from feature_store.identity import Identities
from recsys.errors import InputError
from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.types import EVENT_CODES, Consent, EventType, User
from training.batch import Batch, recommend
from training.errors import UnknownReleaseError
from training.resources import Shop

pytestmark = pytest.mark.xdist_group("training")
QUIET = Console(quiet=True)
COLUMNS = ["query_id", "user_id", "item_id", "rank", "score"]


@pytest.fixture
def run(trained_shop: Shop, tmp_path: Path) -> Any:
    """Write lists for shoppers or histories and read them back by query."""

    def write(
        users: list[str] | None = None, histories: dict[str, Any] | None = None, **fields: Any
    ) -> dict[str, list[dict[str, Any]]]:
        files: dict[str, Path] = {}
        if users is not None:
            files["users"] = tmp_path / "users.txt"
            files["users"].write_text("\n".join(users), "utf-8")
        if histories is not None:
            files["histories"] = tmp_path / "q.parquet"
            pq.write_table(pa.table(histories), files["histories"])
        values = {
            "users": None,
            "histories": None,
            "k": 20,
            "exclude_seen": False,
            "release": None,
            "as_of": None,
        }
        out = tmp_path / "out" / "lists.parquet"
        recommend(trained_shop, Batch(**{**values, **files, "out": out, **fields}), QUIET)
        table = pq.read_table(out)
        assert table.column_names == COLUMNS
        lists: dict[str, list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            lists.setdefault(row["query_id"], []).append(row)
        return lists

    return write


def items(rows: list[dict[str, Any]]) -> list[str]:
    return [row["item_id"] for row in rows]


def bought(small: Any, user: str) -> list[Any]:
    return sorted((e for e in small.purchases() if e.user_id == user), key=lambda e: e.timestamp)


def as_history(events: list[Any]) -> list[dict[str, Any]]:
    return [{"item_id": e.item_id, "type": e.type.value, "timestamp": e.timestamp} for e in events]


def test_every_shopper_gets_k_distinct_items_ranked_from_one(run: Any) -> None:
    lists = run(users=["顾客1", "nobody", "顾客2"], k=7)
    assert list(lists) == ["顾客1", "nobody", "顾客2"]
    for name, rows in lists.items():
        assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
        assert len(set(items(rows))) == 7
        assert {row["user_id"] for row in rows} == {name}
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


def test_k_is_bounded_by_the_catalogue_alone(run: Any) -> None:
    lists = run(users=["顾客1", "nobody"], k=1000)
    assert [len(rows) for rows in lists.values()] == [80, 80]


def test_seen_items_are_in_the_list_unless_excluded(run: Any, small: Any) -> None:
    seen = {event.item_id for event in bought(small, "顾客1")}
    assert seen & set(items(run(users=["顾客1"])["顾客1"]))
    without = items(run(users=["顾客1"], exclude_seen=True)["顾客1"])
    assert len(without) == 20
    assert not seen & set(without)


def test_a_given_history_equal_to_the_stored_one_gives_the_same_list(run: Any, small: Any) -> None:
    stored = run(users=["顾客1"])["顾客1"]
    events = as_history(bought(small, "顾客1"))
    end = max(event.timestamp for event in small.purchases()) + 1
    given = run(histories={"query_id": ["q"], "user_id": ["顾客1"], "as_of": [end], "events": [events]})["q"]
    assert items(given) == items(stored)


def test_given_events_replace_stored_ones_and_the_clock_hides_later_ones(run: Any, small: Any) -> None:
    past, later = bought(small, "顾客1"), bought(small, "顾客2")
    clock = past[10].timestamp
    lists = run(
        histories={
            "query_id": ["all", "cut", "short", "none"],
            "user_id": ["顾客2", "顾客2", "顾客2", None],
            "as_of": [clock] * 4,
            "events": [as_history(past), as_history(past[:11]), as_history(later[-3:]), []],
        }
    )
    assert items(lists["all"]) == items(lists["cut"])
    assert items(lists["short"]) == items(run(histories=_empty("顾客2", clock))["e"])
    assert len(lists["none"]) == 20
    assert {row["user_id"] for row in lists["none"]} == {None}


def test_a_slot_has_its_rule_in_a_batch_too(run: Any, small: Any) -> None:
    mine = {event.item_id for event in bought(small, "顾客1")}
    home = items(run(users=["顾客1"], slot="home")["顾客1"])
    assert len(home) == 20
    assert len(mine & set(home)) <= 4
    again = run(users=["顾客1", "nobody"], slot="buy-again")
    assert set(again) == {"顾客1"}
    assert set(items(again["顾客1"])) <= mine


def _empty(user: str | None, clock: int) -> dict[str, Any]:
    return {
        "query_id": ["e"],
        "user_id": [user],
        "as_of": [clock],
        "events": pa.array([[]], pa.list_(pa.null())),
    }


def test_attributes_still_count_when_the_shopper_is_named(run: Any, small: Any) -> None:
    clock = small.start + 100 * 86_400_000
    named, unnamed = (items(run(histories=_empty(user, clock))["e"]) for user in ("顾客1", None))
    assert named != unnamed


def test_the_list_is_the_pipelines_answer(run: Any, trained_shop: Shop, small: Any) -> None:
    pipeline = Pipeline.load(trained_shop.release_folder(None))
    events = [(e.item_id, EVENT_CODES[EventType.PURCHASE], e.timestamp) for e in bought(small, "顾客0")]
    clock = events[-1][2] + 1
    query = Query(as_of=clock, num=20, history=History.of(events, pipeline.vocabulary, clock, 500))
    answer = pipeline.recommend(query)
    given = {"query_id": ["q"], "as_of": [clock], "events": [as_history(bought(small, "顾客0"))]}
    rows = run(histories=given)["q"]
    assert items(rows) == pipeline.vocabulary.decode(answer.items)
    assert [row["score"] for row in rows] == pytest.approx(answer.scores.tolist())


def test_who_refused_personalisation_gets_the_list_of_a_stranger(run: Any, trained_shop: Shop) -> None:
    refusing = User(
        user_id="顾客1", attributes={"likes": "绿茶"}, consent=Consent(personalize=False), updated_at=5
    )
    user_history(trained_shop.settings.home).record([refusing], 5)
    lists = run(users=["顾客1", "nobody"])
    assert items(lists["顾客1"]) == items(lists["nobody"])


def test_a_merged_shopper_is_read_as_one(run: Any, trained_shop: Shop) -> None:
    expected = items(run(users=["顾客1"])["顾客1"])
    Identities(trained_shop.database).merge("phone-7", "顾客1", 5)
    trained_shop.__dict__.pop("edges")
    assert items(run(users=["phone-7"])["phone-7"]) == expected


def test_unknown_items_and_an_unknown_release_are_no_surprise(run: Any) -> None:
    unknown = [{"item_id": "gone", "type": "view", "timestamp": 5}]
    assert len(run(histories={"query_id": ["q"], "as_of": [9], "events": [unknown]})["q"]) == 20
    with pytest.raises(UnknownReleaseError, match="0123456789abcdef"):
        run(users=["a"], release="0123456789abcdef")


def test_exactly_one_file_says_for_whom(run: Any) -> None:
    with pytest.raises(InputError, match="either --users FILE or --histories FILE"):
        run()
    with pytest.raises(InputError, match="either --users FILE or --histories FILE"):
        run(
            users=["a"],
            histories={"query_id": ["q"], "events": [[{"item_id": "a", "type": "view", "timestamp": 1}]]},
        )


def test_a_refused_row_leaves_no_file(run: Any, tmp_path: Path) -> None:
    bad = {"query_id": ["a", "b"], "events": [[{"item_id": "x", "type": "view", "timestamp": 1}]] * 2}
    bad["events"] = [bad["events"][0], [{"item_id": "x", "type": "buy", "timestamp": 1}]]
    with pytest.raises(InputError, match="query 'b'"):
        run(histories=bad)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        run(users=["a"], out=tmp_path / "file" / "lists.parquet")


def test_before_training_the_next_command_is_named(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "u.txt").write_text("a")
    batch = Batch(tmp_path / "u.txt", None, tmp_path / "o.parquet", 5, False, None, None)
    with pytest.raises(UnknownReleaseError, match="recsys train"):
        recommend(shop, batch, QUIET)
