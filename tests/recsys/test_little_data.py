"""However little a shop has, it gets a release that recommends, or one sentence that says what is missing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.history import History
from recsys.interactions import Interactions
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.testing import Row, log_of
from recsys.train import Fitted, fit_release
from recsys.types import EventType, Item, Offer

VIEW, CART, BUY, RETURN = EventType.VIEW, EventType.CART, EventType.PURCHASE, EventType.RETURN
UNCART, IMPRESSION = EventType.UNCART, EventType.IMPRESSION
SMALL = ReleaseConfig.model_validate(
    {"als": {"embedding_size": 8, "epochs": 3}, "embedding": {"embedding_size": 8}}
)
EAGER = ReleaseConfig.model_validate(
    {
        **SMALL.model_dump(exclude_unset=True),
        "ranker": {"least_queries": 20, "queries_per_shopper": 1000, "trees": 5, "label_days": 300},
    }
)
NAMES = ("milk", "tea", "sofa")


def goods(*names: str) -> list[Item]:
    """Items that can be bought, with words and a category."""
    return [
        Item(
            item_id=name,
            titles={"en": name, "zh": "茶"},
            category="Food",
            offers=(Offer(sku=name, price=2.0),),
        )
        for name in names
    ]


def bare(*names: str) -> list[Item]:
    """Items that can be bought, of which nothing else is known."""
    return [Item(item_id=name, offers=(Offer(sku=name),)) for name in names]


def release(
    folder: Path, log: Interactions, items: list[Item], config: ReleaseConfig = SMALL, real_times: bool = True
) -> tuple[Pipeline, Fitted]:
    fitted = fit_release(log, items, {}, config, folder, seed=1, real_times=real_times)
    assert fitted.choices
    return Pipeline.load(folder), fitted


def histories(pipeline: Pipeline, log: Interactions) -> Iterator[History]:
    rows = log.over(pipeline.vocabulary)
    yield History(rows.item[:0], rows.type[:0], rows.time[:0])
    for part in rows.per_user(range(len(rows.users))):
        yield History(rows.item[part], rows.type[part], rows.time[part])


def assert_recommends(pipeline: Pipeline, log: Interactions, items: list[Item]) -> None:
    """Everybody, and nobody, gets everything that can be bought, each once; home holds back what was just bought."""
    names = sorted(item.item_id for item in items)
    for history in histories(pipeline, log):
        query = Query(as_of=log.end + 1, history=history, num=50)
        answer = pipeline.recommend(query)
        assert sorted(pipeline.vocabulary.decode(answer.items)) == names
        assert np.isfinite(answer.scores).all()
        home = pipeline.vocabulary.decode(pipeline.recommend(replace(query, slot="home")).items)
        assert len(set(home)) == len(home)
        assert set(home) <= set(names)
    for item in range(len(items)):
        related = pipeline.recommend(Query(as_of=log.end + 1, related=np.array([item], np.int32), num=50))
        assert item not in related.items


LOGS: dict[str, list[Row]] = {
    "one busy shopper": [("ann", NAMES[day * day % 3], VIEW, day) for day in range(60)],
    "one shopper": [("ann", name, VIEW, day) for day in range(12) for name in NAMES],
    "one item": [(f"user{n}", "milk", BUY, n) for n in range(12)],
    "one event": [("ann", "milk", VIEW, 1)],
    "one shopper and one item": [("ann", "milk", VIEW, day) for day in range(12)],
    "no purchases": [(f"user{n}", NAMES[n % 3], (VIEW, CART)[n % 2], n) for n in range(30)],
    "one behaviour": [(f"user{n % 5}", NAMES[n % 3], BUY, n) for n in range(30)],
    "all at one time": [(f"user{n % 5}", NAMES[n % 3], (VIEW, BUY)[n % 2], 3) for n in range(30)],
    "all duplicates": [("ann", "milk", BUY, 3)] * 30,
    "all duplicates of many": [
        (f"user{n % 5}", NAMES[n % 3], VIEW, 3 + n % 15) for _ in range(4) for n in range(15)
    ],
    "two shoppers and two items": [("ann", "milk", BUY, 1), ("bob", "tea", VIEW, 2)],
    "interest at the end only": [
        *(("ann", "milk", IMPRESSION, day) for day in range(20)),
        ("ann", "milk", VIEW, 20),
        ("ann", "tea", VIEW, 20.1),
    ],
    "one thing kept": [("ann", "milk", BUY, 1), ("ann", "tea", UNCART, 2), ("ann", "tea", IMPRESSION, 3)],
    "each shopper once": [(f"user{n}", NAMES[n % 3], VIEW, n) for n in range(60)],
}


@pytest.mark.parametrize("real_times", [True, False], ids=["real times", "times made up"])
@pytest.mark.parametrize("name", LOGS)
def test_a_release_recommends_from_a_log_of(name: str, real_times: bool, tmp_path: Path) -> None:
    log, items = log_of(LOGS[name], NAMES), goods(*NAMES)
    pipeline, fitted = release(tmp_path, log, items, real_times=real_times)
    assert fitted.lesson is None
    assert "own items first" in fitted.choices[-1]
    assert_recommends(pipeline, log, items)


@pytest.mark.parametrize("real_times", [True, False], ids=["real times", "times made up"])
@pytest.mark.parametrize("name", LOGS)
def test_a_ranker_that_is_eager_to_learn_fails_on_no_log_of(
    name: str, real_times: bool, tmp_path: Path
) -> None:
    log, items = log_of(LOGS[name] * 8, NAMES), goods(*NAMES)
    pipeline, _ = release(tmp_path, log, items, EAGER, real_times)
    assert_recommends(pipeline, log, items)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_items_of_which_nothing_is_known_are_recommended(count: int, tmp_path: Path) -> None:
    names = NAMES[:count]
    log, items = log_of([(f"user{n}", names[n % count], BUY, n) for n in range(9)], names), bare(*names)
    pipeline, _ = release(tmp_path, log, items)
    assert_recommends(pipeline, log, items)


def test_two_shoppers_who_swap_two_items_each_get_the_other(tmp_path: Path) -> None:
    log, items = (
        log_of([("ann", "milk", BUY, 1), ("bob", "tea", BUY, 1)], ("milk", "tea")),
        goods("milk", "tea"),
    )
    pipeline, _ = release(tmp_path, log, items)
    ann = next(history for history in histories(pipeline, log) if len(history))
    answer = pipeline.recommend(Query(as_of=log.end, history=ann, exclude=ann.items))
    assert pipeline.vocabulary.decode(answer.items) == ["tea"]


@pytest.mark.parametrize(
    "rows",
    [
        [("ann", "milk", RETURN, 1), ("bob", "tea", RETURN, 2)],
        [("ann", "milk", BUY, 1), ("ann", "milk", RETURN, 2)],
        [("ann", "milk", IMPRESSION, 1), ("bob", "tea", UNCART, 2)],
    ],
    ids=["only returns", "everything came back", "nothing but impressions"],
)
@pytest.mark.parametrize("real_times", [True, False], ids=["real times", "times made up"])
def test_a_log_without_interest_is_refused_by_naming_what_is_missing(
    rows: list[Row], real_times: bool, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no event says .* views, clicks, carts or purchases"):
        fit_release(log_of(rows, NAMES), goods(*NAMES), {}, SMALL, tmp_path, seed=1, real_times=real_times)


def test_no_events_and_no_items_are_refused_with_the_command_that_brings_them(tmp_path: Path) -> None:
    log = log_of(LOGS["one event"])
    with pytest.raises(InputError, match="recsys data ingest --events"):
        fit_release(log.before(0), goods("milk"), {}, SMALL, tmp_path, seed=1)
    with pytest.raises(InputError, match="recsys data ingest --items"):
        fit_release(log, [], {}, SMALL, tmp_path, seed=1)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("ann", "bob", "eve")),
        st.sampled_from(NAMES),
        st.sampled_from(list(EventType)),
        st.sampled_from((0.0, 0.001, 1.0, 40.0)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=10, deadline=None)
@given(rows=ROWS, real_times=st.booleans(), named=st.integers(1, 3), described=st.booleans())
def test_any_few_rows_give_a_release_or_a_sentence(
    rows: list[Row],
    real_times: bool,
    named: int,
    described: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    log, items = log_of(rows, NAMES), (goods if described else bare)(*NAMES[:named])
    try:
        pipeline, _ = release(tmp_path_factory.mktemp("any"), log, items, real_times=real_times)
    except InputError as error:
        assert "no event says" in str(error)
    else:
        assert_recommends(pipeline, log, items)
