"""Item vectors from what items are met with and from what they say, so that an item without events has one too.

Behaviour part: truncated SVD of the damped co-visitation weights, the closed form that skip-gram on sessions
approximates (Levy and Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014, section 3).
Content part: text and category vectors, mapped onto the behaviour space by ridge regression over the items that
have both. Each item's vector mixes the two by how much behaviour it has; length 1, so products are cosines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.arrays import load_array, save_arrays
from recsys.models.covisitation import Covisitation
from recsys.models.text import TextModel, describe
from recsys.types import Item

__all__ = ["EmbeddingConfig", "ItemEmbedding"]

Vectors = npt.NDArray[np.float32]

_RIDGE: Final = 1e-2
"""Per warm item, relative to unit vectors: enough to keep rare words from exploding."""


class EmbeddingConfig(BaseModel):
    """Parameters of the vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedding_size: int = Field(default=64, ge=2, le=512)
    """Length of the vectors."""
    content_strength: float = Field(default=5.0, gt=0)
    """Neighbours' worth of behaviour at which content and behaviour weigh the same."""


@dataclass(frozen=True)
class ItemEmbedding:
    """Unit vectors float32[n, d] of the catalogue, and what is needed to place an item born later."""

    vectors: Vectors
    text: TextModel
    projection: Vectors
    """float32[text size, d]: from a text vector to the behaviour space."""

    @classmethod
    def fit(cls, neighbours: Covisitation, items: Sequence[Item], config: EmbeddingConfig, seed: int) -> Self:
        """Learn from neighbour lists over the same n items, in code order."""
        texts = [describe(item) for item in items]
        text = TextModel.fit(texts, seed)
        content = text.encode(texts)
        behaviour, evidence = _behaviour_vectors(neighbours, config.embedding_size, seed)
        projection = _ridge(content, behaviour, evidence)
        share = (evidence / (evidence + config.content_strength))[:, None]
        mixed = share * behaviour + (1.0 - share) * _unit(content @ projection)
        return cls(_unit(mixed.astype(np.float32)), text, projection)

    def encode(self, items: Sequence[Item]) -> Vectors:
        """Unit vectors float32[m, d] of items without events, from their words alone."""
        return _unit(self.text.encode([describe(item) for item in items]) @ self.projection)

    def save(self, folder: Path) -> None:
        """Write what placing a new item needs; the vectors themselves live in their index."""
        self.text.save(folder / "text")
        save_arrays(folder, projection=self.projection)

    @classmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Map what `save` wrote beside the index that holds the vectors."""
        return cls(vectors, TextModel.load(folder / "text"), load_array(folder, "projection"))


def _behaviour_vectors(
    neighbours: Covisitation, size: int, seed: int
) -> tuple[Vectors, npt.NDArray[np.float32]]:
    """Unit vectors float32[n, d] (0 without neighbours) and each item's number of neighbours float32[n]."""
    from sklearn.utils.extmath import randomized_svd  # only training pays for this import

    n = len(neighbours)
    damped = np.sqrt(neighbours.weights)
    lists = sparse.csr_array((damped, neighbours.indices, neighbours.indptr), shape=(n, n))
    symmetric = sparse.csr_array(lists.maximum(lists.T))
    evidence = np.diff(symmetric.indptr).astype(np.float32)
    rank = min(size, n - 1)
    if not symmetric.nnz or rank < 1:
        return np.zeros((n, size), np.float32), evidence
    left, values, _ = randomized_svd(symmetric, rank, n_iter=4, random_state=seed)
    vectors = np.zeros((n, size), np.float32)
    vectors[:, :rank] = left * np.sqrt(values)
    return _unit(vectors), evidence


def _ridge(content: Vectors, behaviour: Vectors, evidence: npt.NDArray[np.float32]) -> Vectors:
    """Map float32[t, d] from content to behaviour; the identity, as far as it fits, when nothing is warm."""
    warm = evidence > 0
    if not warm.any():
        return np.eye(content.shape[1], behaviour.shape[1], dtype=np.float32)
    known = content[warm]
    left = (
        known.T @ known + _RIDGE * warm.sum() * np.eye(content.shape[1], dtype=np.float32) / content.shape[1]
    )
    return np.linalg.solve(left, known.T @ behaviour[warm]).astype(np.float32)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
