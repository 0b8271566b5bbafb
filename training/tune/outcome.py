"""What a search leaves behind: a configuration file with the keys that differ, and nested runs in MLflow."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from training.config import TrainingConfig, flatten, toml_value
from training.tracking import RunRecord, connect, record_nested
from training.tune.study import Done

__all__ = ["changed_keys", "changed_toml", "digest", "track_study"]


def changed_toml(config: TrainingConfig, head: Sequence[str] = ()) -> str:
    """A file for `recsys train --config` that holds only what differs from the defaults; `head` as comments."""
    return "\n".join((*(f"# {line}" for line in head), *_changed(config, TrainingConfig(), ""))) + "\n"


def changed_keys(old: TrainingConfig, new: TrainingConfig) -> dict[str, tuple[object, object]]:
    """Dotted key → (old, new) of every value that differs."""
    before, after = flatten(old.model_dump(mode="json")), flatten(new.model_dump(mode="json"))
    return {key: (before.get(key), value) for key, value in after.items() if before.get(key) != value}


def digest(config: TrainingConfig) -> str:
    """Short digest of what decides a trial's figure."""
    tables = {"seed", "split", "evaluation", "impressions", "tuning", "model"}
    deciding = config.model_dump(mode="json", include=tables)
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:8]


def track_study(
    home: Path, experiment: str, study: str, made: Sequence[Done], best: Done, file: Path
) -> None:
    """A run for this call with a nested run per trial it made; raises TrackingAwayError."""
    tags = {"study": study}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(file, folder)
        parent = RunRecord(
            name=f"tune {study}",
            params={**best.overrides, "best_trial": best.number},
            metrics={**best.parts, "trials": float(len(made))},
            tags={**tags, "kind": "tuning"},
            started_at=min(done.started_at for done in made),
            ended_at=max(done.ended_at for done in made),
            folders={"report": Path(folder)},
        )
        trials = [
            RunRecord(
                name=f"trial {done.number} {done.group}".strip(),
                params={**done.overrides, "group": done.group},
                metrics={**done.parts, "seconds": done.seconds},
                tags={**tags, "state": "pruned" if done.value is None else "complete"},
                started_at=done.started_at,
                ended_at=done.ended_at,
            )
            for done in made
        ]
        record_nested(connect(home), home, experiment, parent, trials)


def _changed(model: BaseModel, default: BaseModel, path: str) -> Iterator[str]:
    """The model's own keys that differ, then those of its tables under their dotted names."""
    own = [name for name, _ in model if not isinstance(getattr(default, name), BaseModel)]
    differing = [name for name in own if getattr(model, name) != getattr(default, name)]
    if differing and path:
        yield ""
        yield f"[{path}]"
    plain = model.model_dump(mode="json")
    for name in differing:
        yield f"{name} = {toml_value(plain[name])}"
    for name, table in model:
        if name not in own:
            yield from _changed(table, getattr(default, name), f"{path}.{name}" if path else name)
