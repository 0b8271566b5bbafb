"""Where an item stands among the vectors of a release once its words changed, or when it was born after the release.

A newborn has the vector its words give it, as an item without events had when the release was fitted. Of an item whose
words changed only the part of its vector that came from words moves: fitting mixes `share · behaviour + (1 - share) ·
words` and scales to length 1, so with the old words at hand the length is the root of a quadratic equation.

A newborn's first events move it as fitting would: towards what it is met with, the more the more often it is met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.models.embedding import ItemEmbedding
from recsys.types import Item

__all__ = ["Met", "Placing", "same_words"]

Vectors = npt.NDArray[np.float32]


def same_words(one: Item, other: Item) -> bool:
    """Whether two versions of an item say the same where a vector reads: tags come and go with every campaign."""
    return (one.titles, one.category, one.brand) == (other.titles, other.category, other.brand)


@dataclass(frozen=True)
class Placing:
    """Makes vectors as the release's own embedding does."""

    embedding: ItemEmbedding
    """`vectors: float32[n, d]` as released."""
    strength: float
    """Neighbours' worth of behaviour at which content and behaviour weigh the same (`EmbeddingConfig`)."""

    def newborn(self, items: Sequence[Item]) -> Vectors:
        """Vectors float32[m, d] of length 1, or 0 where no word is known."""
        return self.embedding.encode(items)

    def reworded(
        self, codes: npt.NDArray[np.int32], before: Sequence[Item], after: Sequence[Item], neighbours: Vectors
    ) -> Vectors:
        """Vectors float32[m, d] of released items; `neighbours: float32[m]` says how much behaviour each has.

        `before` are the items as the release knew them. A release tells how many neighbours an item lists and not how
        many list it, so behaviour counts a little less here than in fitting.
        """
        both = self.embedding.encode([*before, *after])
        old, new = both[: len(before)], both[len(before) :]
        share = (neighbours / (neighbours + self.strength))[:, None].astype(np.float32)
        vectors = self.embedding.vectors[codes]
        moved = _length(vectors, old, share) * vectors + (1 - share) * (new - old)
        return _unit(moved.astype(np.float32))


@dataclass(frozen=True)
class Met:
    """A newborn's words and whom it was met with so far."""

    words: Vectors
    """float32[d]"""
    company: Vectors | float = 0.0
    """float32[d]: sum of the mean directions of each shopper's other items."""
    shoppers: int = 0

    def and_with(self, others: Vectors) -> "Met":
        """One shopper more, with `others: float32[m, d]` of the same session."""
        mean = others.mean(axis=0)
        mean /= max(float(np.linalg.norm(mean)), 1e-12)
        return Met(self.words, self.company + mean, self.shoppers + 1)

    def vector(self, strength: float) -> Vectors:
        """float32[d] of length 1: words and company weigh the same at `strength` shoppers."""
        company = np.asarray(self.company, np.float32) * np.ones_like(self.words)
        mean = company / max(float(np.linalg.norm(company)), 1e-12)
        share = self.shoppers / (self.shoppers + strength)
        vector: Vectors = _unit((share * mean + (1 - share) * self.words)[None, :].astype(np.float32))[0]
        return vector


def _length(vectors: Vectors, words: Vectors, share: Vectors) -> Vectors:
    """Length [m, 1] of the mixture before it was scaled: |length · vector - (1 - share) · words| = share."""
    part = (1 - share) * (vectors * words).sum(axis=1, keepdims=True)
    rest = (1 - share) ** 2 * (words * words).sum(axis=1, keepdims=True) - share**2
    length: Vectors = part + np.sqrt(np.maximum(part * part - rest, 0))
    return length


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
