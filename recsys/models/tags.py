"""What shoppers of a kind want: the taste vector that attributes alone predict.

Ridge regression from one-hot attributes to the taste vectors of the training shoppers, so that correlated
attributes share what they explain. Values held by fewer than `least_shoppers` are left out: a vector must never
describe a recognisable person. Only the coefficients are kept.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.arrays import load_array, save_arrays
from recsys.types import Scalar
from recsys.vocabulary import Vocabulary

__all__ = ["TagConfig", "TagVectors"]

Vectors = npt.NDArray[np.float32]
Attributes = Mapping[str, Scalar]


_KINDS: Final = 2_000
"""Kinds of shoppers whose vectors are kept: half a megabyte."""


class TagConfig(BaseModel):
    """Which attribute values are learned, and how cautiously."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    least_shoppers: int = Field(default=10, ge=5)
    """Fewer shoppers of one value are not learned from (privacy and noise)."""
    shrinkage: float = Field(default=50.0, gt=0)
    """Ridge in shoppers: with this many, a value moves half as far as its mean says."""
    most_tags: int = Field(default=2_000, ge=1)
    """The most frequent values are kept."""


@dataclass(frozen=True)
class TagVectors:
    """Everybody's mean vector float32[d] and the shift float32[t, d] of each tag `name=value`."""

    tags: Vocabulary
    mean: Vectors
    shifts: Vectors

    @classmethod
    def fit(cls, attributes: Sequence[Attributes], vectors: Vectors, config: TagConfig) -> Self:
        """Learn from shoppers with taste vectors float32[s, d] and, aligned, their attributes (maybe empty)."""
        active = np.abs(vectors).sum(axis=1) > 0
        mean = vectors[active].mean(axis=0) if active.any() else np.zeros(vectors.shape[1], np.float32)
        rows = [tag_names(attributes[row]) for row in np.flatnonzero(active).tolist()]
        counts = Counter(name for row in rows for name in row)
        frequent = [name for name, count in counts.items() if count >= config.least_shoppers]
        frequent = sorted(frequent, key=lambda name: (-counts[name], name))[: config.most_tags]
        tags = Vocabulary(frequent)
        return cls(
            tags, mean.astype(np.float32), _ridge(rows, tags, vectors[active] - mean, config.shrinkage)
        )

    def vector(self, attributes: Attributes) -> Vectors | None:
        """The expected taste float32[d] of a shopper with these attributes; None when none of them is known.

        Shoppers of a kind share one array: only to be read.
        """
        return self._of_names(tuple(tag_names(attributes))) if attributes else None

    @cached_property
    def _of_names(self) -> Callable[[tuple[str, ...]], Vectors | None]:
        """The vector of tags; those asked for lately are kept."""

        def add_up(names: tuple[str, ...]) -> Vectors | None:
            codes = self.tags.encode(names)
            codes = codes[codes >= 0]
            return self.mean + self.shifts[codes].sum(axis=0) if len(codes) else None

        return lru_cache(_KINDS)(add_up)

    def save(self, folder: Path) -> None:
        """Write tags and coefficients."""
        self.tags.save(folder / "vocabulary")
        save_arrays(folder, mean=self.mean, shifts=self.shifts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        tags = Vocabulary.load(folder / "vocabulary")
        return cls(tags, load_array(folder, "mean"), load_array(folder, "shifts"))


def tag_names(attributes: Attributes) -> list[str]:
    """Attributes as `name=value` tags, in name order."""
    return [f"{name}={value}" for name, value in sorted(attributes.items())]


def _ridge(rows: Sequence[Sequence[str]], tags: Vocabulary, targets: Vectors, shrinkage: float) -> Vectors:
    """Coefficients float32[t, d] of targets float32[s, d] on one-hot rows."""
    codes = [tags.encode(row) for row in rows]
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in codes])
    flat = np.concatenate(codes) if codes else np.empty(0, np.int32)
    known = flat >= 0
    entries = (np.ones(int(known.sum()), np.float64), (owner[known], flat[known]))
    design = sparse.csr_array(entries, shape=(len(rows), len(tags)))
    left = (design.T @ design).toarray() + shrinkage * np.eye(len(tags))
    return np.linalg.solve(left, design.T @ targets).astype(np.float32)
