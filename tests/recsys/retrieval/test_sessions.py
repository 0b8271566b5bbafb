"""What past sessions propose, by sessions small enough to add up by hand."""

from pathlib import Path

import numpy as np
import pytest

from recsys.interactions import Interactions
from recsys.models.sessions import Sessions, SessionsConfig
from recsys.past import EMPTY_PAST
from recsys.retrieval.session_kernel import kth_largest
from recsys.retrieval.sessions import SessionNeighbours
from recsys.retrieval.source import Scores, Taste
from recsys.types import EVENT_CODES, EventType
from recsys.vocabulary import Vocabulary

VIEW = EVENT_CODES[EventType.VIEW]
PLAIN = SessionsConfig(
    half_life=1e9,
    size_exponent=0,
    match_exponent=0,
    item_exponent=0,
    distance_fade=1e9,
    backwards=1,
    seed_fade=1e9,
    bridges=0,
)


def log(*visits: list[int], items: int = 6) -> Interactions:
    """One shopper a visit; visits a thousand ms apart, their views one ms."""
    session = np.repeat(np.arange(len(visits)), [len(visit) for visit in visits]).astype(np.int32)
    step = np.concatenate([np.arange(len(visit)) for visit in visits]) if visits else np.empty(0)
    item = np.array([item for visit in visits for item in visit], np.int32)
    return Interactions.sort(
        users=Vocabulary([f"u{number}" for number in range(len(visits))]),
        items=Vocabulary([f"i{number}" for number in range(items)]),
        columns=(
            session.copy(),
            item,
            np.full(len(item), VIEW, np.int8),
            session.astype(np.int64) * 1000 + step.astype(np.int64),
            session,
            np.ones(len(item), np.float32),
        ),
    )


def taste(*recent: int, ages: tuple[float, ...] | None = None, related: bool = False) -> Taste:
    seeds = np.array(recent, np.int32)
    return Taste(
        own=np.sort(seeds),
        own_values=np.ones(len(seeds), np.float32),
        recent=seeds,
        recent_weights=np.ones(len(seeds), np.float32),
        recent_ages=np.array(ages if ages is not None else range(len(seeds)), np.float32),
        past=EMPTY_PAST,
        vector=None,
        related=related,
    )


def read(visits: Interactions, question: Taste, config: SessionsConfig = PLAIN) -> Scores:
    return SessionNeighbours(Sessions.fit(visits, config)).read(question)


def values(scores: Scores, items: int = 6) -> list[float]:
    result: list[float] = scores.at(np.arange(items, dtype=np.int32)).tolist()
    return result


def top(scores: Scores, n: int = 6, without: tuple[int, ...] = (), items: int = 6) -> list[int]:
    allowed = np.ones(items, np.bool_)
    allowed[list(without)] = False
    result: list[int] = scores.top(n, allowed).tolist()
    return result


def test_an_item_scores_what_the_sessions_it_shares_with_the_seeds_add_up_to() -> None:
    scores = read(log([0, 1], [0, 1, 2], [3, 4]), taste(0))
    assert values(scores) == pytest.approx([1, 1, 0.5, 0, 0, 0])
    both = read(log([0, 1], [2, 1], [0, 2, 3]), taste(0, 2))
    assert values(both) == pytest.approx([3 / 3, 2 / 3, 3 / 3, 2 / 3, 0, 0])


def test_the_newest_item_asks_and_earlier_ones_count_less() -> None:
    scores = read(log([0, 2], [1, 3]), taste(0, 1), PLAIN.model_copy(update={"seed_fade": 1.0}))
    assert values(scores)[2:4] == pytest.approx([1, np.exp(-1)])


def test_items_of_one_moment_and_of_a_related_question_ask_alike() -> None:
    fading = PLAIN.model_copy(update={"seed_fade": 1.0})
    visits = log([0, 2], [1, 3], [5, 4])
    basket = read(visits, taste(0, 1, 5, ages=(0.0, 0.0, 3.0)), fading)
    assert values(basket)[2:5] == pytest.approx([1, 1, np.exp(-1)])
    cart = read(visits, taste(0, 1, 5, ages=(0.0, 0.0, 0.0), related=True), fading)
    assert values(cart)[2:5] == pytest.approx([1, 1, 1])


