"""Items that are born or change their words while a release is served: found, explained and counted like all others."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.config import ReleaseConfig
from recsys.expressions import parse
from recsys.history import History
from recsys.live_items import LiveItems
from recsys.pipeline import Pipeline
from recsys.query import SLOTS, Query
from recsys.retrieval.alike import AlikeItems
from recsys.testing import Shop, build_shop
from recsys.train import fit_release
from recsys.types import EVENT_CODES, EventType, Item, Offer

CONFIG = ReleaseConfig.model_validate({"ranker": {"trees": 10, "queries": 400, "queries_per_shopper": 4}})


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=5)


@pytest.fixture(scope="module")
def folder(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("release")
    attributes = {user.user_id: user.attributes for user in shop.users}
    fit_release(shop.interactions, shop.items, attributes, CONFIG, path, seed=1)
    return path


@pytest.fixture
def pipeline(folder: Path) -> Pipeline:
    return Pipeline.load(folder)


def twin(shop: Shop, code: int, name: str, **other: object) -> Item:
    """A new item with the words of another."""
    return replace(
        shop.items[code], item_id=name, offers=(Offer(sku=name, price=9.0),), created_at=shop.end, **other
    )  # type: ignore[arg-type]


def warm_code(shop: Shop, group: int) -> int:
    members = np.setdiff1d(np.flatnonzero(shop.planted.item_group == group), shop.planted.cold)
    return int(members[np.argmax(shop.planted.popularity[members])])


def views(shop: Shop, *codes: int) -> History:
    kinds = np.full(len(codes), EVENT_CODES[EventType.VIEW], np.int8)
    times = shop.end + 60_000 * np.arange(len(codes), dtype=np.int64)
    return History(np.array(codes, np.int32), kinds, times)


def ask(pipeline: Pipeline, shop: Shop, **other: object) -> list[str]:
    answer = pipeline.recommend(Query(as_of=shop.end, **other))  # type: ignore[arg-type]
    assert sum(answer.counts.values()) == len(pipeline.catalogue)
    return pipeline.vocabulary.decode(answer.items)


def source(pipeline: Pipeline) -> AlikeItems:
    return next(each for each in pipeline.sources if isinstance(each, AlikeItems))


def test_a_newborn_is_related_to_what_is_like_it_both_ways(pipeline: Pipeline, shop: Shop) -> None:
    for group in range(4):
        # Without events both stand where their words are.
        code = int(shop.planted.cold[shop.planted.item_group[shop.planted.cold] == group][0])
        assert not pipeline.live.take([twin(shop, code, f"new-{group}")])
        new = pipeline.vocabulary.code(f"new-{group}")
        assert new == len(shop.items) + group
        related = ask(pipeline, shop, related=np.array([code], np.int32), sources=("alike",), num=40)
        assert f"new-{group}" in related
        back = pipeline.recommend(Query(as_of=shop.end, related=np.array([new], np.int32), num=10))
        groups = shop.planted.item_group[back.items[back.items < len(shop.items)]]
        assert (groups == group).mean() > 0.5
        assert new not in back.items


def test_a_newborn_comes_into_lists_of_those_who_like_its_kind(pipeline: Pipeline, shop: Shop) -> None:
    code = warm_code(shop, 2)
    pipeline.live.take([twin(shop, code, "new")])
    history = views(shop, *np.flatnonzero(shop.planted.item_group == 2)[:4].tolist(), code)
    everything = np.array([n for n in range(len(shop.items)) if n != code], np.int32)
    answer = pipeline.recommend(
        Query(as_of=shop.end, history=history, exclude=everything, num=5, fill=False, explain=True)
    )
    new = pipeline.vocabulary.code("new")
    assert new in answer.items
    place = answer.items.tolist().index(new)
    assert "alike" in answer.traces[place].source_ranks
    assert answer.reasons[place].code == "alike"
    assert answer.fallback_used is None


def test_who_clicked_only_a_newborn_gets_what_is_like_it(pipeline: Pipeline, shop: Shop) -> None:
    pipeline.live.take([twin(shop, warm_code(shop, 3), "new")])
    new = pipeline.vocabulary.code("new")
    for slot in SLOTS:
        answer = pipeline.recommend(
            Query(as_of=shop.end, history=views(shop, new), slot=slot, log_features=True, diversity=0.2)
        )
        assert sum(answer.counts.values()) == len(pipeline.catalogue)
        if slot in ("any", "home"):
            others = answer.items[answer.items != new][:8]
            assert (shop.planted.item_group[others] == 3).mean() > 0.5
            assert answer.fallback_used is None
    mixed = History(
        np.array([4, new, 4, new, new], np.int32),
        np.array(
            [
                EVENT_CODES[kind]
                for kind in (
                    EventType.VIEW,
                    EventType.PURCHASE,
                    EventType.CART,
                    EventType.PURCHASE,
                    EventType.RETURN,
                )
            ],
            np.int8,
        ),
        shop.end + np.arange(5, dtype=np.int64) * 86_400_000,
    )
    for slot in SLOTS:
        pipeline.recommend(Query(as_of=shop.end, history=mixed, slot=slot, explain=True))


def test_filters_boosts_exclusion_and_why_not_know_newborns(pipeline: Pipeline, shop: Shop) -> None:
    filter_ = parse('category under "全新 > 一类" and price < 10 and "fresh" in tags')
    assert ask(pipeline, shop, filter=filter_) == []
    born = [twin(shop, 0, f"n{n}", category="全新 > 一类", tags=("fresh",)) for n in range(3)]
    pipeline.live.take([replace(item, created_at=shop.end + n) for n, item in enumerate(born)])
    assert ask(pipeline, shop, filter=filter_) == ["n2", "n1", "n0"]
    assert ask(pipeline, shop, filter=filter_, boosts=((parse('item_id = "n0"'), 5.0),))[:1] == ["n2"]
    codes = pipeline.vocabulary.encode(["n1"])
    assert ask(pipeline, shop, filter=filter_, exclude=codes) == ["n2", "n0"]
    stages = {
        "shown": {"filter": filter_},
        "excluded": {"exclude": codes},
        "filtered": {"filter": parse("price > 10")},
        "not_proposed": {"fill": False, "sources": ("trending",)},
    }
    for stage, more in stages.items():
        answer = pipeline.recommend(Query(as_of=shop.end, why_not=int(codes[0]), **more))  # type: ignore[arg-type]
        assert answer.why_not is not None and answer.why_not.stage == stage
    pipeline.live.remove("n1")
    assert ask(pipeline, shop, filter=filter_) == ["n2", "n0"]
    answer = pipeline.recommend(Query(as_of=shop.end, why_not=int(codes[0])))
    assert answer.why_not is not None and answer.why_not.stage == "ineligible"


def test_what_is_said_of_a_newborn_is_what_is_said_of_an_item_without_events(
    pipeline: Pipeline, shop: Shop
) -> None:
    cold = int(shop.planted.cold[0])
    pipeline.live.take([twin(shop, cold, "new")])
    new = pipeline.vocabulary.code("new")
    table = pipeline.table
    np.testing.assert_array_equal(table.stats.table[new], table.stats.table[cold])
    assert table.repeats.rate[new] == table.repeats.rate[cold]
    assert table.repeats.cycle_days[new] == table.repeats.cycle_days[cold]
    np.testing.assert_allclose(table.vectors[new], table.vectors[cold], atol=1e-5)
    assert pipeline.trending.scores[new] == 0


def test_an_item_with_other_words_moves_and_answers_from_its_new_place(
    pipeline: Pipeline, shop: Shop
) -> None:
    cold, old_group = int(shop.planted.cold[0]), int(shop.planted.item_group[shop.planted.cold[0]])
    near = (old_group + 1) % 4
    model = shop.items[int(shop.planted.cold[shop.planted.item_group[shop.planted.cold] == near][0])]
    before = source(pipeline).vectors[cold].copy()
    moved = replace(model, item_id=shop.items[cold].item_id, offers=(Offer(sku="m", price=9.0),))
    pipeline.live.take([moved])
    after = source(pipeline).vectors[cold]
    other = pipeline.vocabulary.code(model.item_id)
    assert pipeline.live.moved == 1
    np.testing.assert_allclose(after, source(pipeline).vectors[other], atol=1e-4)
    query = {"sources": ("alike",), "num": 5, "fill": False}
    assert moved.item_id in ask(pipeline, shop, related=np.array([other], np.int32), **query)
    old = np.flatnonzero(shop.planted.item_group == old_group)
    old = np.setdiff1d(old, [cold])[:1].astype(np.int32)
    assert moved.item_id not in ask(pipeline, shop, related=old, **query)
    pipeline.live.take([replace(shop.items[cold], offers=(Offer(sku="m", price=9.0),))])
    np.testing.assert_allclose(source(pipeline).vectors[cold], before, atol=1e-4)


def test_what_an_item_is_met_with_stays_when_its_words_change(pipeline: Pipeline, shop: Shop) -> None:
    code = warm_code(shop, 0)
    model = shop.items[warm_code(shop, 1)]
    before = source(pipeline).vectors[code].copy()
    pipeline.live.take([replace(model, item_id=shop.items[code].item_id)])
    after = source(pipeline).vectors[code]
    assert 0.5 < float(before @ after) < 0.999


def test_prices_stock_and_tags_move_nothing(pipeline: Pipeline, shop: Shop) -> None:
    pipeline.live.take(
        [replace(shop.items[3], tags=("sale",), offers=(Offer(sku="x", price=1.0, stock=0.0),))]
    )
    assert (pipeline.live.moved, pipeline.live.born) == (0, 0)
    assert not pipeline.catalogue.eligible(0)[3]


def test_an_item_that_cannot_be_stored_is_refused_and_the_others_are_taken(
    pipeline: Pipeline, shop: Shop
) -> None:
    wrong = [replace(twin(shop, 0, "w1"), kind="spaceship"), replace(shop.items[1], kind="spaceship")]
    refused = pipeline.live.take([twin(shop, 0, "a"), *wrong, twin(shop, warm_code(shop, 1), "b")])
    assert len(refused) == 2
    assert pipeline.vocabulary.decode(pipeline.live.newest) == ["a", "b"]
    code = pipeline.vocabulary.code("b")
    related = ask(pipeline, shop, related=np.array([code], np.int32), sources=("alike",), num=5)
    assert (shop.planted.item_group[pipeline.vocabulary.encode(related)] == 1).any()


def test_a_full_release_turns_newborns_away_and_goes_on(pipeline: Pipeline, shop: Shop) -> None:
    pipeline.catalogue.room = 70
    pipeline.live.take(twin(shop, n % 40, f"n{n}") for n in range(100))
    assert (pipeline.live.born, pipeline.live.turned_away) == (70, 30)
    assert len(ask(pipeline, shop, num=20)) == 20
    pipeline.live.take([twin(shop, 0, "n3", brand="other")])
    assert pipeline.catalogue.item(pipeline.vocabulary.code("n3")).brand == "other"  # type: ignore[union-attr]


def test_another_load_of_the_release_knows_nothing_of_it(
    folder: Path, pipeline: Pipeline, shop: Shop
) -> None:
    code = warm_code(shop, 1)
    pipeline.live.take([twin(shop, code, "new"), replace(shop.items[code], titles={"en": "other words"})])
    again = Pipeline.load(folder)
    assert again.vocabulary.code("new") == -1
    np.testing.assert_array_equal(source(again).vectors[code], source(Pipeline.load(folder)).vectors[code])
    assert not np.array_equal(source(again).vectors[code], source(pipeline).vectors[code])


def test_first_events_move_a_newborn_to_its_company_the_more_the_more_there_are(
    pipeline: Pipeline, shop: Shop
) -> None:
    group = np.setdiff1d(np.flatnonzero(shop.planted.item_group == 2), shop.planted.cold)
    pipeline.live.take([twin(shop, int(shop.planted.cold[0]), "new")])
    new = pipeline.vocabulary.code("new")
    vectors = source(pipeline).vectors
    centre = vectors[group].mean(axis=0)
    near = [float(vectors[new] @ centre)]
    for shopper in range(10):
        met = [shop.items[int(code)].item_id for code in group[shopper : shopper + 3]]
        assert pipeline.live.meet("new", [*met, "unknown"])
        near.append(float(vectors[new] @ centre))
        assert np.linalg.norm(vectors[new]) == pytest.approx(1, abs=1e-4)
    assert near == sorted(near) and near[-1] > near[0] + 0.2
    related = pipeline.recommend(Query(as_of=shop.end, related=np.array([new], np.int32), num=8)).items
    assert (shop.planted.item_group[related] == 2).mean() > 0.5
    pipeline.live.take([twin(shop, int(shop.planted.cold[0]), "new", titles={"en": "other words"})])
    assert float(vectors[new] @ centre) > near[0] + 0.2


def test_company_of_others_than_newborns_moves_nothing(pipeline: Pipeline, shop: Shop) -> None:
    names = [item.item_id for item in shop.items[:3]]
    before = source(pipeline).vectors[0].copy()
    assert not pipeline.live.meet(names[0], names[1:])
    assert not pipeline.live.meet("nobody", names)
    pipeline.live.take([twin(shop, 0, "new")])
    assert not pipeline.live.meet("new", ["nobody"])
    np.testing.assert_array_equal(source(pipeline).vectors[0], before)


class Removing:
    """Takes items out of the catalogue in the middle of a request."""

    def __init__(self, live: LiveItems, gone: list[str]) -> None:
        self.live, self.gone = live, gone

    def __call__(self, stage: str) -> "Removing":
        if stage == "select":
            for item_id in self.gone:
                self.live.remove(item_id)
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


@pytest.mark.parametrize("slot", ["any", "home"])
@pytest.mark.parametrize("personal", [True, False])
def test_what_goes_away_during_a_request_is_replaced_by_the_next_in_rank(
    pipeline: Pipeline, shop: Shop, slot: str, personal: bool
) -> None:
    history = (
        views(shop, warm_code(shop, 1), warm_code(shop, 2))
        if personal
        else History.of((), pipeline.vocabulary, 0, 1)
    )
    query = Query(as_of=shop.end, history=history, slot=slot, num=10)  # type: ignore[arg-type]
    before = pipeline.recommend(query)
    gone = pipeline.vocabulary.decode(before.items[::2])
    query = replace(query, why_not=int(before.items[0]))
    answer = pipeline.recommend(query, Removing(pipeline.live, gone))
    assert len(answer.items) == 10
    assert not set(answer.items.tolist()) & set(before.items[::2].tolist())
    assert answer.counts["gone_meanwhile"] == len(gone)
    assert sum(answer.counts.values()) == len(pipeline.catalogue)
    assert answer.why_not is not None and answer.why_not.stage == "gone_meanwhile"
    kept = [code for code in before.items.tolist() if code not in before.items[::2]]
    assert [code for code in answer.items.tolist() if code in kept] == kept


def test_births_changes_and_removals_beside_readers(pipeline: Pipeline, shop: Shop) -> None:
    failures: list[BaseException] = []
    removed: set[str] = set()
    done = threading.Event()

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            while not done.is_set():
                look(pipeline, shop, rng, removed)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
    for reader in readers:
        reader.start()
    change_much(pipeline, shop, removed)
    done.set()
    for reader in readers:
        reader.join(60)
    assert not failures, failures[0]


def change_much(pipeline: Pipeline, shop: Shop, removed: set[str]) -> None:
    rng = np.random.default_rng(9)
    for number in range(120):
        code = int(rng.integers(len(shop.items)))
        pipeline.live.take([twin(shop, code, f"n{number}"), replace(shop.items[code], brand=f"b{number}")])
        gone = f"n{int(rng.integers(number + 1))}"
        pipeline.live.remove(gone)
        removed.add(gone)


def look(pipeline: Pipeline, shop: Shop, rng: np.random.Generator, removed: set[str]) -> None:
    gone = set(removed)
    names = [f"n{int(rng.integers(120))}" for _ in range(3)] + [
        item.item_id for item in (shop.items[int(rng.integers(len(shop.items)))],)
    ]
    codes = pipeline.vocabulary.encode(names)
    codes = codes[codes >= 0]
    answer = pipeline.recommend(
        Query(
            as_of=shop.end,
            history=views(shop, *codes.tolist()),
            related=codes[:1] if rng.random() < 0.3 else None,
            filter=parse("price < 100") if rng.random() < 0.5 else None,
            slot=SLOTS[int(rng.integers(len(SLOTS)))],
            explain=rng.random() < 0.3,
            num=30,
        )
    )
    shown = pipeline.vocabulary.decode(answer.items)
    assert not gone & set(shown)
    assert len(set(shown)) == len(shown)
