"""Fits every model of a release but the ranker, into a folder: items only, no shopper in any file.

Order: values → ALS (whose shopper vectors teach the tag vectors and are dropped) → sessions → walks → co-visitation →
embedding → trending → item figures. Deterministic for one seed, input and machine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel
from scipy import sparse

from recsys.arrays import save_json
from recsys.catalogue import Catalogue
from recsys.config import ReleaseConfig
from recsys.errors import InputError
from recsys.interactions import Interactions
from recsys.models.als import Als
from recsys.models.covisitation import Covisitation
from recsys.models.embedding import ItemEmbedding
from recsys.models.item_stats import ItemStats
from recsys.models.linked import Linked
from recsys.models.repeats import Repeats
from recsys.models.sessions import Sessions
from recsys.models.tags import TagVectors
from recsys.models.trending import Trending
from recsys.retrieval.faiss_index import FaissIndex
from recsys.retrieval.questions import mixed_questions, taste_questions
from recsys.types import Item, Scalar
from recsys.weights import event_values

__all__ = [
    "ANEW",
    "SILENT",
    "Material",
    "Shelf",
    "Step",
    "fit_sources",
    "save_alike_index",
    "save_taste_index",
    "wants_anything",
]

Step = Callable[[str], AbstractContextManager[object]]
"""Called with a step's name around that step: progress and timing are the caller's."""

SILENT: Final[Step] = lambda _: nullcontext()  # noqa: E731

Make = Callable[[], None]
Shelf = Callable[[Path, tuple[str, ...], str, Make], None]
"""Called with a folder, the parts to be made in it, all they depend on, and what makes them: calls that, or puts equal
parts there that were made before."""

ANEW: Final[Shelf] = lambda _folder, _names, _about, make: make()  # noqa: E731


@dataclass(frozen=True)
class Material:
    """What a release is made of.

    `interactions.items` is the release's vocabulary: it must hold every item of `items` (an item without events
    belongs there too) and may hold ids that only events know.
    """

    interactions: Interactions
    items: Sequence[Item]
    attributes: Mapping[str, Mapping[str, Scalar]]
    """Shoppers' attributes by user id."""
    real_times: bool = True
    """False for a log whose times are made up: nothing may be split by time."""
    shelf: Shelf = ANEW
    """Where who fits one log many times keeps what does not change (`recsys tune`)."""


def fit_sources(
    material: Material, config: ReleaseConfig, folder: Path, *, seed: int, step: Step = SILENT
) -> None:
    """Write everything of a release but the ranker; InputError when no event says that a shopper wants an item."""
    interactions, items = material.interactions, material.items
    values = _values(interactions, config)
    with step("catalogue"):
        catalogue = Catalogue.build(items, interactions.items)
        catalogue.save(folder / "catalogue")
    rows = f"{len(interactions)} rows to {interactions.end}, items {interactions.items.digest}, seed {seed}"
    for text, names, tables, make in _parts(material, values, config, folder, seed):
        about = " ".join((rows, *(table.model_dump_json() for table in (config.behaviour, *tables))))
        material.shelf(folder, names, about, _timed(step, text, make))
    with step("trending"):
        Trending.fit(interactions, catalogue, config.behaviour, config.trending).save(folder / "trending")
    with step("item figures"):
        ItemStats.fit(interactions).save(folder / "item_stats")
        Repeats.fit(interactions, catalogue, config.repeats).save(folder / "repeats")
    save_json(folder, "known", {"until": interactions.end + 1})
    config.save(folder)


def _parts(
    material: Material, values: sparse.csr_matrix, config: ReleaseConfig, folder: Path, seed: int
) -> Iterator[tuple[str, tuple[str, ...], tuple[BaseModel, ...], Make]]:
    """(what is said, folders, tables besides `behaviour` that decide what comes out, what writes them)."""
    positive = _positive(material.interactions, values, config)

    def taste() -> None:
        _fit_taste(material, values, positive, config, folder, seed)

    def sessions() -> None:
        Sessions.fit(positive, config.sessions).save(folder / "sessions")

    def linked() -> None:
        Linked.fit(values, config.linked).save(folder / "linked")

    def together() -> None:
        Covisitation.fit(positive, config.covisitation).save(folder / "covisitation")

    def alike() -> None:
        _fit_embedding(material, positive, config, folder, seed)

    yield "taste and tag vectors (ALS)", ("als", "tags"), (config.als, config.tags), taste
    yield "session neighbours", ("sessions",), (config.sessions,), sessions
    yield "linked items (walks)", ("linked",), (config.linked,), linked
    yield "met together (co-visitation)", ("covisitation",), (config.covisitation,), together
    yield "item embeddings", ("embedding",), (config.covisitation, config.embedding), alike