def test_a_match_on_a_rare_item_says_more() -> None:
    visits = log([0, 2], [1, 3], [1, 4], [1, 4])
    scores = read(visits, taste(0, 1), PLAIN.model_copy(update={"match_exponent": 0.5}))
    assert values(scores)[3] / values(scores)[2] == pytest.approx(np.sqrt(1 / 3))


def test_a_popular_item_is_found_more_often_than_it_counts() -> None:
    visits = log([0, 1], [0, 2], [2], [2], [2])
    scores = read(visits, taste(0), PLAIN.model_copy(update={"item_exponent": 0.5}))
    assert values(scores)[2] / values(scores)[1] == pytest.approx(np.sqrt(1 / 4))


def test_bridges_reach_items_that_no_session_shares_with_a_seed() -> None:
    visits = log([0, 1], [1, 2], [2, 3])
    assert values(read(visits, taste(0)))[2] == 0
    bridged = PLAIN.model_copy(update={"bridges": 1, "bridge_share": 0.5, "bridge_again": 0.0})
    scores = read(visits, taste(0), bridged)
    # The bridge 1 finds 0 and 2 in its two sessions, and not itself.
    assert values(scores) == pytest.approx([1, 1 / 1.5, 0.5 / 1.5, 0, 0, 0])
    assert scores.because(np.array([2], np.int32)).tolist() == [0]


def test_a_bridge_is_lifted_by_its_own_sessions_as_far_as_asked() -> None:
    visits = log([0, 1], [1, 2])
    bridged = PLAIN.model_copy(update={"bridges": 1, "bridge_share": 1.0, "bridge_again": 0.25})
    # Direct 0: 1, 1: 1; over the bridge 1: 0 and 2 once each, 1 twice a quarter.
    assert values(read(visits, taste(0), bridged))[:3] == pytest.approx([1, 1.5 / 2, 1 / 2])


def test_the_nearest_sessions_are_read_and_of_equal_ones_the_newest() -> None:
    visits = log([0, 1, 2], [0, 3], [1, 4], [0, 5])
    one = PLAIN.model_copy(update={"nearest": 1})
    assert values(read(visits, taste(0, 1), one)) == pytest.approx([1, 1, 1, 0, 0, 0])
    two = PLAIN.model_copy(update={"nearest": 2})
    assert values(read(visits, taste(0, 1), two))[2:] == pytest.approx([2 / 3, 0, 0, 1 / 3])


def test_large_sessions_are_read_in_smaller_number() -> None:
    visits = log([0, 1], [0, 2], [0, 3], [0, 4])
    few = PLAIN.model_copy(update={"entries": 4})
    assert values(read(visits, taste(0), few)) == pytest.approx([1, 0, 0, 0.5, 0.5, 0])


def test_a_session_counts_half_after_a_half_life() -> None:
    visits = log([0, 1], [5], [0, 2], [5])
    scores = read(visits, taste(0), PLAIN.model_copy(update={"half_life": 0.5}))
    assert values(scores)[1] / values(scores)[2] == pytest.approx(0.5)


def test_an_item_of_a_large_session_counts_less() -> None:
    visits = log([0, 1], [0, 2, 3, 4])
    scores = read(visits, taste(0), PLAIN.model_copy(update={"size_exponent": 0.5}))
    assert values(scores)[2] / values(scores)[1] == pytest.approx(np.sqrt(2 / 4))


def test_items_near_the_matched_one_count_more_and_what_came_after_it_most() -> None:
    config = PLAIN.model_copy(update={"distance_fade": 2.0, "backwards": 0.25})
    scores = values(read(log([3, 0, 1, 2]), taste(0), config))
    assert scores[:4] == pytest.approx([1, np.exp(-0.5), np.exp(-1), 0.25 * np.exp(-0.5)])


def test_the_distance_is_taken_from_the_newest_seed_a_session_held() -> None:
    config = PLAIN.model_copy(update={"distance_fade": 1.0})
    scores = values(read(log([0, 1, 2, 3]), taste(3, 0), config))
    assert scores[2] == pytest.approx(np.exp(-1))
    assert scores[1] == pytest.approx(np.exp(-2))


def test_a_list_is_best_first_by_code_where_equal_and_keeps_to_the_mask() -> None:
    scores = read(log([0, 3, 1], [0, 1, 4], [0, 5]), taste(0))
    assert top(scores) == [0, 1, 3, 4, 5]
    assert top(scores, n=3, without=(0,)) == [1, 3, 4]
    assert top(scores, n=2, without=(0, 1, 3, 4, 5)) == []
    assert top(scores, n=0) == []


