"""What every candidate source promises, checked on each."""

import numpy as np
import pytest

from recsys.config import ReleaseConfig
from recsys.history import History
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.retrieval.source import Source, Taste
from recsys.testing import Shop, build_shop
from recsys.train import fit_release

NAMES = ("own", "taste", "sessions", "together", "linked", "alike", "trending")
RULE_ONLY = ReleaseConfig.model_validate({"ranker": {"enabled": False}})


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=5)


@pytest.fixture(scope="module")
def pipeline(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("release")
    attributes = {user.user_id: user.attributes for user in shop.users}
    fit_release(shop.interactions, shop.items, attributes, RULE_ONLY, folder, seed=1)
    return Pipeline.load(folder)


@pytest.fixture(params=NAMES)
def source(request: pytest.FixtureRequest, pipeline: Pipeline) -> Source:
    return next(source for source in pipeline.sources if source.name == request.param)


def taste_of(pipeline: Pipeline, shop: Shop, user: int) -> Taste:
    rows = next(shop.interactions.per_user([user]))
    log = shop.interactions
    history = History(log.item[rows], log.type[rows], log.time[rows])
    return pipeline.reader.read(Query(as_of=shop.end, history=history))


def nobody(pipeline: Pipeline, shop: Shop) -> Taste:
    return pipeline.reader.read(Query(as_of=shop.end))


def test_every_source_of_the_pipeline_is_under_this_contract(pipeline: Pipeline) -> None:
    assert tuple(source.name for source in pipeline.sources) == NAMES


def test_proposals_are_distinct_allowed_bounded_and_best_first(
    source: Source, pipeline: Pipeline, shop: Shop
) -> None:
    generator = np.random.default_rng(0)
    for user in range(0, 300, 29):
        scores = source.read(taste_of(pipeline, shop, user))
        for share in (1.0, 0.5, 0.02):
            allowed = generator.random(len(shop.items)) < share
            codes = scores.top(15, allowed)
            assert len(codes) <= 15
            assert len(set(codes.tolist())) == len(codes) or source.name == "trending"
            assert allowed[codes].all()
            if source.name != "trending":
                assert (np.diff(scores.at(codes)) <= 1e-6).all()


def test_a_mask_costs_no_allowed_item_its_place(source: Source, pipeline: Pipeline, shop: Shop) -> None:
    """Filtering comes before top-k: what is best among the allowed is proposed, however few they are."""
    scores = source.read(taste_of(pipeline, shop, 7))
    everything = np.ones(len(shop.items), bool)
    best = scores.top(200, everything)
    wanted = best[scores.at(best) > 0].tolist()
    last = wanted[-1]
    only = np.zeros(len(shop.items), bool)
    only[last] = True
    assert scores.top(1, only).tolist() == [last]


def test_scores_are_finite_not_negative_and_zero_for_strangers_of_sparse_sources(
    source: Source, pipeline: Pipeline, shop: Shop
) -> None:
    values = source.read(taste_of(pipeline, shop, 3)).at(np.arange(len(shop.items), dtype=np.int32))
    assert values.dtype == np.float32
    assert np.isfinite(values).all() and (values >= 0).all()


def test_nobody_gets_no_error_and_nothing_personal(source: Source, pipeline: Pipeline, shop: Shop) -> None:
    codes = source.read(nobody(pipeline, shop)).top(10, np.ones(len(shop.items), bool))
    assert (len(codes) > 0) == (source.name == "trending")


def test_nothing_allowed_gives_nothing(source: Source, pipeline: Pipeline, shop: Shop) -> None:
    scores = source.read(taste_of(pipeline, shop, 3))
    assert len(scores.top(10, np.zeros(len(shop.items), bool))) == 0


def test_a_reason_is_an_item_of_the_shopper_or_none(source: Source, pipeline: Pipeline, shop: Shop) -> None:
    taste = taste_of(pipeline, shop, 3)
    scores = source.read(taste)
    codes = scores.top(10, np.ones(len(shop.items), bool))
    because = scores.because(codes)
    assert len(because) == len(codes)
    assert set(because.tolist()) <= {-1, *taste.own.tolist(), *taste.recent.tolist()}


def test_the_same_taste_gives_the_same_answer(source: Source, pipeline: Pipeline, shop: Shop) -> None:
    taste, everything = taste_of(pipeline, shop, 11), np.ones(len(shop.items), bool)
    first, second = (source.read(taste).top(20, everything) for _ in range(2))
    np.testing.assert_array_equal(first, second)
