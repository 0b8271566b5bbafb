from typing import Any

import pytest

from serving.errors import InvalidRequest
from serving.schemas.items import ItemBody, PromoBody
from serving.schemas.recommendations import RecommendationRequest
from serving.wire.validation import check_same_id, plain, read_as


def mistakes(model: Any, value: object) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidRequest) as caught:
        read_as(model, value)
    return [(mistake.field, mistake.nearest) for mistake in caught.value.errors]


def test_a_misspelt_field_is_told_with_the_nearest_at_its_own_depth() -> None:
    value = {"offers": [{"sku": "a", "promo": {"price": 1, "strat": 1}}], "categori": "x"}
    assert sorted(mistakes(ItemBody, value)) == [("categori", "category"), ("offers.0.promo.strat", "start")]
    assert mistakes(
        RecommendationRequest, {"boost": [{"filter": "true", "factor": 1.0, "fillter": "x"}]}
    ) == [("boost.0.fillter", "filter")]


def test_what_is_like_nothing_has_no_nearest() -> None:
    assert mistakes(PromoBody, {"price": 1, "zzzzzz": 1}) == [("zzzzzz", None)]


def test_the_message_names_the_first_mistake_its_value_and_how_many_more() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_as(RecommendationRequest, {"num": "x" * 500, "seed": -1})
    message = str(caught.value)
    assert message.startswith("num: ") and "(and 1 more)" in message
    assert "'xxx" in message and len(message) < 300


def test_of_very_many_mistakes_the_first_hundred_are_told_and_long_names_are_cut() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_as(PromoBody, {"x" * 5000: 1, **{f"unknown-{n}": 1 for n in range(5000)}, "price": 1})
    assert len(caught.value.errors) == 100
    assert "(and at least 99 more)" in str(caught.value)
    assert len(str(caught.value)) < 300 and len(caught.value.errors[0].field) < 100


def test_too_many_are_told_by_their_number() -> None:
    with pytest.raises(InvalidRequest, match=r"at most 100 items after validation, not 101$"):
        read_as(RecommendationRequest, {"item_ids": ["a"] * 101})


def test_a_body_that_is_no_object_is_told_as_one() -> None:
    assert mistakes(PromoBody, [1]) == [("", None)]
    assert mistakes(PromoBody, {}) == [("price", None)]


def test_two_ids_of_one_thing_must_agree() -> None:
    check_same_id("item_id", None, "a")
    check_same_id("item_id", "a", "a")
    with pytest.raises(InvalidRequest, match=r"'b'.*'a'"):
        check_same_id("item_id", "b", "a")


def test_a_plain_body_says_only_what_was_said() -> None:
    body = read_as(ItemBody, {"price": None, "offers": None, "titles": {"en": "A"}})
    assert plain(body) == {"price": None, "offers": None, "titles": {"en": "A"}}
