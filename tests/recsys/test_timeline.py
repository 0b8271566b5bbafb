from pathlib import Path

import numpy as np
import pytest

from recsys.offers import effective_price, face_offer
from recsys.timeline import Spans, face_base, face_spans
from recsys.types import Item, Offer, Promo

# The dearer offer is the cheaper one while its promotion lasts, and a second promotion overlaps the first.
ITEM = Item(
    item_id="a",
    offers=(
        Offer(sku="x", price=10.0, stock=1.0),
        Offer(sku="y", price=20.0, stock=2.0, promo=Promo(price=5.0, start=100, end=200)),
        Offer(sku="z", price=30.0, promo=Promo(price=4.0, start=150)),
        Offer(sku="sold out", price=1.0, stock=0.0, promo=Promo(price=0.5)),
    ),
)


@pytest.mark.parametrize("at", [-(10**15), 0, 99, 100, 149, 150, 199, 200, 10**15])
def test_spans_give_the_face_offer_of_every_moment(at: int) -> None:
    base = np.array([[np.nan] * 4, face_base(ITEM)])
    spans = Spans.build([(1, ITEM)])
    face = face_offer(ITEM, at)
    assert face is not None
    assert spans.at(base[:, 0], "price", at)[1] == effective_price(face, at)
    np.testing.assert_array_equal(
        spans.at(base[:, 3], "stock", at)[1], np.nan if face.stock is None else face.stock
    )


def test_a_period_lasts_from_one_start_or_end_to_the_next() -> None:
    spans = Spans.build([(0, ITEM)])
    periods = [spans.period(at) for at in (0, 99, 100, 149, 150, 199, 200, 10**15)]
    assert periods == [0, 0, 1, 1, 2, 2, 3, 3]


def test_outside_promotions_the_base_itself_is_returned() -> None:
    base = np.array([1.0])
    assert Spans.build([(0, ITEM)]).at(base, "price", 0) is base


def test_a_promotion_that_changes_nothing_makes_no_span() -> None:
    same = Item(item_id="a", offers=(Offer(sku="x", price=3.0, promo=Promo(price=3.0, start=1, end=2)),))
    never = Item(item_id="a", offers=(Offer(sku="x", price=3.0, promo=Promo(price=1.0, start=9, end=2)),))
    assert face_spans(same) == []
    assert face_spans(never) == []


def test_an_items_spans_are_replaced_and_removed(tmp_path: Path) -> None:
    spans = Spans.build([(0, ITEM), (1, ITEM)])
    changed = spans.with_item(
        0, Item(item_id="a", offers=(Offer(sku="x", price=9.0, promo=Promo(price=2.0)),))
    )
    changed = changed.with_item(1, None)
    changed.save(tmp_path)
    loaded = Spans.load(tmp_path)
    assert loaded.at(np.array([9.0, 10.0]), "price", 160).tolist() == [2.0, 10.0]
    assert spans.with_item(7, Item(item_id="none")) is spans
