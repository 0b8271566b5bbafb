"""Examples are what the pipeline itself finds and sees, graded by the answers, and nothing of the answers' time."""

import numpy as np
import pytest

from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.examples import collect, margin_thirds
from recsys.fitting import Material, fit_sources
from recsys.labels import NEXT, Question, questions
from recsys.pipeline import Pipeline
from recsys.query import Query
from recsys.ranking.features import FEATURES
from recsys.ranking.learning import Example
from recsys.ranking.ranker import RankerConfig
from recsys.testing import Shop, ShopSize, build_shop
from recsys.types import EVENT_CODES, EventType, Item, Offer
from recsys.weights import DAY_MS

CONFIG = RankerConfig(rows_per_query=40)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=3, size=ShopSize(users=80, groups=3))


@pytest.fixture(scope="module")
def pipeline(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("sources")
    known = shop.interactions.before(shop.end - 20 * DAY_MS)
    fit_sources(Material(known, shop.items, {}), ReleaseConfig(), folder, seed=1)
    return Pipeline.load(folder)


@pytest.fixture(scope="module")
def asked(shop: Shop) -> list[Question]:
    return list(questions(shop.interactions, shop.end - 20 * DAY_MS, 60, 3, 100, 0))


def collected(
    pipeline: Pipeline, shop: Shop, asked: list[Question], config: RankerConfig = CONFIG, seed: int = 0
) -> list[Example]:
    return collect(pipeline, asked, shop.interactions.users, {}, config, seed)


def test_every_answered_question_has_all_its_answers_and_a_bounded_sample_of_the_others(
    pipeline: Pipeline, shop: Shop, asked: list[Question]
) -> None:
    found = collected(pipeline, shop, asked)
    assert len(found) >= len(asked) // 2
    for example in found:
        assert example.matrix.shape == (len(FEATURES), len(example.grades))
        assert len(example.grades) == len(example.rule) <= 40
        assert (example.grades > 0).sum() > 0


def test_a_question_is_seen_exactly_as_the_request_would_be(
    pipeline: Pipeline, shop: Shop, asked: list[Question]
) -> None:
    whole = RankerConfig(rows_per_query=10_000)
    question = next(q for q in asked if len(collected(pipeline, shop, [q], whole)))
    example = collected(pipeline, shop, [question], whole)[0]
    codes, matrix, rule = pipeline.candidates(Query(as_of=question.as_of, history=question.history))
    np.testing.assert_array_equal(example.matrix, matrix)
    np.testing.assert_array_equal(example.rule, rule)
    np.testing.assert_array_equal(example.grades > 0, np.isin(codes, question.items))


def test_what_was_wanted_next_has_the_grade_of_next(
    pipeline: Pipeline, shop: Shop, asked: list[Question]
) -> None:
    question = next(q for q in asked if (q.grades == NEXT).any() and len(collected(pipeline, shop, [q])))
    clicks, buys = (
        collected(pipeline, shop, [question], RankerConfig(goal=goal))[0] for goal in ("click", "purchase")
    )
    assert set(clicks.grades[clicks.grades > 0].tolist()) <= {1, 2}
    if (question.kinds == EVENT_CODES[EventType.PURCHASE]).any():
        assert buys.grades.max() > clicks.grades.max()


def test_a_question_that_no_candidate_answers_teaches_nothing(
    pipeline: Pipeline, shop: Shop, asked: list[Question]
) -> None:
    cold = shop.planted.cold[:1]
    sofa = Question(
        0, asked[0].history, asked[0].as_of, 0, cold, np.array([NEXT], np.int8), asked[0].kinds[:1]
    )
    none = Question(0, asked[0].history, asked[0].as_of, 0, cold[:0], asked[0].grades[:0], asked[0].kinds[:0])
    codes, _, _ = pipeline.candidates(Query(as_of=sofa.as_of, history=sofa.history))
    assert collected(pipeline, shop, [none]) == []
    assert len(collected(pipeline, shop, [sofa])) == int(np.isin(codes, cold).any())


def test_one_seed_samples_the_same_candidates(pipeline: Pipeline, shop: Shop, asked: list[Question]) -> None:
    first, again, other = (collected(pipeline, shop, asked[:20], seed=seed) for seed in (1, 1, 2))
    assert len(first) == len(again)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.matrix, two.matrix)
    assert any(
        one.matrix.shape != two.matrix.shape or (one.matrix != two.matrix).any()
        for one, two in zip(first, other, strict=True)
    )


def test_each_question_is_asked_again_for_what_the_shopper_has_not_seen(
    pipeline: Pipeline, shop: Shop, asked: list[Question]
) -> None:
    whole = RankerConfig(rows_per_query=10_000)
    fresh = [question for question in asked if len(question.unseen().items) < len(question.items)]
    assert fresh
    for question in fresh[:10]:
        found = collected(pipeline, shop, [question.unseen()], whole)
        for example in found:
            assert not example.matrix[FEATURES.index("own_events")].any()
            assert (example.grades > 0).sum() <= len(question.unseen().items)


def test_margins_fall_into_thirds_and_what_is_unknown_stands_in_the_middle() -> None:
    offers = [(10.0, 9.0), (10.0, 5.0), (10.0, 1.0), (10.0, None)]
    items = [
        Item(item_id=str(n), offers=(Offer(sku=str(n), price=price, cost=cost),))
        for n, (price, cost) in enumerate(offers)
    ]
    assert margin_thirds(Catalogue.build(items)).tolist() == [0, 1, 2, 1]
