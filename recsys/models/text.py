"""Vectors of item texts: weighted n-grams and tokens, folded to a few dimensions.

Invariants: a vector has length 1, or is zero when nothing in the text is known; the same texts and seed give
the same model; a fitted model needs numpy and scipy only. Latent semantic indexing: Deerwester et al.,
Indexing by latent semantic analysis, JASIS 41(6), 1990, pp. 391-407.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy import sparse

from recsys.arrays import load_array, load_json, save_arrays, save_json
from recsys.errors import InputError, ReleaseCorrupt
from recsys.models.terms import Terms
from recsys.types import Item

__all__ = ["TextConfig", "TextModel", "describe"]

Vectors = NDArray[np.float32]

_TEXTS_AT_ONCE: Final = 8_192
_NOTHING: Final = 1e-6


class TextConfig(BaseModel):
    """Parameters of the text model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedding_size: int = Field(default=64, ge=1, le=512)
    """Length of the vectors."""
    most_grams: int = Field(default=50_000, ge=1)
    """The n-grams kept: those that most texts have."""
    least_texts: int = Field(default=2, ge=1)
    """A term in fewer texts says nothing about likeness."""
    token_weight: float = Field(default=0.7, gt=0)
    """Weight of the tokens (category, brand, tags) beside the words' 1."""
    sample_size: int = Field(default=15_000, ge=1)
    """Texts read while fitting: a bound on time and memory, whatever the catalogue."""
    epochs: int = Field(default=4, ge=0)
    """Power iterations of the randomized decomposition."""


def describe(item: Item) -> str:
    """The text of an item: its titles in one line, then one exact token a line.

    Tokens are each level of the category path, the brand and the tags, so that a category agrees as a whole.
    """
    titles = [title for _, title in sorted(item.titles.items())]
    levels = [level.strip() for level in item.category.split(">")] if item.category else []
    tokens = [f"category={' > '.join(levels[: depth + 1])}" for depth in range(len(levels))]
    tokens += [f"brand={item.brand}"] if item.brand else []
    tokens += [f"tag={tag}" for tag in sorted(item.tags)]
    return "\n".join(" ".join(line.split()) for line in [" ".join(titles), *tokens])


class TextModel:
    """A fitted text model; `fit` or `load` makes one."""

    def __init__(self, config: TextConfig, terms: Terms, components: Vectors) -> None:
        self.config = config
        self.terms = terms
        self.components = components
        """float32[terms, embedding_size]: right singular vectors of the text matrix."""

    @classmethod
    def fit(cls, texts: Sequence[str], seed: int, config: TextConfig | None = None) -> Self:
        """Learn from texts as `describe` writes them: words in the first line, one exact token in each other.

        Raises InputError when there is no text.
        """
        if not texts:
            raise InputError("there are no texts to fit a text model on; import items first")
        config = config or TextConfig()
        if len(texts) > config.sample_size:
            chosen = np.random.default_rng(seed).choice(len(texts), config.sample_size, replace=False)
            texts = [texts[row] for row in np.sort(chosen)]
        terms = Terms.choose(texts, most=config.most_grams, least_texts=config.least_texts)
        return cls(config, terms, _decompose(terms.matrix(texts, config.token_weight), config, seed))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors float32[n, embedding_size], of length 1 or zero; about a millisecond for one new title."""
        blocks = range(0, len(texts), _TEXTS_AT_ONCE)
        parts = [self._encode_block(texts[start : start + _TEXTS_AT_ONCE]) for start in blocks]
        return np.concatenate(parts) if parts else np.zeros((0, self.config.embedding_size), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write `vocabulary.json`, `idf.npy` and `svd.npy` into `folder`."""
        parts = {"config": self.config.model_dump(), "grams": self.terms.grams, "tokens": self.terms.tokens}
        save_json(folder, "vocabulary", parts)
        save_arrays(folder, idf=self.terms.idf, svd=self.components)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, arrays mapped; raises ReleaseCorrupt when the parts do not fit together."""
        parts, idf, svd = (
            load_json(folder, "vocabulary"),
            load_array(folder, "idf"),
            load_array(folder, "svd"),
        )
        try:
            config = TextConfig.model_validate(parts["config"])
            terms = Terms(parts["grams"], parts["tokens"], idf)
        except (KeyError, TypeError, ValidationError) as error:
            raise ReleaseCorrupt(f"the text model in {folder.name!r} is malformed: {error}") from error
        if idf.shape != (len(terms),) or svd.shape != (len(terms), config.embedding_size):
            raise ReleaseCorrupt(f"the arrays of the text model in {folder.name!r} do not fit its vocabulary")
        return cls(config, terms, svd)

    def _encode_block(self, texts: Sequence[str]) -> Vectors:
        vectors: Vectors = self.terms.matrix(texts, self.config.token_weight) @ self.components
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.where(lengths > _NOTHING, vectors / np.maximum(lengths, _NOTHING), np.float32(0.0))


def _decompose(matrix: sparse.csr_matrix, config: TextConfig, seed: int) -> Vectors:
    """Right singular vectors float32[terms, embedding_size], zero beyond the rank of the matrix.

    Randomized: Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53(2), 2011,
    pp. 217-288.
    """
    components = np.zeros((matrix.shape[1], config.embedding_size), dtype=np.float32)
    rank = min(config.embedding_size, *matrix.shape)
    if rank:
        from sklearn.utils.extmath import randomized_svd  # slow to import, and serving never fits

        _, _, right = randomized_svd(matrix, rank, n_iter=config.epochs, random_state=seed)
        components[:, :rank] = right.T
    return components
