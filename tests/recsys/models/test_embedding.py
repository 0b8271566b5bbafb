"""Item vectors bring together what is met together, and place unseen items by their words."""

from pathlib import Path

import numpy as np
import pytest

from recsys.models.covisitation import Covisitation, CovisitationConfig
from recsys.models.embedding import EmbeddingConfig, ItemEmbedding
from recsys.testing import Shop, build_shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return build_shop(seed=3)


@pytest.fixture(scope="module")
def embedding(shop: Shop) -> ItemEmbedding:
    together = Covisitation.fit(shop.interactions, CovisitationConfig())
    return ItemEmbedding.fit(together, shop.items, EmbeddingConfig(embedding_size=16), seed=1)


def nearest_groups(shop: Shop, embedding: ItemEmbedding, vectors: np.ndarray, k: int) -> np.ndarray:
    near = np.argsort(-(vectors @ embedding.vectors.T), axis=1)[:, :k]
    return shop.planted.item_group[near]


def test_vectors_have_length_one(embedding: ItemEmbedding) -> None:
    np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1, atol=1e-5)


def test_neighbours_come_from_the_group_of_the_item(shop: Shop, embedding: ItemEmbedding) -> None:
    groups = nearest_groups(shop, embedding, embedding.vectors, 6)
    assert (groups == shop.planted.item_group[:, None]).mean() > 0.85


def test_an_item_without_events_lies_among_its_kind(shop: Shop, embedding: ItemEmbedding) -> None:
    cold = shop.planted.cold
    groups = nearest_groups(shop, embedding, embedding.vectors[cold], 11)[:, 1:]
    assert (groups == shop.planted.item_group[cold][:, None]).mean() > 0.8


def test_an_item_born_later_is_placed_by_its_words(
    shop: Shop, embedding: ItemEmbedding, tmp_path: Path
) -> None:
    embedding.save(tmp_path)
    loaded = ItemEmbedding.load(tmp_path, embedding.vectors)
    born = [shop.items[code] for code in shop.planted.cold]
    groups = nearest_groups(shop, loaded, loaded.encode(born), 10)
    assert (groups == shop.planted.item_group[shop.planted.cold][:, None]).mean() > 0.8


def test_a_shop_without_any_pair_still_has_vectors_from_words(shop: Shop) -> None:
    nobody = shop.interactions.where(np.zeros(len(shop.interactions), bool))
    together = Covisitation.fit(nobody, CovisitationConfig())
    embedding = ItemEmbedding.fit(together, shop.items, EmbeddingConfig(), seed=1)
    groups = nearest_groups(shop, embedding, embedding.vectors, 6)
    assert (groups == shop.planted.item_group[:, None]).mean() > 0.8
