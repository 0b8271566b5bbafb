"""Fit every model of a release and write it into a folder: items only, no shopper in any file.

Order: values → ALS (whose shopper vectors teach the tag vectors and are dropped) → covisitation → embedding →
trending. Deterministic for one seed, input and machine.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

import numpy as np
from scipy import sparse

from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.interactions import Interactions
from recsys.models.als import Als
from recsys.models.covisitation import Covisitation
from recsys.models.embedding import ItemEmbedding
from recsys.models.tags import TagVectors
from recsys.models.trending import Trending
from recsys.retrieval.faiss_index import FaissIndex
from recsys.types import Item, Scalar
from recsys.weights import event_values

__all__ = ["Step", "fit_release"]

Step = Callable[[str], AbstractContextManager[object]]
"""Called with a step's name around that step: progress and timing are the caller's."""

_SILENT: Final[Step] = lambda _: nullcontext()  # noqa: E731


def fit_release(
    interactions: Interactions,
    items: Sequence[Item],
    attributes: Mapping[str, Mapping[str, Scalar]],
    config: ReleaseConfig,
    folder: Path,
    *,
    seed: int,
    step: Step = _SILENT,
) -> None:
    """Write a release's payload; `recsys.release.seal` makes it a release.

    `interactions.items` is the release's vocabulary: it must hold every item of `items` (an item without events
    belongs there too) and may hold ids that only events know. `attributes` are shoppers' attributes by user id.
    Raises InputError when there is no item or no positive interaction to learn from.
    """
    _require(interactions, items)
    values = _values(interactions, config)
    with step("catalogue"):
        catalogue = Catalogue.build(items, interactions.items)
        catalogue.save(folder / "catalogue")
    with step("taste vectors (ALS)"):
        als, shoppers = Als.fit(values, config.als, seed)
        als.save(folder / "als")
        _save_index(als.item_factors, folder / "als" / "index", seed)
    with step("tag vectors"):
        known = [attributes.get(user, {}) for user in interactions.users.ids]
        TagVectors.fit(known, shoppers, config.tags).save(folder / "tags")
    with step("met together (co-visitation)"):
        together = Covisitation.fit(_positive(interactions, values, config), config.covisitation)
        together.save(folder / "covisitation")
    with step("item embeddings"):
        embedding = ItemEmbedding.fit(together, _in_code_order(items, interactions), config.embedding, seed)
        embedding.save(folder / "embedding")
        _save_index(embedding.vectors, folder / "embedding" / "index", seed)
    with step("trending"):
        Trending.fit(interactions, catalogue, config.behaviour, config.trending).save(folder / "trending")
    config.save(folder)


def _require(interactions: Interactions, items: Sequence[Item]) -> None:
    if not items:
        raise InputError("there is no item to recommend; import items first: recsys data ingest --items FILE")
    if not len(interactions):
        raise InputError(
            "there is no event to learn from; import events first: recsys data ingest --events FILE"
        )


def _values(interactions: Interactions, config: ReleaseConfig) -> sparse.csr_matrix:
    """Net decayed value of each shopper-item pair, positive ones only."""
    values = event_values(interactions.type, interactions.time, interactions.end, config.behaviour)
    matrix = interactions.user_items(values)
    matrix.data = np.maximum(matrix.data, 0)
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise InputError(
            "no event says that a shopper wants an item; a model needs views, clicks, carts or purchases"
        )
    return matrix


def _positive(interactions: Interactions, values: sparse.csr_matrix, config: ReleaseConfig) -> Interactions:
    """Positive events of pairs whose net value is positive."""
    strength = config.behaviour.table()[interactions.type]
    net = np.asarray(values[interactions.user, interactions.item]).ravel()
    return interactions.where((strength > 0) & (net > 0))


def _in_code_order(items: Sequence[Item], interactions: Interactions) -> list[Item]:
    by_id = {item.item_id: item for item in items}
    return [by_id.get(item_id, Item(item_id=item_id)) for item_id in interactions.items.ids]


def _save_index(vectors: np.typing.NDArray[np.float32], folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    FaissIndex.build(vectors, seed=seed).save(folder)
