"""What `recsys tune` may change: for every source and the ranker the keys of its table, each within sane bounds.

Invariants: a key is the dotted name it has in a configuration file; both ends of a range are valid values; nothing
here makes a request cost more than `size = "large"` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from training.config import TrainingConfig

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = ["GROUPS", "Overrides", "Range", "applied", "draw", "groups"]

Overrides = Mapping[str, float | int]
"""Dotted key → value."""


@dataclass(frozen=True)
class Range:
    """Values from `low` to `high`, whole numbers where both are."""

    low: float
    high: float
    log: bool = False
    """Drawn evenly by magnitude."""

    def draw(self, trial: "Trial", key: str) -> float | int:
        """A value for one trial."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, log=self.log)
        # Four digits: nobody wants to read more, and no figure can tell them apart.
        return float(f"{trial.suggest_float(key, self.low, self.high, log=self.log):.4g}")


GROUPS: Final[Mapping[str, Mapping[str, Range]]] = {
    "sessions": {
        "model.sessions.half_life": Range(0.05, 4.0, log=True),
        "model.sessions.size_exponent": Range(0.0, 1.0),
        "model.sessions.match_exponent": Range(0.0, 1.0),
        "model.sessions.item_exponent": Range(0.0, 0.6),
        "model.sessions.seed_fade": Range(0.5, 20.0, log=True),
        "model.sessions.distance_fade": Range(0.5, 30.0, log=True),
        "model.sessions.backwards": Range(0.0, 1.0),
        "model.sessions.nearest": Range(50, 500, log=True),
        "model.sessions.bridge_share": Range(0.0, 0.5),
    },
    "als": {
        "model.als.embedding_size": Range(16, 128, log=True),
        "model.als.regularization": Range(0.01, 100.0, log=True),
        "model.als.alpha": Range(0.3, 40.0, log=True),
        "model.als.epochs": Range(5, 20),
    },
    "linked": {
        "model.linked.popularity": Range(0.0, 1.0),
        "model.linked.neighbours": Range(50, 200),
    },
    "covisitation": {
        "model.covisitation.half_life_days": Range(7.0, 730.0, log=True),
        "model.covisitation.shrinkage": Range(0.1, 100.0, log=True),
        "model.covisitation.distance": Range(0.3, 1.0),
        "model.covisitation.backward": Range(0.0, 1.0),
        "model.covisitation.lone": Range(0.1, 1.0),
    },
    "retrieval": {
        "model.retrieval.candidates.own": Range(10, 100),
        "model.retrieval.candidates.sessions": Range(20, 100),
        "model.retrieval.candidates.taste": Range(20, 100),
        "model.retrieval.candidates.together": Range(20, 100),
        "model.retrieval.candidates.linked": Range(20, 100),
        "model.retrieval.candidates.alike": Range(5, 60),
        "model.retrieval.candidates.trending": Range(10, 80),
        "model.retrieval.seeds": Range(5, 50),
        "model.retrieval.seed_decay": Range(0.3, 1.0),
    },
    "ranker": {
        "model.ranker.trees": Range(30, 100),
        "model.ranker.leaves": Range(6, 24),
        "model.ranker.learning_rate": Range(0.03, 0.3, log=True),
        "model.ranker.least_rows_in_leaf": Range(10, 400, log=True),
    },
    "blend": {
        "model.blend.weights.own": Range(0.1, 10.0, log=True),
        "model.blend.weights.taste": Range(0.03, 3.0, log=True),
        "model.blend.weights.together": Range(0.01, 1.0, log=True),
        "model.blend.weights.alike": Range(0.003, 0.3, log=True),
        "model.blend.weights.trending": Range(0.003, 0.3, log=True),
        "model.blend.trend_exponent": Range(0.0, 0.6),
    },
    "behaviour": {
        "model.behaviour.fading.days": Range(1.0, 180.0, log=True),
        "model.behaviour.fading.exponent": Range(0.1, 1.5),
    },
    "embedding": {
        "model.embedding.embedding_size": Range(24, 128, log=True),
        "model.embedding.content_strength": Range(0.5, 50.0, log=True),
    },
    "trending": {"model.trending.half_life_days": Range(1.0, 60.0, log=True)},
}
"""A trial changes one group and leaves the others at the best that is known, so that it refits one source only."""


def groups(config: TrainingConfig) -> tuple[str, ...]:
    """The groups that say something, in the order they are tried: a ranker makes the own-first weights idle."""
    idle = "blend" if config.model.ranker.enabled else "ranker"
    return tuple(name for name in GROUPS if name != idle)


def draw(trial: "Trial", group: str) -> dict[str, float | int]:
    """Values for every key of a group."""
    return {key: span.draw(trial, key) for key, span in GROUPS[group].items()}


def applied(config: TrainingConfig, overrides: Overrides) -> TrainingConfig:
    """The configuration with some keys changed."""
    values = config.model_dump(mode="json")
    for key, value in overrides.items():
        *tables, name = key.split(".")
        table: dict[str, Any] = values
        for part in tables:
            table = table[part]
        table[name] = value
    return TrainingConfig.model_validate(values)
