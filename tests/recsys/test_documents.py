from pathlib import Path

import pytest

from recsys.documents import Documents, decode_item, encode_item
from recsys.errors import InputError
from recsys.types import Item, Offer, Promo

FULL = Item(
    item_id="商品/1",
    kind="content",
    titles={"zh": "陶瓷杯", "en": "Mug"},
    category="家居 > 厨房",
    brand="Ａ",
    tags=("vegan", "热卖"),
    attributes={"颜色": "红", "weight": 0.5, "organic": True, "pack": 6},
    restricted=("adult",),
    created_at=1,
    offers=(
        Offer(sku="s1", price=0.0, stock=0.0, available=False, promo=Promo(price=1.0, start=2)),
        Offer(sku="s2", market="CN", promo=Promo(price=0.5)),
    ),
)


@pytest.mark.parametrize("item", [FULL, Item(item_id="plain")])
def test_an_item_survives_its_document(item: Item) -> None:
    assert decode_item(encode_item(item)) == item


def test_the_shops_first_language_stays_first() -> None:
    assert list(decode_item(encode_item(FULL)).titles) == ["zh", "en"]


def test_a_value_that_json_cannot_hold_names_its_item() -> None:
    with pytest.raises(InputError, match="'odd'"):
        encode_item(Item(item_id="odd", attributes={"x": object()}))  # type: ignore[dict-item]


def test_a_change_lies_over_the_stored_document_and_is_saved(tmp_path: Path) -> None:
    documents = Documents.build([FULL, None, Item(item_id="b")])
    documents.put(1, encode_item(Item(item_id="new")))
    documents.put(2, b"")
    documents.save(tmp_path)
    loaded = Documents.load(tmp_path)
    assert [loaded[code] for code in range(3)] == [FULL, Item(item_id="new"), None]
    assert documents[0] == FULL
