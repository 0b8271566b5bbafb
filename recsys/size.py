"""The one dial of a release: `small`, `medium` or `large` sets vectors, neighbours, candidates, trees and questions.

Invariants: `medium` changes nothing, so it is whatever the models' own defaults say; a key that somebody wrote wins
over the dial; what a release is trained and served with is the resolved configuration, never the word alone.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

__all__ = ["SIZES", "Size", "overrides", "with_size"]

Size = Literal["small", "medium", "large"]

SIZES: Final[Mapping[Size, Mapping[str, Mapping[str, int]]]] = {
    "small": {
        "als": {"embedding_size": 32},
        "embedding": {"embedding_size": 32},
        "sessions": {"sessions_per_item": 100, "nearest": 120, "entries": 2_000},
        "linked": {"neighbours": 50},
        "covisitation": {"neighbours": 50},
        "ranker": {"trees": 40, "leaves": 12, "queries": 3_000},
    },
    "medium": {},
    "large": {
        "als": {"embedding_size": 128},
        "embedding": {"embedding_size": 128},
        "sessions": {"sessions_per_item": 500, "nearest": 500, "entries": 8_000},
        "linked": {"neighbours": 200},
        "covisitation": {"neighbours": 200},
        "ranker": {"trees": 100, "leaves": 24, "queries": 12_000},
    },
}
_CANDIDATES: Final[Mapping[Size, float]] = {"small": 0.5, "medium": 1.0, "large": 5 / 3}
"""Candidates of every source relative to `medium`: at 5/3 of 60 each a union of sources stays below 300 items."""


def overrides(size: Size, candidates: Mapping[str, int]) -> dict[str, Any]:
    """The `[model]` keys that `size` sets, as nested tables; `candidates` are the medium ones by source."""
    if size == "medium":
        return {}
    scaled = {source: max(1, round(_CANDIDATES[size] * most)) for source, most in candidates.items()}
    tables = {name: dict(table) for name, table in SIZES[size].items()}
    return {**tables, "retrieval": {"candidates": scaled}}


def with_size(values: Any, candidates: Mapping[str, int]) -> Any:
    """What a `[model]` table says, completed by what its `size` sets; what is no table comes back as it is."""
    if not isinstance(values, Mapping) or values.get("size") not in SIZES:
        return values
    return _filled(values, overrides(values["size"], candidates))


def _filled(said: Mapping[str, Any], dial: Mapping[str, Any]) -> dict[str, Any]:
    """`said` with the keys of `dial` that it lacks, table by table and mapping by mapping: one key says nothing about
    those beside it. A model given as a value wins whole."""
    found = dict(said)
    for name, value in dial.items():
        if name not in found:
            found[name] = value
        elif isinstance(value, Mapping) and isinstance(found[name], Mapping):
            found[name] = _filled(found[name], value)
    return found