def test_a_reason_is_the_seed_that_speaks_most() -> None:
    scores = read(log([0, 2], [1, 2], [1, 2], [0, 3]), taste(0, 1))
    assert scores.because(np.array([3, 2, 5], np.int32)).tolist() == [0, 1, -1]


def test_only_the_newest_sessions_of_an_item_are_asked() -> None:
    config = PLAIN.model_copy(update={"sessions_per_item": 1})
    assert values(read(log([0, 1], [0, 2]), taste(0), config)) == pytest.approx([1, 0, 1, 0, 0, 0])


def test_nothing_is_known_without_seeds_and_of_items_that_no_session_held() -> None:
    for scores in (read(log([0, 1]), taste()), read(log([0, 1]), taste(5)), read(log(), taste(0))):
        assert top(scores) == []
        assert values(scores) == [0] * 6
        assert scores.because(np.array([0], np.int32)).tolist() == [-1]


def test_unknown_seeds_do_not_disturb_known_ones() -> None:
    visits = log([0, 1], [2, 3])
    assert values(read(visits, taste(0, 5))) == values(read(visits, taste(0)))


def test_one_item_and_one_session_are_enough() -> None:
    assert top(read(log([0], items=1), taste(0)), items=1) == [0]
    assert top(read(log([4, 2, 0]), taste(2))) == [0, 2, 4]


def test_a_saved_model_answers_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    visits = log(*(rng.integers(0, 40, 6).tolist() for _ in range(60)), items=40)
    fitted = Sessions.fit(visits, SessionsConfig())
    fitted.save(tmp_path)
    for seeds in ((1, 2, 3), (7,), (39, 0)):
        one = SessionNeighbours(fitted).read(taste(*seeds))
        other = SessionNeighbours(Sessions.load(tmp_path)).read(taste(*seeds))
        assert values(one, 40) == values(other, 40)
        assert top(one, 10, items=40) == top(other, 10, items=40)


def test_the_values_agree_with_a_plain_reading_of_the_definition() -> None:
    """Many random sessions with every decay on: the compiled loop against dictionaries."""
    rng = np.random.default_rng(11)
    visits = [rng.integers(0, 30, rng.integers(1, 8)).tolist() for _ in range(200)]
    config = SessionsConfig(sessions_per_item=20, bridges=0)
    model = Sessions.fit(log(*visits, items=30), config)
    expected = np.zeros(30)
    weights = np.exp(-np.arange(3) / config.seed_fade)
    similarity: dict[int, float] = {}
    step: dict[int, int] = {}
    for seed, weight in zip((3, 8, 21), weights, strict=True):
        held = _holding(visits, seed)
        for number in held[: config.sessions_per_item]:
            distinct = list(dict.fromkeys(visits[number]))
            step.setdefault(number, distinct.index(seed))
            similarity[number] = similarity.get(number, 0) + weight * len(held) ** -config.match_exponent
    for number, alike in similarity.items():
        distinct = list(dict.fromkeys(visits[number]))
        age = (199 - number) / (200 * config.half_life)
        for place, item in enumerate(distinct):
            distance = place - step[number]
            worth = np.exp(-abs(distance) / config.distance_fade) * (config.backwards if distance < 0 else 1)
            worth *= len(_holding(visits, item)) ** -config.item_exponent
            expected[item] += alike * 0.5**age * len(distinct) ** -config.size_exponent * worth
    scores = SessionNeighbours(model).read(taste(3, 8, 21))
    assert values(scores, 30) == pytest.approx(expected / expected.max(), rel=1e-4)


def _holding(visits: list[list[int]], item: int) -> list[int]:
    """Sessions with the item, newest first."""
    return [number for number, visit in enumerate(visits) if item in visit][::-1]


def test_the_kth_largest_is_found_among_ties_and_far_outliers() -> None:
    generator = np.random.default_rng(1)
    for size in (1, 2, 7, 300):
        for values in (
            generator.exponential(1, size),
            generator.integers(0, 4, size),
            np.where(generator.random(size) < 0.1, 1e30, generator.random(size)),
            np.full(size, 0.25),
        ):
            worth = values.astype(np.float32)
            for k in {1, (size + 1) // 2, size}:
                assert kth_largest(worth, k) == np.sort(worth)[-k]
