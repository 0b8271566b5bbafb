"""The columns of a text matrix: which n-grams and tokens are worth one, and how texts become weighted rows.

A text is one line of words, read by n-grams, and any number of further lines, each read as one exact token.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.models.ngrams import Grams, find_grams, gram_keys, unify

__all__ = ["Terms"]

Weights = NDArray[np.float32]


class Terms:
    """Known n-grams, then known tokens, each with its rarity weight (idf)."""

    def __init__(self, grams: Sequence[str], tokens: Sequence[str], idf: Weights) -> None:
        self.grams = tuple(grams)
        self.tokens = tuple(tokens)
        self.idf = idf
        """float32[number of n-grams + number of tokens]."""
        keys = gram_keys(self.grams)
        self._by_key = np.argsort(keys, kind="stable")
        self._keys = keys[self._by_key]
        self._token_columns = {token: len(self.grams) + i for i, token in enumerate(self.tokens)}

    @classmethod
    def choose(cls, texts: Sequence[str], *, most: int, least_texts: int) -> Self:
        """The `most` commonest n-grams and all tokens, save those in fewer than `least_texts` texts.

        idf = ln((1 + n) / (1 + texts with the term)) + 1.
        """
        heads, tails = _split(texts)
        grams, in_texts = _common_grams(find_grams(heads), most, least_texts)
        counts = Counter(token for tokens in tails for token in set(tokens))
        # Half a surrogate pair, which no file can hold, is not printable.
        tokens = sorted(
            token for token, count in counts.items() if count >= least_texts and token.isprintable()
        )
        having = np.concatenate([in_texts, [counts[token] for token in tokens]])
        idf = np.log((1.0 + len(texts)) / (1.0 + having)) + 1.0
        return cls(grams, tokens, idf.astype(np.float32))

    def __len__(self) -> int:
        return len(self.grams) + len(self.tokens)

    def matrix(self, texts: Sequence[str], token_weight: float) -> sparse.csr_matrix:
        """CSR float32[n, terms]: the n-grams of a row have length 1 together, its tokens `token_weight`."""
        heads, tails = _split(texts)
        rows, columns = self._gram_places(find_grams(heads))
        words = self._weighted(rows, columns, len(texts))
        rows, columns = self._token_places(tails)
        tokens = self._weighted(rows, columns, len(texts))
        return sparse.csr_matrix(words + tokens * np.float32(token_weight))

    def _gram_places(self, grams: Grams) -> tuple[NDArray[Any], NDArray[Any]]:
        if not len(self._keys):
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
        place = np.minimum(np.searchsorted(self._keys, grams.key), len(self._keys) - 1)
        known = self._keys[place] == grams.key
        return grams.row[known], self._by_key[place[known]]

    def _token_places(self, tails: Sequence[Sequence[str]]) -> tuple[NDArray[Any], NDArray[Any]]:
        columns = self._token_columns
        pairs = [
            (row, columns[token]) for row, tokens in enumerate(tails) for token in tokens if token in columns
        ]
        rows, places = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
        return rows, places

    def _weighted(self, rows: NDArray[Any], columns: NDArray[Any], count: int) -> sparse.csr_matrix:
        """Rows of (1 + ln tf) · idf, each scaled to length 1."""
        ones = np.ones(len(rows), dtype=np.float32)
        matrix = sparse.csr_matrix((ones, (rows, columns)), shape=(count, len(self)), dtype=np.float32)
        weights = (1.0 + np.log(matrix.data)) * self.idf[matrix.indices]
        owner = np.repeat(np.arange(count), np.diff(matrix.indptr))
        lengths = np.sqrt(np.bincount(owner, weights=weights * weights, minlength=count))
        matrix.data = (weights / lengths[owner]).astype(np.float32)
        return matrix


def _split(texts: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """First lines, and the unified tokens of the others."""
    lines = [text.split("\n") for text in texts]
    return [line[0] for line in lines], [[unify(token) for token in line[1:] if token] for line in lines]


def _common_grams(grams: Grams, most: int, least_texts: int) -> tuple[list[str], NDArray[Any]]:
    """The commonest n-grams, spelled, and in how many texts each is; ties by first occurrence."""
    _, first, code = np.unique(grams.key, return_index=True, return_inverse=True)
    pairs = np.unique(grams.row.astype(np.int64) * len(first) + code)
    in_texts = np.bincount(pairs % max(len(first), 1), minlength=len(first))
    ranked = np.lexsort((first, -in_texts))[:most]
    kept = ranked[in_texts[ranked] >= least_texts]
    starts, ends = grams.start[first[kept]], grams.start[first[kept]] + grams.size[first[kept]]
    return [grams.text[start:end] for start, end in zip(starts, ends, strict=True)], in_texts[kept]
