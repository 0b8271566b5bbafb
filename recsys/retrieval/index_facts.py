"""What an index is and how well it finds: decided when it is built, written beside it, read by whoever asks."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt

from recsys.arrays import load_json, save_json
from recsys.errors import ReleaseCorrupt

__all__ = ["DEPTH", "USUAL_DEPTH", "IndexFacts", "Kind", "Plan", "found_share", "questions_like"]

Vectors = npt.NDArray[np.float32]
Kind = Literal["flat", "ivf_sq8"]

DEPTH: Final = 100
"""The longer of the two list lengths that recall is measured for."""
USUAL_DEPTH: Final = 60
"""Items that a request asks for, if whoever builds the index does not say."""
_QUESTIONS: Final = 100
_SEEDS: Final = 8
_DECAY: Final = 0.8


@dataclass(frozen=True, kw_only=True)
class IndexFacts:
    """Plain values, saved as JSON. Recall is measured against the exact search on sampled queries; equal scores count
    as equal."""

    kind: Kind
    """`flat`: every vector, longest first, until none can be better; `ivf_sq8`: inverted lists, the nearest ones only.
    Both read bytes, and the vectors themselves where those leave it open."""
    items: int
    dimensions: int
    lists: int = 0
    """Inverted lists; 0 without."""
    probes: int = 0
    """Of those, how many a search for up to `depth` items looks into, without a filter."""
    deep_probes: int = 0
    """How many a search for 100 looks into; a deeper one more in proportion."""
    filtered_probes: int = 0
    """How many lists' worth of allowed items a search for up to `depth` behind a filter looks at."""
    deep_filtered_probes: int = 0
    """The same for 100."""
    target: float
    """The least recall it was built for."""
    depth: int
    """Items that a request usually asks for."""
    recall: float = 1.0
    """Of lists of `depth`, the lower one of those without and behind broad filters."""
    deep_recall: float = 1.0
    """The same of lists of 100."""
    compared: float
    """Mean number of vectors that one of those queries was compared with at `depth`, centres of lists included."""

    @property
    def recalls(self) -> tuple[float, float]:
        """Of lists of `depth` and of 100."""
        return self.recall, self.deep_recall

    def probes_for(self, k: int) -> tuple[int, int]:
        """Lists that a search for `k` items looks into, and lists' worth of allowed items behind a filter."""
        if k <= self.depth:
            return self.probes, self.filtered_probes
        times = max(1, -(-k // DEPTH))
        return self.deep_probes * times, self.deep_filtered_probes * times

    def save(self, folder: Path) -> None:
        """Write `facts.json`."""
        save_json(folder, "facts", asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; ReleaseCorrupt when it is not that."""
        values: Any = load_json(folder, "facts")
        try:
            return cls(**values)
        except TypeError as error:
            raise ReleaseCorrupt(f"'facts.json' in {folder.name!r} is not about an index: {error}") from error


@dataclass(frozen=True)
class Plan:
    """How one search goes."""

    search: Literal["exact", "flat", "ivf"]
    """`exact` compares with each allowed item; the others are the index as it was built."""
    share: float
    """Allowed items of all."""


def questions_like(vectors: Vectors, seed: int) -> Vectors:
    """Queries float32[100, d] as shoppers ask them: one to eight items, mixed by recency, long vectors more often."""
    generator = np.random.default_rng(seed)
    lengths = np.linalg.norm(vectors, axis=1).astype(np.float64)
    if not lengths.any():
        return np.zeros((0, vectors.shape[1]), np.float32)
    seeds = generator.choice(len(vectors), (_QUESTIONS, _SEEDS), p=lengths / lengths.sum())
    taken = np.arange(_SEEDS) < generator.integers(1, _SEEDS + 1, (_QUESTIONS, 1))
    weights = (_DECAY ** np.arange(_SEEDS) * taken).astype(np.float32)
    mixed: Vectors = np.einsum("qs,qsd->qd", weights / weights.sum(axis=1, keepdims=True), vectors[seeds])
    return mixed


def found_share(found: list[Vectors], exact: list[Vectors]) -> float:
    """Recall: of the best exact scores of each query, the share that was found; float32 rounding aside."""
    shares = [
        np.count_nonzero(scores >= best[-1] - 1e-5 * abs(float(best[-1]))) / len(best)
        for scores, best in zip(found, exact, strict=True)
        if len(best)
    ]
    return float(np.mean(np.minimum(shares, 1.0))) if shares else 1.0