def _timed(step: Step, text: str, make: Make) -> Make:
    def timed() -> None:
        with step(text):
            make()

    return timed


def _fit_taste(
    material: Material,
    values: sparse.csr_matrix,
    positive: Interactions,
    config: ReleaseConfig,
    folder: Path,
    seed: int,
) -> None:
    # Who has no row yet must not move the random start of the others.
    active = np.flatnonzero(np.diff(values.indptr))
    als, shoppers = Als.fit(values[active], config.als, seed)
    als.save(folder / "als")
    save_taste_index(als, positive, config, folder, seed)
    known = [material.attributes.get(user, {}) for user in material.interactions.users.decode(active)]
    TagVectors.fit(known, shoppers, config.tags).save(folder / "tags")


def _fit_embedding(
    material: Material, positive: Interactions, config: ReleaseConfig, folder: Path, seed: int
) -> None:
    together = Covisitation.load(folder / "covisitation")
    items = _in_code_order(material.items, material.interactions)
    embedding = ItemEmbedding.fit(together, items, config.embedding, seed)
    embedding.save(folder / "embedding")
    save_alike_index(embedding.vectors, positive, config, folder, seed)


def wants_anything(interactions: Interactions, config: ReleaseConfig) -> bool:
    """Whether some event says that a shopper wants an item and none took it back: else there is nothing to fit."""
    return _net(interactions, config).nnz > 0


def _values(interactions: Interactions, config: ReleaseConfig) -> sparse.csr_matrix:
    """Net decayed value of each shopper-item pair, positive ones only."""
    matrix = _net(interactions, config)
    if not matrix.nnz:
        raise InputError(
            "no event says that a shopper wants an item; a model needs views, clicks, carts or purchases"
        )
    return matrix


def _net(interactions: Interactions, config: ReleaseConfig) -> sparse.csr_matrix:
    values = event_values(interactions.type, interactions.time, interactions.end, config.behaviour)
    matrix = interactions.user_items(values)
    matrix.data = np.maximum(matrix.data, 0)
    matrix.eliminate_zeros()
    return matrix


def _positive(interactions: Interactions, values: sparse.csr_matrix, config: ReleaseConfig) -> Interactions:
    """Positive events of pairs whose net value is positive."""
    strength = config.behaviour.table()[interactions.type]
    net = np.asarray(values[interactions.user, interactions.item]).ravel()
    return interactions.where((strength > 0) & (net > 0))


def _in_code_order(items: Sequence[Item], interactions: Interactions) -> list[Item]:
    by_id = {item.item_id: item for item in items}
    return [by_id.get(item_id, Item(item_id=item_id)) for item_id in interactions.items.ids]


def save_taste_index(als: Als, log: Interactions, config: ReleaseConfig, folder: Path, seed: int) -> None:
    """Index item factors in a release's folder, judged by shoppers of a log."""
    asked = taste_questions(log, als.fold_in, als.item_factors.shape[1], seed)
    depth = config.retrieval.proposals("taste", 1)
    FaissIndex.build(als.item_factors, asked=asked, depth=depth, seed=seed).save(folder / "als" / "index")


def save_alike_index(
    vectors: np.typing.NDArray[np.float32], log: Interactions, config: ReleaseConfig, folder: Path, seed: int
) -> None:
    """Index item embeddings in a release's folder, judged by the latest items of a log's shoppers."""
    retrieval = config.retrieval
    asked = mixed_questions(log, vectors, retrieval.seeds, retrieval.seed_decay, seed)
    depth = retrieval.proposals("alike", 1)
    FaissIndex.build(vectors, asked=asked, depth=depth, seed=seed).save(folder / "embedding" / "index")
