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
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from recsys.config import ReleaseConfig
from recsys.config_files import config_path
from recsys.errors import ConfigError

__all__ = [
    "METRIC_NAMES",
    "EvaluationConfig",
    "GateConfig",
    "SplitConfig",
    "TrackingConfig",
    "TrainingConfig",
    "default_toml",
    "load_config",
]

DEFAULT: Final = "default.toml"
METRIC_NAMES: Final = ("ndcg", "recall", "mrr", "hr")
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
    """What is measured, and on how many shoppers."""

    k: tuple[Annotated[int, Field(ge=1, le=200)], ...] = (10, 20)
    """List lengths; the last is the one that decides."""
    most_queries: int = Field(default=20_000, ge=2)
    """Shoppers asked at most, drawn by `seed`; all of them where there are fewer."""
    resamples: int = Field(default=1_000, ge=100)
    """Bootstrap resamples over shoppers behind every interval."""
    baselines: bool = True
    """Measure popularity, own items by frequency and ALS with default settings on the same queries."""


class GateConfig(_Table):
    """What refuses a promotion."""

    metric: str = "ndcg@20"
    """The figure a challenger must not lose significantly, on all items and on new ones."""
    data_checks: bool = True
    """A data check that FAILs refuses the promotion."""


class TrackingConfig(_Table):
    """Names under which MLflow keeps runs and versions."""

    experiment: str = "recsys"
    """Experiment of the runs."""
    registered_model: str = "recsys"
    """Registered model whose versions are the releases."""


class TrainingConfig(_Table):
    """Everything `recsys train` reads from its TOML file."""

    seed: int = Field(default=0, ge=0)
    """Seed of every random choice in the run."""
    split: SplitConfig = SplitConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    gate: GateConfig = GateConfig()
    tracking: TrackingConfig = TrackingConfig()
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
            yield f"{name} = {_value(value)}"
    for name, table in nested.items():
        dotted = f"{path}.{name}" if path else name
        yield ""
        yield from _comment(type(table).__doc__)
        yield f"[{dotted}]"
        yield from _table(table, dotted)


def _comment(text: str | None) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join((text or "").split()), 106)]


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(held)}" for name, held in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(default_toml())
