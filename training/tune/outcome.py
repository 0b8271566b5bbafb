"""What a search leaves behind: a configuration file with the keys that differ, and nested runs in MLflow.

Invariant: a file that is written reads back as the configuration that was measured.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from recsys.errors import ConfigError
from training.config import TrainingConfig, flatten, toml_value
from training.tracking import RunRecord, connect, record_nested
from training.tune.study import Done

__all__ = ["changed_keys", "changed_toml", "digest", "track_study"]


def changed_toml(config: TrainingConfig, head: Sequence[str] = ()) -> str:
    """A file for `recsys train --config`: the size, and what differs from what that alone sets; `head` as comments.

    ConfigError when TOML cannot say it so that it reads back the same.
    """
    sized = TrainingConfig.model_validate({"model": {"size": config.model.size}})
    text = "\n".join((*(f"# {line}" for line in head), *_changed(config, sized, ""))) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "tuned.toml"
        draft.write_text(text, "utf-8")
        read = TrainingConfig.read(draft)
    if read != config:
        wrong = ", ".join(sorted(changed_keys(config, read) | changed_keys(read, config)))
        raise ConfigError(f"the configuration cannot be written as a file; it reads back with other {wrong}")
    return text


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
    home: Path, experiment: str, study: str, made: Sequence[Done], best: Done, file: Path | None
) -> None:
    """A run for this call with a nested run per trial it made, and the file if one was written.

    Raises TrackingAwayError.
    """
    tags = {"study": study}
    with tempfile.TemporaryDirectory() as folder:
        if file is not None:
            shutil.copy(file, folder)
        parent = RunRecord(
            name=f"tune {study}",
            params={**best.overrides, "best_trial": best.number},
            metrics={**best.parts, "trials": float(len(made))},
            tags={**tags, "kind": "tuning"},
            started_at=min(done.started_at for done in made),
            ended_at=max(done.ended_at for done in made),
            folders={} if file is None else {"report": Path(folder)},
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
    """The model's own keys that differ and its `size`, then those of its tables under their dotted names."""
    own = [name for name, _ in model if not isinstance(getattr(default, name), BaseModel)]
    differing = [name for name in own if name == "size" or getattr(model, name) != getattr(default, name)]
    if differing and path:
        yield ""
        yield f"[{path}]"
    plain = model.model_dump(mode="json")
    for name in differing:
        yield f"{name} = {toml_value(plain[name])}"
    for name, table in model:
        if name not in own:
            yield from _changed(table, getattr(default, name), f"{path}.{name}" if path else name)
