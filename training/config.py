"""The configuration of a training run: one TOML file, read into frozen models that refuse unknown names.

Product choices only; addresses and secrets are settings of the environment. The whole of it goes into the
manifest of the release, so a release says how it was made. A parameter is written once, here or in its model;
the shipped file is made of the same: python -m training.config > configs/default.toml
"""

import json
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from recsys.config import ReleaseConfig
from recsys.config_files import config_path
from recsys.errors import ConfigError
from recsys.types import POSITIVE_TYPES

__all__ = [
    "METRIC_NAMES",
    "EvaluationConfig",
    "GateConfig",
    "ImpressionsConfig",
    "SplitConfig",
    "TrackingConfig",
    "TrainingConfig",
    "TuningConfig",
    "default_toml",
    "flatten",
    "load_config",
    "toml_value",
]

DEFAULT: Final = "default.toml"
METRIC_NAMES: Final = ("ndcg", "recall", "mrr", "hr", "map")
_WINDOWS: Final[Mapping[str, float]] = {
    "view": 24.0,
    "click": 24.0,
    "favorite": 24.0,
    "cart": 72.0,
    "purchase": 168.0,
}
_HEAD: Final = """\
# What `recsys train` does unless a shop passes its own file: recsys train --config my-shop.toml
# A file of your own needs only the keys it changes.
# Written by: python -m training.config > configs/default.toml
"""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SplitConfig(_Table):
    """Where the log is cut for the evaluation."""

    test_days: float = Field(default=28, gt=0, le=365)
    """Days at the end of the log that are asked about."""
    largest_share: float = Field(default=0.25, gt=0, lt=1)
    """The window never takes more than this share of the log's length."""
    least_shoppers: int = Field(default=20, ge=2)
    """Fewer shoppers than this on both sides of the cut cannot carry an evaluation."""


class EvaluationConfig(_Table):
    """What is asked and measured, and on how many shoppers."""

    protocol: Literal["auto", "frozen", "next", "split"] = "auto"
    """Who asks: frozen = every shopper once at the cut, next = every event of the window from what was before it,
    split = by order for logs of made-up times; auto = frozen where times are real, else split."""
    touched: bool = False
    """In the frozen protocol also ask for everything a shopper touched in the window, not only the strongest."""
    k: tuple[Annotated[int, Field(ge=1, le=200)], ...] = (10, 20)
    """List lengths; the last is the one that decides."""
    most_queries: int = Field(default=20_000, ge=2)
    """Questions asked at most, of shoppers drawn by `seed`; all of them where there are fewer."""
    queries_per_shopper: int = Field(default=20, ge=1)
    """Live questions (`--protocol next`) of one shopper at most, spread evenly over the window."""
    resamples: int = Field(default=1_000, ge=100)
    """Bootstrap resamples over shoppers behind every interval."""
    baselines: bool = True
    """Measure popularity, own items, ALS with default settings and own-first with neighbours beside the release."""


class GateConfig(_Table):
    """What refuses a promotion."""

    metric: str = "ndcg@20"
    """The figure a challenger must not lose significantly: on all items, on new ones, on a protected slice."""
    protected: tuple[str, ...] = ("*",)
    """Slices of shoppers that must not fall; `*` stands for any letters, an empty list protects none."""
    least_shoppers: int = Field(default=30, ge=2)
    """With fewer on all items nothing can be compared; on new items, or in a slice, fewer are shown and decide
    nothing."""
    significance: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance, over all slices together, of refusing a release that is worse on none of them."""
    coverage_floor: float = Field(default=0.5, ge=0, le=1)
    """Share of the champion's catalogue coverage that must be kept; 0 = never refuse for it."""
    latency_ratio: float = Field(default=2.0, gt=0)
    """A list may cost at most so many times the champion's CPU time."""
    size_ratio: float = Field(default=2.0, gt=0)
    """A release may be at most so many times the champion's size on disk."""
    data_checks: bool = True
    """A data check that FAILs refuses the promotion."""


class ImpressionsConfig(_Table):
    """What is learned from lists that shoppers have seen, once a shop logs `impression` events."""

    enabled: bool = True
    """Learn from them where there are enough; false learns from next events only."""
    days: float = Field(default=90, gt=0, le=365)
    """Lists served within so many days before the end of the log count."""
    hours: Mapping[str, float] = _WINDOWS
    """An event is owed to the item's last sighting if that was at most so many hours before, by event type; types
    that are not named say nothing."""
    least_lists: int = Field(default=300, ge=20)
    """Fewer lists with a wanted and an unwanted seen item than this do not teach yet."""
    most_lists: int = Field(default=20_000, ge=100)
    """The latest so many seen lists are read."""
    weight: float = Field(default=1.0, gt=0, le=100)
    """What such a list counts relative to a question made from the log."""

    @field_validator("hours")
    @classmethod
    def _events_say_that_an_item_is_wanted(cls, hours: Mapping[str, float]) -> Mapping[str, float]:
        known = sorted(kind.value for kind in POSITIVE_TYPES)
        for name, value in hours.items():
            if name not in known or value <= 0:
                raise ValueError(f"{name} = {value!r}: name one of {', '.join(known)} and hours above 0")
        return hours


class TrackingConfig(_Table):
    """Names under which MLflow keeps runs and versions."""

    experiment: str = "recsys"
    """Experiment of the runs."""
    registered_model: str = "recsys"
    """Registered model whose versions are the releases."""


class TuningConfig(_Table):
    """What `recsys tune` asks of a trial."""

    queries: int = Field(default=2_000, ge=20)
    """Questions of each protocol at most, of shoppers drawn by `seed`."""
    new_weight: float = Field(default=1.0, ge=0)
    """What a point of NDCG on new items counts, relative to one on all items."""


class TrainingConfig(_Table):
    """Everything `recsys train` reads from its TOML file."""

    seed: int = Field(default=0, ge=0)
    """Seed of every random choice in the run."""
    split: SplitConfig = SplitConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    gate: GateConfig = GateConfig()
    impressions: ImpressionsConfig = ImpressionsConfig()
    tracking: TrackingConfig = TrackingConfig()
    tuning: TuningConfig = TuningConfig()
    model: ReleaseConfig = ReleaseConfig()
    """Parameters of the models and the pipeline."""

    @model_validator(mode="after")
    def _gate_weighs_a_measured_figure(self) -> Self:
        measured = [f"{name}@{k}" for name in METRIC_NAMES for k in self.evaluation.k]
        if self.gate.metric not in measured:
            raise ValueError(
                f"gate.metric {self.gate.metric!r} is not measured; choose one of {', '.join(measured)}"
            )
        return self

    def asking(self, protocol: Literal["auto", "frozen", "next", "split"], *, touched: bool) -> Self:
        """The same with another protocol (`auto`: the one it has), and with or without the part `touched`."""
        chosen = self.evaluation.protocol if protocol == "auto" else protocol
        evaluation = self.evaluation.model_copy(update={"protocol": chosen, "touched": touched})
        return self.model_copy(update={"evaluation": evaluation})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises ConfigError naming the file, the key and the value that is wrong.
        """
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(
                f"cannot read the configuration {str(path)!r}: {error.strerror or error}"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{str(path)!r} is not TOML: {error}") from None
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{path.name}: " + "; ".join(map(_complaint, error.errors()))) from None


def load_config(path: Path | None) -> TrainingConfig:
    """Read the file at `path`, or the one the product ships."""
    return TrainingConfig.read(path or config_path(DEFAULT))


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables as dotted names: `{"a": {"b": 1}}` → `{"a.b": 1}`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        dotted = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Mapping):
            flat |= flatten(value, dotted)
        else:
            flat[dotted] = value
    return flat


def _complaint(error: Any) -> str:
    key = ".".join(map(str, error["loc"]))
    if not key:
        return str(error["msg"].removeprefix("Value error, "))
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    return f"{key} = {error['input']!r}: {error['msg'].removeprefix('Value error, ')}"


def default_toml() -> str:
    """The text of the shipped file: every key, its default, its docstring as comment."""
    return _HEAD + "\n" + "\n".join(_table(TrainingConfig(), "")) + "\n"


def _table(model: BaseModel, path: str) -> Iterator[str]:
    """The model's own keys, then its tables under their dotted names."""
    fields = type(model).model_fields
    nested = {name: value for name, value in model if isinstance(value, BaseModel)}
    for name, value in model:
        if name not in nested:
            yield from _comment(fields[name].description)
            # TOML knows no null: a key that is not set stands as a comment.
            yield f"# {name} =" if value is None else f"{name} = {toml_value(value)}"
    for name, table in nested.items():
        dotted = f"{path}.{name}" if path else name
        yield ""
        yield from _comment(type(table).__doc__)
        yield f"[{dotted}]"
        yield from _table(table, dotted)


def _comment(text: str | None) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join((text or "").split()), 106)]


def toml_value(value: object) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {toml_value(held)}" for name, held in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(default_toml())
